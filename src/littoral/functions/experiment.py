"""The experiments of Faasm's TensorFlow example, with cold starts that are measured and not slept.

A cold start is a request whose function is not loaded in the process that answers: its record, manifest, files and
machine code are read from disk again. The model stays, as models belong to the host. The reference's own cold start, a
sleep of 800 ms in its native server, is a line with its name on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from littoral.functions.experiment_load import Load, Result, drive
from littoral.functions.experiment_stage import (
    CONTAINER,
    FUNCTION,
    FUNCTION_HTTP,
    NATIVE,
    NATIVE_HTTP,
    Stage,
)

COLD = (0.0, 0.002, 0.02, 0.2, 1.0)
"""Shares of cold starts."""

CONNECTIONS = (1, 2, 4, 8, 16, 32, 64, 100)
"""Of the closed loops."""

RATES = (0.25, 0.5, 0.7, 0.85, 0.95)
"""Of the open loops: shares of what the same contestant reached in a closed one."""

_ROUNDS = 3  # contestants take turns, so that whatever else the machine does slows all of them
_OPEN_CONNECTIONS = 100
_SHARE = {0.0: "", 1.0: ", all cold"}

Told = Callable[[int, int], None]
"""Hears how many parts are done, and how many there are."""


@dataclass(frozen=True)
class Line:
    """What was measured of a contestant under one load.

    Attributes:
        name: The contestant's.
        result: What became of it.
    """

    name: str
    result: Result

    @property
    def label(self) -> str:
        """Its name, with the share of cold starts."""
        share = self.result.load.cold
        return self.name + _SHARE.get(share, f", {share:.1%} cold".replace(".0%", "%"))

    def as_json(self) -> dict[str, Any]:
        """What json.dumps writes: seconds and shares as numbers."""
        load = self.result.load
        return {
            "contestant": self.name,
            "cold_share": load.cold,
            "connections": load.connections,
            "due_per_second": load.rate,
            "seconds": self.result.seconds,
            "answered": len(self.result.latencies),
            "failed": self.result.failed,
            "per_second": self.result.throughput,
            "latency_percentiles": self.result.percentiles(),
        }


def latency(stage: Stage, seconds: float, told: Told) -> list[Line]:
    """One connection in a closed loop: everybody, with all shares of cold starts that it can have.

    Args:
        stage: The contestants.
        seconds: For each line.
        told: Hears how far it is.
    """
    asked = [(name, Load(seconds)) for name in (NATIVE, NATIVE_HTTP)]
    asked += [(name, Load(seconds, cold=cold)) for name in (FUNCTION, FUNCTION_HTTP) for cold in COLD]
    asked += [(CONTAINER, Load(seconds, cold=cold)) for cold in COLD[1:]]
    return measure(stage, asked, told)


def throughput(stage: Stage, seconds: float, told: Told) -> list[Line]:
    """More and more connections in a closed loop, then higher and higher rates in an open one.

    Args:
        stage: The contestants.
        seconds: For each point.
        told: Hears how far it is.
    """
    shares = [(NATIVE_HTTP, 0.0), *((FUNCTION_HTTP, cold) for cold in (0.0, 0.02, 0.2)), (CONTAINER, 0.2)]
    asked = [(NATIVE, Load(seconds, connections)) for connections in CONNECTIONS]
    asked += [(name, Load(seconds, connections, cold)) for name, cold in shares for connections in CONNECTIONS]
    closed = measure(stage, asked, told)
    asked = []
    for name, cold in shares:
        most = max(line.result.throughput for line in closed if (line.name, line.result.load.cold) == (name, cold))
        asked += [(name, Load(seconds, _OPEN_CONNECTIONS, cold, most * rate)) for rate in RATES]
    return closed + measure(stage, asked, told)


def measure(stage: Stage, asked: Sequence[tuple[str, Load]], told: Told) -> list[Line]:
    """Puts loads on contestants, by turns.

    Args:
        stage: The contestants.
        asked: Their names and their loads; each load's time is that of all its turns.
        told: Hears how far it is.
    """
    turns: list[list[Result]] = [[] for _ in asked]
    for turn in range(_ROUNDS):
        for index, (name, load) in enumerate(asked):
            told(turn * len(asked) + index, _ROUNDS * len(asked))
            part = Load(load.seconds / _ROUNDS, load.connections, load.cold, load.rate)
            before = sum(result.requests for result in turns[index])
            turns[index].append(drive([stage.callers[name]() for _ in range(load.connections)], part, before))
    return [Line(name, merge(load, results)) for (name, load), results in zip(asked, turns, strict=True)]


def merge(load: Load, results: Sequence[Result]) -> Result:
    """The turns of one load as a whole."""
    return Result(
        load,
        sum(result.seconds for result in results),
        np.concatenate([result.latencies for result in results]),
        sum(result.failed for result in results),
    )
