"""What this machine has: processor features and memory, read from /proc."""

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
class Machine:
    """What this machine has. Accelerators are found by the packages that use them."""

    processor: Processor


def survey(root: Path = Path("/")) -> Machine:
    """Look at the machine.

    Args:
        root: The folder that holds proc.
    """
    return Machine(_processor(root))


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


def _text(path: Path) -> str:
    """The text of a file in /proc, "" where it cannot be read."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
