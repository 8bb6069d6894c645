"""What the doctor finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "note", "warning", "error"]


@dataclass(frozen=True)
class Finding:
    """One thing that the doctor says.

    Attributes:
        level: "ok" and "note" ask for nothing, a "warning" costs speed or may fail later, an "error" stops it.
        what: In words, without a full stop.
        remedy: The next command, or what else to do; empty where nothing is to be done.
    """

    level: Level
    what: str
    remedy: str = ""
