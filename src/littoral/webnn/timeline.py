"""What a context has been asked for, done in order by a thread of its own, or by whoever waits for it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable


class Timeline:
    """Jobs in order. They run in a thread that starts with the first; a caller that waits runs them itself.

    Jobs must not raise.
    """

    def __init__(self) -> None:
        self._jobs: deque[Callable[[], None]] = deque()
        self._turn = threading.RLock()  # who holds it runs jobs
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._ended = False

    def post(self, job: Callable[[], None]) -> None:
        """Has a job done after those before it; returns at once."""
        self._jobs.append(job)
        with self._wake:
            if self._thread is None and not self._ended:
                self._thread = threading.Thread(target=self._work, name="littoral-webnn", daemon=True)
                self._thread.start()
            self._wake.notify()

    def finish(self) -> None:
        """Returns when all that was posted is done."""
        with self._turn:
            while self._jobs:
                self._jobs.popleft()()

    def end(self) -> None:
        """Finishes, and ends the thread; ending again does nothing."""
        self.finish()
        with self._wake:
            self._ended = True
            self._wake.notify()

    def _work(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._jobs or self._ended)
                if self._ended:
                    return
            self.finish()
