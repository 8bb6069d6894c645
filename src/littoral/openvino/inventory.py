"""What OpenVINO finds on this machine, asked in a child process: drivers of GPUs and NPUs may crash or hang."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec

from littoral.errors import DeviceError, MissingExtraError
from littoral.openvino.options import PRECISIONS

_SECONDS = 60.0
_REMEDY = "Update the driver of the device that it looks for, or remove OpenVINO"


@dataclass(frozen=True)
class Unit:
    """Something of this machine that OpenVINO can compute on.

    Attributes:
        device: The device string for it, as in "openvino:GPU".
        name: In words, as its maker has it.
        version: Of OpenVINO's part for it.
        capabilities: What it is good at, in OpenVINO's words: "FP32", "BF16", "INT8" ...
    """

    device: str
    name: str
    version: str
    capabilities: tuple[str, ...]


def describe(timeout: float = _SECONDS) -> list[Unit]:
    """What OpenVINO finds on this machine; nothing is imported here.

    Args:
        timeout: Seconds.

    Raises:
        MissingExtraError: OpenVINO is not installed.
        DeviceError: It is of an unknown version, crashes, or does not answer in time.
    """
    if find_spec("openvino") is None:
        raise MissingExtraError("OpenVINO", "openvino")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", "littoral.openvino.look"]
    try:
        child = subprocess.run(
            command, env=environment, capture_output=True, text=True, errors="replace", timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise DeviceError(f"OpenVINO did not say in {timeout:g} s what it finds", _REMEDY) from error
    except OSError as error:
        raise DeviceError(f"the process that asks OpenVINO did not start: {error}") from error
    if child.returncode:
        raise DeviceError(f"OpenVINO cannot say what it finds: {_last_words(child)}", _REMEDY)
    return [Unit(**{**each, "capabilities": tuple(each["capabilities"])}) for each in json.loads(child.stdout)]


def devices() -> list[str]:
    """A device string for every unit of this machine and every precision that it has.

    Raises:
        LittoralError: As `describe` does.
    """
    found = []
    for unit in describe():
        name, _, where = unit.device.partition(":")
        there = [precision for precision, capability in PRECISIONS.items() if capability in unit.capabilities]
        found += [f"{name}:{precision}" + ("" if where == "CPU" else f":{where}") for precision in there]
    return found


def _last_words(child: subprocess.CompletedProcess[str]) -> str:
    lines = child.stderr.strip().splitlines() or ["it said nothing"]
    return f"signal {-child.returncode}, {lines[-1]}" if child.returncode < 0 else lines[-1]
