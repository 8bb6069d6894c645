"""How a worker is watched."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Isolation:
    """How a worker is watched.

    Attributes:
        timeout: Seconds that one call may take.
        silence: Seconds without a sign of life after which a worker counts as hung: it is stopped, or native code does
            not let go of the interpreter.
    """

    timeout: float = 60.0
    silence: float = 10.0
