"""How much one request may use."""

from __future__ import annotations

import re
from dataclasses import dataclass

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}
PAGE = 1 << 16
"""Bytes of a page of WebAssembly."""


@dataclass(frozen=True)
class Limits:
    """How much one request may use.

    Attributes:
        memory: Bytes of the instance's memory; and again as many for tensors that the host holds for it.
        time: Seconds from the start of the request, host calls included.
        output: Bytes of the answer.
        concurrency: Requests at once in one process.
    """

    memory: int = 64 << 20
    time: float = 10.0
    output: int = 1 << 20
    concurrency: int = 16


def parse_size(text: str) -> int | None:
    """Bytes of "64 MiB" and the like; None where it is no size."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", text.strip())
    unit = _UNITS.get(match[2].upper()) if match else None
    return int(float(match[1]) * unit) if match and unit else None


def show_size(size: int) -> str:
    """A size as a person writes it: the largest binary unit of which it is at least one."""
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return f"{size / unit:.4g} {name}"
    return f"{size} bytes"
