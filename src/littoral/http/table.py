"""Memory that a supervisor shares with its workers: what each owes its clients, and whether it lives.

A worker that is killed cannot say which of its connections wait for an answer. So it notes that here as it goes, and
the supervisor, who has every connection as well, answers in its place.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable

MOST_WORKERS = 256
_BEATS = MOST_WORKERS * 8


class Table:
    """A mark for each connection and a beat for each worker.

    Args:
        slots: How many connections there may be.
        descriptor: Of a table that another process has made; None to make one.
    """

    def __init__(self, slots: int, descriptor: int | None = None) -> None:
        self.slots = slots
        size = _BEATS + 9 * slots
        if descriptor is None:
            descriptor = os.memfd_create("littoral-table", 0)
            os.ftruncate(descriptor, size)
        self.descriptor = descriptor
        view = memoryview(mmap.mmap(descriptor, size))
        self.beats = view[:_BEATS].cast("d")
        """When each worker was last known to live, by the system's monotonic clock."""
        self.received = view[_BEATS : _BEATS + 8 * slots].cast("Q")
        """Bytes that the worker has taken from each connection."""
        self.owing = view[_BEATS + 8 * slots :]
        """1 where a request has begun and its answer is not with the kernel."""

    def clear(self, slot: int) -> None:
        """A new connection gets this slot."""
        self.received[slot] = 0
        self.owing[slot] = 0


class Mark:
    """A connection's place in the table.

    Args:
        table: The table.
        slot: Its place there.
        closed: Is told when the connection is closed, and whether it was let go for another worker.
    """

    def __init__(self, table: Table, slot: int, closed: Callable[[int, bool], None]) -> None:
        self._table = table
        self._slot = slot
        self._closed = closed
        self._released = False

    def received(self, count: int) -> None:
        """Bytes were taken: an answer is owed."""
        self._table.received[self._slot] += count
        self._table.owing[self._slot] = 1

    def idle(self) -> None:
        """Nothing is owed."""
        self._table.owing[self._slot] = 0

    def release(self) -> None:
        """The connection will be gone here, but is not to be closed."""
        self._released = True

    def gone(self) -> None:
        """It is closed here."""
        self._closed(self._slot, self._released)
