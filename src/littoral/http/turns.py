"""Whose turn it is: work that threads do beside an event loop, in queues with an end, fair between those who ask.

As many run at once as there are lanes. Work that takes longer than usual gives its lane free, so that what hangs or
loops does not stop the rest; and no key may have more than three quarters of the threads.
"""

from __future__ import annotations

import asyncio
import math
import queue
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")
_NEW = 0.1  # the weight of the newest request in the mean of their times


class FullError(Exception):
    """As many wait as may.

    Attributes:
        wait: Seconds in which there is likely to be room.
    """

    def __init__(self, wait: float) -> None:
        super().__init__(wait)
        self.wait = wait


class StuckError(Exception):
    """Work was not done long after it should have been, and cannot be stopped."""


@dataclass(frozen=True)
class Shape:
    """How much at once.

    Attributes:
        lanes: Pieces of work that run, unless they take long.
        threads: Pieces of work that run at all.
        waiting: Pieces of work of one key that may wait.
        waiting_in_all: Of all keys.
        patience: Seconds after which work gives its lane free.
    """

    lanes: int = 1
    threads: int = 16
    waiting: int = 64
    waiting_in_all: int = 256
    patience: float = 0.05

    @property
    def share(self) -> int:
        """Threads that one key may have."""
        return max(1, self.threads * 3 // 4)


Within = Callable[[float], None]
"""What work may call to say that it will be done within so many seconds."""


class _Job(Generic[_T]):
    """Work: its key, what is to be done, and for whom."""

    __slots__ = ("deadline", "future", "key", "limit", "started", "submitted", "work")

    def __init__(
        self, key: str, work: Callable[[Within], _T], limit: float, future: asyncio.Future[_T], now: float
    ) -> None:
        self.key = key
        self.work = work
        self.limit = limit
        self.future = future
        self.submitted = now
        self.started = now
        self.deadline = math.inf

    def within(self, seconds: float) -> None:
        """From now on."""
        self.deadline = time.monotonic() + seconds


class Turns:
    """Threads, and who waits for them. Everything but the work itself happens in one event loop.

    Args:
        shape: How much at once.
        stuck: Is told of the key of work that cannot be stopped.
    """

    def __init__(self, shape: Shape, stuck: Callable[[str], None] = lambda _: None) -> None:
        self._shape = shape
        self._stuck = stuck
        self._loop = asyncio.get_running_loop()
        self._waiting: OrderedDict[str, deque[_Job[Any]]] = OrderedDict()
        self._count = 0
        self._running: dict[_Job[Any], None] = {}
        self._of_key: dict[str, int] = {}
        self._work: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._threads = 0
        self._mean = 0.01
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """How many wait."""
        return self._count

    @property
    def running(self) -> int:
        """How many run."""
        return len(self._running)

    async def run(self, key: str, work: Callable[[Within], _T], limit: float) -> tuple[_T, float]:
        """Does work in a thread when it is its turn.

        Args:
            key: Who asks; those of one key wait for each other first.
            work: What to do.
            limit: Seconds after which it counts as stuck, unless it says itself how long it will take.

        Returns:
            What it gives, and the seconds that it waited for its turn.

        Raises:
            FullError: Too many wait.
            StuckError: It was not done in time; its thread is lost.
        """
        line = self._waiting.get(key)
        if self._count >= self._shape.waiting_in_all or (line is not None and len(line) >= self._shape.waiting):
            raise FullError(self._mean * (self._count + 1) / self._shape.lanes)
        job = _Job(key, work, limit, self._loop.create_future(), self._loop.time())
        self._waiting.setdefault(key, deque()).append(job)
        self._count += 1
        self._admit()
        try:
            result = await job.future
        except asyncio.CancelledError:
            self._give_up(job)
            raise
        return result, job.started - job.submitted

    def sweep(self, now: float) -> None:
        """Finds work that is stuck; to be called about twice a second with the loop's time."""
        for job in [job for job in self._running if now > job.deadline]:
            del self._running[job]
            self._threads -= 1  # a new one may take its place
            self._leave(job.key)
            if not job.future.done():
                job.future.set_exception(StuckError(job.key))
            self._stuck(job.key)
            self._admit()

    def _give_up(self, job: _Job[Any]) -> None:
        line = self._waiting.get(job.key)
        if line is not None and job in line:
            line.remove(job)
            self._count -= 1
            if not line:
                del self._waiting[job.key]

    def _admit(self) -> None:
        shape = self._shape
        while self._count and len(self._running) < shape.threads:
            now = self._loop.time()
            young = [job.started for job in self._running if now - job.started < shape.patience]
            if len(young) >= shape.lanes:
                if self._timer is None:
                    self._timer = self._loop.call_at(min(young) + shape.patience + 1e-3, self._again)
                return
            job = self._next()
            if job is None:
                return
            job.started, job.deadline = now, now + job.limit
            self._running[job] = None
            self._of_key[job.key] = self._of_key.get(job.key, 0) + 1
            if self._threads < len(self._running):
                self._threads += 1
                threading.Thread(target=self._labour, name=f"littoral-turn-{self._threads}", daemon=True).start()
            self._work.put(job)

    def _again(self) -> None:
        self._timer = None
        self._admit()

    def _next(self) -> _Job[Any] | None:
        """The next of those who may have a thread; its key goes to the end of the line."""
        free = (key for key in self._waiting if self._of_key.get(key, 0) < self._shape.share)
        key = next(free, None)
        if key is None:
            return None
        line = self._waiting[key]
        job = line.popleft()
        self._count -= 1
        if line:
            self._waiting.move_to_end(key)
        else:
            del self._waiting[key]
        return job

    def _leave(self, key: str) -> None:
        self._of_key[key] -= 1
        if not self._of_key[key]:
            del self._of_key[key]

    def _labour(self) -> None:
        while (job := self._work.get()) is not None:
            result: Any = None
            error: BaseException | None = None
            try:
                result = job.work(job.within)
            except BaseException as problem:
                error = problem
            try:
                self._loop.call_soon_threadsafe(self._done, job, result, error)
            except RuntimeError:  # the loop is closed
                return
            del job, result, error

    def _done(self, job: _Job[Any], result: Any, error: BaseException | None) -> None:
        if job not in self._running:
            self._work.put(None)  # it was stuck, and has come back: its thread has been replaced
            return
        del self._running[job]
        self._leave(job.key)
        self._mean += _NEW * (self._loop.time() - job.started - self._mean)
        if not job.future.done():
            if error is None:
                job.future.set_result(result)
            else:
                job.future.set_exception(error)
        self._admit()
