"""What a context has been asked for, done in order by a thread of its own, or by whoever waits for it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeVar

_T = TypeVar("_T")


class Timeline:
    """Jobs in order, one at a time.

    A thread does them, which starts with the first one that is handed to it. A caller that waits does them itself, and
    so does one who posts a brief job while there are no others: waking a thread takes tens of microseconds. Jobs must
    not raise.
    """

    def __init__(self) -> None:
        self._jobs: deque[Callable[[], None]] = deque()
        self._turn = threading.Lock()  # who holds it does a job
        self._wake: SimpleQueue[bool] = SimpleQueue()  # False ends the thread
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ended = False

    def post(self, job: Callable[[], None], *, brief: bool = False) -> None:
        """Has a job done after those before it. Once the timeline has ended it is done at once.

        Args:
            job: What to do.
            brief: It takes no longer than waking the thread would: it is done at once where none is before it.
        """
        if self._ended:
            job()
        elif not (brief and self.at_once(job)):
            self._jobs.append(job)
            self._wake_up()

    def at_once(self, job: Callable[[], None]) -> bool:
        """Does a job now where none is before it; says whether it has. It must not raise."""
        if self._jobs or not self._turn.acquire(blocking=False):
            return False
        try:
            job()
        finally:
            self._turn.release()
            self._wake_up()
        return True

    def finish(self, last: Callable[[], _T]) -> _T:
        """Does something when all that was posted before is done, and returns what it returns; it may raise."""
        waiting = len(self._jobs)
        try:
            with self._turn:
                for _ in range(waiting):
                    self._do_one()
                return last()
        finally:
            self._wake_up()

    def end(self) -> None:
        """Waits for the job that is being done, and drops those after it; ending again does nothing."""
        self._ended = True
        with self._turn:
            self._jobs.clear()
        self._wake.put(False)

    def _wake_up(self) -> None:
        """Has the thread look for jobs; after each turn too, as it may have looked while that was on."""
        if self._jobs:
            if self._thread is None:
                self._start()
            self._wake.put(True)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="littoral-webnn", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while self._wake.get():
            while self._jobs and self._turn.acquire(blocking=False):
                try:
                    self._do_one()
                finally:
                    self._turn.release()

    def _do_one(self) -> None:
        if self._jobs and not self._ended:
            self._jobs.popleft()()
