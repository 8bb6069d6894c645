#!/bin/sh
# The Debian packages that some tests need: a C compiler and umockdev for stand-in devices, Chromium for web pages.
# As root on a Debian they are installed; elsewhere a line says what is missing, and the tests that need it are skipped.
set -eu

missing=
for pair in gcc:gcc umockdev-run:umockdev chromium:chromium; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair#*:}"
done
[ -f /usr/include/stdio.h ] || missing="$missing libc6-dev"
/sbin/ldconfig -p | grep -q libusb-1.0.so.0 || missing="$missing libusb-1.0-0"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086 # one word a package
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "not installed, so some tests are skipped:$missing. On Debian: sudo apt-get install$missing" >&2
fi
