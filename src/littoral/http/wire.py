"""What a supervisor and its workers say to each other: a kind and a number a message."""

from __future__ import annotations

import struct

CONNECTION = 1
"""To a worker: a connection for this slot; its descriptor travels along."""
DRAIN = 2
"""To a worker: answer what is under way, close the rest, end."""
RETIRE = 3
"""To a worker: answer what is under way, let go of the rest, end."""
UP = 4
"""From a worker: it serves."""
CLOSED = 5
"""From a worker: the connection of this slot is closed."""
RELEASED = 6
"""From a worker: the connection of this slot is for another one."""
STUCK = 7
"""From a worker: a thread of it cannot be stopped; it should be replaced."""
METRICS = 8
"""From a worker: what are the metrics? The number comes back with the answer, whose descriptor travels along."""

SHARE = 9
"""To a worker: let go of so many connections, when nothing is under way on them; others have less to do."""

_MESSAGE = struct.Struct("<BI")
LONGEST = _MESSAGE.size


def pack(kind: int, number: int = 0) -> bytes:
    """A message."""
    return _MESSAGE.pack(kind, number)


def unpack(message: bytes) -> tuple[int, int]:
    """Its kind and number."""
    kind, number = _MESSAGE.unpack(message)
    return kind, number
