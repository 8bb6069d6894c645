"""How often each token may ask: one number a token, in memory that all workers share.

The generic cell rate algorithm (ITU-T I.371): the number is the time at which the next request would be due at the
agreed rate. A request may come earlier by what the burst allows; otherwise it is told how long to wait.
"""

from __future__ import annotations

import fcntl
import mmap
import os

MOST_TOKENS = 1 << 16


class Quotas:
    """The state of all quotas.

    Args:
        descriptor: Of what another process has made; None to make it.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        size = 8 * MOST_TOKENS
        if descriptor is None:
            descriptor = os.memfd_create("littoral-quotas", 0)
            os.ftruncate(descriptor, size)
        self.descriptor = descriptor
        self._due = memoryview(mmap.mmap(descriptor, size)).cast("d")

    def take(self, number: int, rate: float, burst: float, now: float) -> float:
        """Counts a request.

        Args:
            number: The token's, below MOST_TOKENS.
            rate: Requests a second.
            burst: Requests that may come at once.
            now: By the system's monotonic clock, which all processes share.

        Returns:
            0 where it may go on; else seconds until one may, and it was not counted.
        """
        fcntl.lockf(self.descriptor, fcntl.LOCK_EX, 8, 8 * number)
        try:
            due = max(self._due[number], now)
            wait = due - now - (burst - 1) / rate
            if wait > 1e-9:
                return wait
            self._due[number] = due + 1 / rate
            return 0.0
        finally:
            fcntl.lockf(self.descriptor, fcntl.LOCK_UN, 8, 8 * number)
