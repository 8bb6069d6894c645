"""What this machine has: processor features, memory, accelerators that the kernel shows.

Everything is read from /proc and /sys, so that asking never touches a device or loads a driver.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

VECTOR = {"avx2": "AVX2", "avx512f": "AVX-512", "asimd": "Neon", "sve": "SVE", "sve2": "SVE2"}
INTEGER = {
    "avx_vnni": "AVX-VNNI",
    "avx512_vnni": "AVX512-VNNI",
    "amx_int8": "AMX int8",
    "asimddp": "dot product",
    "i8mm": "int8 matrix",
}
HALF = {"avx512_fp16": "AVX512-FP16", "asimdhp": "Armv8.2 half precision"}
BFLOAT = {"amx_bf16": "AMX bf16", "avx512_bf16": "AVX512-BF16", "bf16": "Arm bf16"}

_CORAL_USB = {("1a6e", "089a"): "before its firmware", ("18d1", "9302"): "ready"}
_USB2_SPEED = 480  # Mbit/s


@dataclass(frozen=True)
class Processor:
    """The processor as this process may use it.

    Attributes:
        name: As the kernel gives it.
        architecture: "x86_64", "aarch64" ...
        cores: That this process may run on.
        memory: Bytes.
        vector: Instruction sets for float32.
        integer: For int8.
        half: For float16 arithmetic: with any of them `cpu:fp16` is fast.
        bfloat: For bfloat16.
    """

    name: str
    architecture: str
    cores: int
    memory: int
    vector: tuple[str, ...]
    integer: tuple[str, ...]
    half: tuple[str, ...]
    bfloat: tuple[str, ...]


@dataclass(frozen=True)
class Accelerator:
    """A chip that the kernel shows.

    Attributes:
        device: The device string that would use it, as in "coral:usb:0".
        what: In words.
        warning: What is wrong with it; empty when nothing is.
    """

    device: str
    what: str
    warning: str = ""


@dataclass(frozen=True)
class Machine:
    """What this machine has."""

    processor: Processor
    accelerators: tuple[Accelerator, ...]


def survey(root: Path = Path("/")) -> Machine:
    """Look at the machine.

    Args:
        root: The folder that holds proc and sys.
    """
    return Machine(_processor(root), (*_coral_usb(root), *_coral_pci(root)))


def _processor(root: Path) -> Processor:
    fields = _cpuinfo(root / "proc/cpuinfo")
    flags = set((fields.get("flags") or fields.get("Features") or "").split())
    vector, integer, half, bfloat = (
        tuple(words for flag, words in table.items() if flag in flags) for table in (VECTOR, INTEGER, HALF, BFLOAT)
    )
    name = fields.get("model name") or fields.get("Model") or platform.processor() or platform.machine()
    return Processor(name, platform.machine(), usable_cores(), _memory(root), vector, integer, half, bfloat)


def usable_cores() -> int:
    """How many cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpuinfo(path: Path) -> dict[str, str]:
    """The first value of each key in /proc/cpuinfo; empty where there is none."""
    fields: dict[str, str] = {}
    for line in _text(path).splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    return fields


def _memory(root: Path) -> int:
    for line in _text(root / "proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    return 0


def _coral_usb(root: Path) -> list[Accelerator]:
    """Coral USB accelerators in the order of their ports."""
    found: list[Accelerator] = []
    for folder in sorted((root / "sys/bus/usb/devices").glob("*-*")):
        state = _CORAL_USB.get((_text(folder / "idVendor"), _text(folder / "idProduct")))
        if state is None:
            continue
        speed = _text(folder / "speed")
        slow = speed.isdigit() and int(speed) <= _USB2_SPEED
        warning = f"on a USB 2 port ({speed} Mbit/s), which makes it slow" if slow else ""
        found.append(
            Accelerator(f"coral:usb:{len(found)}", f"Coral USB Accelerator at port {folder.name}, {state}", warning)
        )
    return found


def _coral_pci(root: Path) -> list[Accelerator]:
    """Coral chips on PCIe or M.2, which the gasket driver shows as apex devices."""
    folders = sorted((root / "sys/class/apex").glob("apex*"))
    return [
        Accelerator(f"coral:pci:{index}", f"Coral PCIe chip /dev/{folder.name}", _heat(_text(folder / "temp")))
        for index, folder in enumerate(folders)
    ]


def _heat(millidegrees: str, limit: float = 85.0) -> str:
    """A warning from the first trip point on, where the driver slows the chip down."""
    celsius = int(millidegrees) / 1000 if millidegrees.lstrip("-").isdigit() else 0.0
    return f"{celsius:.0f} °C: it slows down from {limit:.0f} °C on" if celsius >= limit else ""


def _text(path: Path) -> str:
    """The text of a file in /proc or /sys, "" where it cannot be read."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
