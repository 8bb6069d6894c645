"""The hardware report: what a person with a chip sends back, since the machines that build littoral have none."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

from littoral.coral import chips
from littoral.coral.doctor import Examination
from littoral.devices import survey

FORMAT = "littoral-hardware-report"
_PACKAGES = ("littoral", "ai-edge-litert", "numpy")


def hardware_report(
    examination: Examination, runs: Sequence[Mapping[str, Any]] = (), root: Path = Path("/")
) -> dict[str, Any]:
    """Everything that there is to tell about a machine and its chips.

    Args:
        examination: Of the doctor.
        runs: What came of running compiled models on the chips, one each model and chip.
        root: The folder that holds etc, proc, sys and dev.

    Returns:
        What `json.dumps` writes; "chips_after" are the chips once more, for their heat and firmware after the runs.
    """
    return {
        "format": FORMAT,
        "version": 1,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "packages": {name: version for name in _PACKAGES if (version := _version(name))},
        "system": _system(root),
        "machine": asdict(survey(root)),
        **examination.summary(),
        "runs": [dict(run) for run in runs],
        "chips_after": [chip.summary() for chip in chips.find(root)],
    }


def write_report(report: Mapping[str, Any], path: Path) -> None:
    """Write a report as JSON: to a temporary file beside it, which is then renamed.

    Raises:
        OSError: It cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _system(root: Path) -> dict[str, str]:
    """What the machine is and runs: no names of people or hosts."""
    release = re.search(r'^PRETTY_NAME="?([^"\n]*)', _text(root / "etc/os-release"), re.MULTILINE)
    return {
        "board": _text(root / "proc/device-tree/model") or _text(root / "sys/class/dmi/id/product_name"),
        "distribution": release[1] if release else "",
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "usb_driver": ", ".join(_controllers(root)),
    }


def _controllers(root: Path) -> list[str]:
    """The kernel drivers of the USB host controllers, which matter for speed and lock-ups."""
    hubs = sorted((root / "sys/bus/usb/devices").glob("usb*"))
    return sorted({_text(hub / "manufacturer") for hub in hubs} - {""})


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip().strip("\0")
    except OSError:
        return ""


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
