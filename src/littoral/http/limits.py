"""What a client may ask of a server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a client may ask of a server.

    Attributes:
        head: Bytes of a request's line and headers.
        body: Bytes of its body.
        held: Bytes of all bodies that one process holds.
        head_time: Seconds until the headers are here.
        body_time: Seconds until the body is here, from the headers on.
        idle_time: Seconds that a connection may be idle.
        write_time: Seconds that a client may read nothing of an answer.
    """

    head: int = 32 << 10
    body: int = 32 << 20
    held: int = 256 << 20
    head_time: float = 10.0
    body_time: float = 60.0
    idle_time: float = 75.0
    write_time: float = 30.0
