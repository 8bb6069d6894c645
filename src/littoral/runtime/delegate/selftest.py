"""Proves once, in a child process, that a runtime's structs are laid out as we think; remembers that it did."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from littoral.errors import DeviceError
from littoral.runtime.home import cache_folder

_SECONDS = 120


def check_runtime(interpreter: type[Any]) -> None:
    """Proves that an interpreter class runs delegates written in Python, unless that was done before.

    What was proven lies under LITTORAL_HOME (by default the user's cache folder), by the versions of the runtime, of
    littoral and of Python, and the kind of machine. Failures are not remembered.

    Raises:
        DeviceError: It does not.
    """
    original = interpreter.__mro__[-2]  # also when somebody made a subclass of it
    _prove(original.__module__, original.__qualname__)


@cache
def _prove(module: str, cls: str) -> None:
    name = module.partition(".")[0]
    runtime = f"{name} {_version(name)}"
    proof = _proof(runtime)
    if proof.exists():
        return
    _run(module, cls, runtime)
    with suppress(OSError):  # without the proof the next process tests again
        _write(proof, runtime)


def _run(module: str, cls: str, runtime: str) -> None:
    remedy = "Use the ai-edge-litert that littoral asks for, or a device without a delegate"
    if sys.maxsize < 2**32:
        raise DeviceError("delegates written in Python need a 64-bit Python", remedy)
    command = [
        sys.executable,
        "-m",
        "littoral.runtime.delegate.probe",
        module,
        cls,
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        child = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DeviceError(f"{runtime} did not finish the test of delegates in {_SECONDS} s", remedy) from error
    except OSError as error:
        raise DeviceError(f"the test of {runtime} did not start: {error}", remedy) from error
    if child.returncode:
        raise DeviceError(f"{runtime} does not run delegates written in Python: {_last_words(child)}", remedy)


def _last_words(child: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in child.stderr.splitlines() if line.strip()]
    said = lines[-1].strip() if lines else "it said nothing"
    return f"its test ended with signal {-child.returncode}, {said}" if child.returncode < 0 else said


def _version(name: str) -> str:
    """The version of an installed package, which is not always named as its module."""
    found = getattr(import_module(name), "__version__", None)
    return str(found or metadata.version(name))


def _proof(runtime: str) -> Path:
    parts = (
        runtime.replace(" ", "-"),
        f"littoral-{metadata.version('littoral')}",
        f"{sys.implementation.cache_tag}-{sys.platform}-{platform.machine()}",
    )
    return cache_folder() / "delegates" / f"{'_'.join(parts)}.json"


def _write(proof: Path, runtime: str) -> None:
    proof.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=proof.parent, delete=False) as file:
        file.write(json.dumps({"runtime": runtime, "delegates": "work"}))
    Path(file.name).replace(proof)
