"""When a worker that failed is started again."""

from __future__ import annotations


class Backoff:
    """The wait before each restart: none after the first failure, then twice as long each time, up to a limit.

    Args:
        first: Seconds after the second failure in a row.
        longest: Seconds.
    """

    def __init__(self, first: float, longest: float) -> None:
        self._first = first
        self._longest = longest
        self._until = 0.0
        self.failures = 0  # in a row

    def fail(self, now: float) -> None:
        """It failed.

        Args:
            now: Seconds of a clock that goes on.
        """
        doublings = min(self.failures - 1, 60)  # what is longer than any limit need not be computed
        wait = min(self._longest, self._first * 2**doublings) if self.failures else 0.0
        self.failures += 1
        self._until = now + wait

    def succeed(self) -> None:
        """It did what it should."""
        self.failures = 0
        self._until = 0.0

    def left(self, now: float) -> float:
        """Seconds until it may be started; 0 where it may."""
        return max(0.0, self._until - now)
