#!/bin/sh
# Makes .venv with a private uv and the locked packages. Needs python3 >= 3.10; as root it installs Debian's venv module by itself.
set -eu
python=${PYTHON:-python3}

if ! "$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))'; then
    echo "littoral needs Python 3.10 to 3.13, and $python is $("$python" -V 2>&1). Name another one: make PYTHON=python3.12 ..." >&2
    exit 2
fi

if ! [ -x .venv/bin/pip ]; then
    if ! "$python" -m venv .venv 2>/dev/null; then
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            apt-get update -qq && apt-get install -y -qq python3-venv
            "$python" -m venv --clear .venv
        else
            echo "$python has no venv module. Install it: sudo apt-get install python3-venv" >&2
            exit 2
        fi
    fi
fi

.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r bootstrap.lock
.venv/bin/uv pip sync --quiet --python .venv/bin/python --require-hashes bootstrap.lock requirements.lock
.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
