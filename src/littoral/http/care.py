"""How workers are looked after."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Care:
    """How workers are looked after.

    Attributes:
        workers: How many there are to be.
        connections: How many clients may be connected.
        silence: Seconds without a sign of life after which a worker hangs, and is killed.
        start: Seconds that a worker may take to start.
        drain: Seconds that requests have to end when the server does.
    """

    workers: int = 2
    connections: int = 1024
    silence: float = 10.0
    start: float = 60.0
    drain: float = 30.0
