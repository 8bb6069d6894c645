"""Load: requests of several callers at once, and how long each of them took.

In a closed loop each caller sends its next request when it has its answer. In an open loop requests are due at times
that nobody's answer moves, and a request's time counts from when it was due: a slow answer makes those behind it slow,
and none is left out because a caller was waiting (no coordinated omission).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

PERCENTILES = (*range(100), 99.9, 100)


@dataclass(frozen=True)
class Load:
    """What is asked of whoever answers.

    Attributes:
        seconds: How long.
        connections: How many callers there are.
        cold: The share of requests that find their function not loaded, from 0 to 1.
        rate: Requests due a second, in an open loop; None for a closed one.
    """

    seconds: float
    connections: int = 1
    cold: float = 0.0
    rate: float | None = None


@dataclass(frozen=True)
class Caller:
    """Who sends requests, one after the other.

    Attributes:
        send: Sends one and waits for its answer; False where it was refused or failed.
        prepare: Is told before each, untimed, whether it is to be a cold one.
        close: Is called after the last.
    """

    send: Callable[[], bool]
    prepare: Callable[[bool], None] = lambda _: None
    close: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Result:
    """What became of a load.

    Attributes:
        load: What was asked.
        seconds: How long it took: until the last answer, and in an open loop until the last request was sent.
        latencies: Seconds of each request that was answered, in no order.
        failed: How many were not.
    """

    load: Load
    seconds: float
    latencies: npt.NDArray[np.float64]
    failed: int

    @property
    def requests(self) -> int:
        """How many there were."""
        return len(self.latencies) + self.failed

    @property
    def throughput(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    def percentiles(self) -> dict[str, float]:
        """Seconds that so many percent of the answers stay below; empty where there is none."""
        if not len(self.latencies):
            return {}
        found = np.percentile(self.latencies, PERCENTILES)
        return {f"{percent:g}": float(value) for percent, value in zip(PERCENTILES, found, strict=True)}


def is_cold(index: int, share: float) -> bool:
    """Whether a request is to be a cold one: evenly spread, in a long run exactly that share of them."""
    return int((index + 1) * share) > int(index * share)


def due_times(rate: float, seconds: float, seed: int = 0) -> npt.NDArray[np.float64]:
    """When requests of many who know nothing of each other are due: exponential gaps, the same for the same seed."""
    gaps = np.random.default_rng(seed).exponential(1 / rate, int(rate * seconds * 2) + 20)
    times = np.cumsum(gaps)
    return times[times < seconds]


def drive(callers: Sequence[Caller], load: Load, before: int = 0) -> Result:
    """Puts a load on whoever answers the callers, each of which has a thread of its own.

    Args:
        callers: As many as the load has connections.
        load: What to ask.
        before: How many requests of the same kind there were before these: cold ones stay evenly spread.
    """
    plan = _Plan(load, before)
    threads = [threading.Thread(target=plan.work, args=(caller,), daemon=True) for caller in callers]
    start = plan.begin()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if plan.broken is not None:
        raise plan.broken
    took = time.perf_counter() - start if load.rate is None else max(plan.sent - start, load.seconds)
    return Result(load, took, np.array(plan.latencies), plan.failed)


class _Plan:
    """Hands out requests to callers, and keeps what they took."""

    def __init__(self, load: Load, before: int) -> None:
        self._load = load
        self._before = before
        self._due = None if load.rate is None else due_times(load.rate, load.seconds)
        self._index = 0
        self._start = 0.0
        self._lock = threading.Lock()
        self.latencies: list[float] = []
        self.failed = 0
        self.sent = 0.0
        self.broken: BaseException | None = None

    def begin(self) -> float:
        self._start = time.perf_counter()
        return self._start

    def work(self, caller: Caller) -> None:
        try:
            while (found := self._next()) is not None:
                self._one(caller, *found)
        except BaseException as error:
            self.broken = error
        finally:
            caller.close()

    def _next(self) -> tuple[int, float | None] | None:
        """The number of the next request, and when it is due in an open loop; None after the last."""
        with self._lock:
            index, self._index = self._index, self._index + 1
        if self.broken is not None:
            return None
        if self._due is None:
            return (index, None) if time.perf_counter() - self._start < self._load.seconds else None
        return (index, self._start + float(self._due[index])) if index < len(self._due) else None

    def _one(self, caller: Caller, index: int, due: float | None) -> None:
        caller.prepare(is_cold(self._before + index, self._load.cold))
        if due is not None and (wait := due - time.perf_counter()) > 0:
            time.sleep(wait)
        sent = time.perf_counter()
        answered = caller.send()
        took = time.perf_counter() - (sent if due is None else due)
        with self._lock:
            self.sent = max(self.sent, sent)
            if answered:
                self.latencies.append(took)
            else:
                self.failed += 1
