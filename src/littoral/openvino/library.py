"""The openvino package: imported when it is first used, and checked."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from littoral.errors import DeviceError, MissingExtraError

OLDEST = (2026, 2)
"""Older releases read model files differently."""

_REMEDY = 'Install a release that is known: pip install -U "littoral[openvino]"'


@cache
def openvino() -> Any:
    """The module `openvino`.

    Raises:
        MissingExtraError: It is not installed.
        DeviceError: It cannot be imported, or is too old or of an unknown version.
    """
    if find_spec("openvino") is None:
        raise MissingExtraError("OpenVINO", "openvino")
    try:
        module = import_module("openvino")
        version = module.get_version()
    except (ImportError, OSError, AttributeError) as error:
        raise DeviceError(f"the installed openvino cannot be used: {error}", _REMEDY) from error
    check_version(version)
    return module


def check_version(version: str) -> None:
    """Raises DeviceError for a version, as in "2026.4.1-22982-...", that is too old or cannot be read."""
    found = re.match(r"(\d{4})\.(\d+)", version)
    if not found:
        raise DeviceError(f"openvino is of an unknown version, {version!r}", _REMEDY)
    if tuple(map(int, found.groups())) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise DeviceError(f"openvino {version.partition('-')[0]} is too old: {oldest} is the first that works", _REMEDY)


@cache
def core() -> Any:
    """OpenVINO's `Core`: one a process, as it holds the plugins."""
    return openvino().Core()


def capabilities(unit: str) -> tuple[str, ...]:
    """What a unit is good at (OPTIMIZATION_CAPABILITIES), as in ("FP32", "BF16", "INT8")."""
    return tuple(core().get_property(unit, "OPTIMIZATION_CAPABILITIES"))


def units(wanted: str = "") -> dict[str, tuple[str, ...]]:
    """The units of this machine by name, with their capabilities; the drivers of others are not touched for the CPU."""
    names = ["CPU"] if wanted == "CPU" else core().available_devices
    return {name: capabilities(name) for name in names}


def version(unit: str) -> str:
    """The version of OpenVINO's part for a unit, as in "2026.4.1-22982-..."."""
    return str(core().get_versions(unit)[unit.partition(".")[0]].build_number)
