"""What it costs to start: `python -m littoral.check.start FILE DEVICE THREADS`, a process that loads a model once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from littoral.check.inputs import random_inputs
from littoral.errors import LittoralError
from littoral.runtime import load

_SECONDS = 120.0


@dataclass(frozen=True)
class Start:
    """The start of a model in a process of its own, in which numpy is imported but nothing that runs models.

    Args:
        load: Seconds to load it, libraries of the device included. What is kept on disk of earlier loads is used.
        first: Seconds of the first call.
        memory: Bytes by which the process grew until after that call; None where that is not known: the system does not
            tell, or the model runs in another process.
    """

    load: float
    first: float
    memory: int | None


def start(file: str | os.PathLike[str], device: str, threads: int, timeout: float = _SECONDS) -> Start | None:
    """Starts a model in a process of its own; None where that fails.

    Args:
        file: A model file.
        device: A device string.
        threads: For each call.
        timeout: Seconds.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", "littoral.check.start", os.fspath(file), device, str(threads)]
    try:
        child = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout, check=True)
        return Start(**json.loads(child.stdout.splitlines()[-1]))
    except (subprocess.SubprocessError, OSError, ValueError, IndexError):
        return None


def _here(file: str, device: str, threads: int) -> dict[str, float | None]:
    """The fields of Start, measured in this process."""
    memory = _resident()
    begin = time.perf_counter()
    with load(file, device, threads) as model:
        loaded = time.perf_counter()
        inputs = random_inputs(model, seed=0, raw=True)
        calling = time.perf_counter()
        model(inputs, raw=True)
        done = time.perf_counter()
        known = memory is not None and not model.isolated
        grown = max(0, (_resident() or 0) - (memory or 0)) if known else None
    return {"load": loaded - begin, "first": done - calling, "memory": grown}


def _resident() -> int | None:
    """Bytes of memory that this process has in use."""
    try:
        pages = Path("/proc/self/statm").read_text().split()[1]
    except OSError:
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    try:
        print(json.dumps(_here(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
    except LittoralError as error:
        sys.exit(str(error))
