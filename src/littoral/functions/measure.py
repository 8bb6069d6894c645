"""How fast a deployed function is on this machine, without HTTP."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from littoral.functions.function import Answer
from littoral.functions.shelf import Shelf


@dataclass(frozen=True)
class Spread:
    """Seconds: the median, and what one of a hundred exceeds."""

    p50: float
    p99: float


@dataclass(frozen=True)
class Measured:
    """A function under a load of one caller.

    Attributes:
        calls: How many.
        total: Of a request.
        instance: To make its instance.
        inference: In models.
        rest: What the guest and its host calls take.
        cold: Seconds of the first request, with machine code, models and files loaded from disk.
        answer: The last one.
    """

    calls: int
    total: Spread
    instance: Spread
    inference: Spread
    rest: Spread
    cold: float
    answer: Answer


def measure(shelf: Shelf, name: str, body: bytes, seconds: float = 2.0) -> Measured:
    """Calls a function again and again.

    Raises:
        StoreError: There is no such function.
        FunctionError: It fails.
    """
    shelf.drop(name)
    start = time.perf_counter()
    with shelf.lease(name) as lease:
        answer = lease.function.invoke(body)
        cold = time.perf_counter() - start
        timings: list[tuple[float, float, float]] = []
        while time.perf_counter() - start < seconds or not timings:
            answer = lease.function.invoke(body)
            timings.append((answer.timing.total, answer.timing.instance, answer.timing.inference))
    total, instance, inference = np.array(timings).T
    return Measured(
        calls=len(timings),
        total=_spread(total),
        instance=_spread(instance),
        inference=_spread(inference),
        rest=_spread(total - instance - inference),
        cold=cold,
        answer=answer,
    )


def _spread(seconds: npt.NDArray[np.float64]) -> Spread:
    p50, p99 = np.percentile(seconds, (50, 99))
    return Spread(float(p50), float(p99))
