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

IDLE, OWED, BEGUN, WRITTEN = range(4)
"""Of a connection: nothing is under way; a request has begun; its answer has, too; the answer is whole, but may not be
with the kernel yet."""


class Table:
    """A few numbers for each connection and a beat for each worker.

    Args:
        slots: How many connections there may be.
        descriptor: Of a table that another process has made; None to make one.
    """

    def __init__(self, slots: int, descriptor: int | None = None) -> None:
        self.slots = slots
        size = _BEATS + 25 * slots
        if descriptor is None:
            descriptor = os.memfd_create("littoral-table", 0)
            os.ftruncate(descriptor, size)
        self.descriptor = descriptor
        view = memoryview(mmap.mmap(descriptor, size))
        counts = [view[_BEATS + 8 * slots * n :][: 8 * slots].cast("Q") for n in range(3)]
        self.beats = view[:_BEATS].cast("d")
        """When each worker was last known to live, by the system's monotonic clock."""
        self.received = counts[0]
        """Bytes that workers have taken from each connection."""
        self.sent = counts[1]
        """Bytes that they have written to it."""
        self.before = counts[2]
        """How many of those before the last answer."""
        self.state = view[_BEATS + 24 * slots :]
        """IDLE, OWED, BEGUN or WRITTEN."""

    def clear(self, slot: int) -> None:
        """A new connection gets this slot."""
        self.received[slot] = self.sent[slot] = self.before[slot] = 0
        self.state[slot] = IDLE


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
        if self._table.state[self._slot] != BEGUN:
            self._table.state[self._slot] = OWED

    def answering(self, count: int, first: bool, last: bool) -> None:
        """Bytes of an answer are about to be written: noted before, as the client may have them before we go on.

        Args:
            count: How many.
            first: Whether the answer begins with them.
            last: Whether it ends with them.
        """
        if first:
            self._table.before[self._slot] = self._table.sent[self._slot]
        self._table.sent[self._slot] += count
        self._table.state[self._slot] = WRITTEN if last else BEGUN

    def aside(self, count: int) -> None:
        """Bytes that are no answer are about to be written."""
        self._table.sent[self._slot] += count

    def owing(self) -> None:
        """Another answer is owed already."""
        self._table.state[self._slot] = OWED

    def idle(self) -> None:
        """Nothing is owed."""
        self._table.state[self._slot] = IDLE

    def release(self) -> None:
        """The connection will be gone here, but is not to be closed."""
        self._released = True

    def gone(self) -> None:
        """It is closed here."""
        self._closed(self._slot, self._released)
