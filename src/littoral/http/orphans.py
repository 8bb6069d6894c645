"""Connections whose worker is dead: they get an answer, and time to read it."""

from __future__ import annotations

import contextlib
import fcntl
import socket
import struct
import termios
import time
from dataclasses import dataclass

from littoral.http.answers import JSON, Problem
from littoral.http.table import BEGUN, IDLE, WRITTEN, Table

_TIME = 2.0  # seconds to read the answer
_ACKNOWLEDGED, _RECEIVED = 120, 128  # where struct tcp_info (linux/tcp.h) has tcpi_bytes_acked, tcpi_bytes_received


@dataclass(frozen=True)
class Traffic:
    """Bytes of a connection, as the kernel counts them.

    Attributes:
        taken: What processes have read from it.
        given: What they have written to it.
    """

    taken: int
    given: int


def traffic(connection: socket.socket) -> Traffic | None:
    """How much went over a connection; None where the system does not tell."""
    try:
        before = _counts(connection)
        while before is not None:
            unread = struct.unpack("i", fcntl.ioctl(connection, termios.FIONREAD, bytes(4)))[0]
            unsent = struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))[0]
            after = _counts(connection)
            if after == before:  # else something arrived meanwhile, and the numbers do not belong together
                acknowledged, received = before
                return Traffic(received - unread, acknowledged + unsent)
            before = after
    except (OSError, AttributeError):
        return None
    return None


def _counts(connection: socket.socket) -> tuple[int, int] | None:
    """Bytes that the other side has acknowledged, and those that have come from there."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RECEIVED + 8)
    if len(info) < _RECEIVED + 8:
        return None
    acknowledged, received = struct.unpack_from("QQ", info, _ACKNOWLEDGED)
    return int(acknowledged), int(received)


def fate(connection: socket.socket, table: Table, slot: int) -> str:
    """What is to become of a connection whose worker is dead.

    Returns:
        "hand on": nothing was under way; "answer": a request waits for its answer; "close": half of an answer is out.
    """
    state, seen = table.state[slot], traffic(connection)
    if seen is not None and seen.taken > table.received[slot] and state != BEGUN:
        return "answer"  # it was killed between reading and noting
    if state in (BEGUN, WRITTEN):
        given = table.sent[slot] if seen is None else seen.given
        if given <= table.before[slot]:
            return "answer"
        return "hand on" if state == WRITTEN and given >= table.sent[slot] else "close"
    return "hand on" if state == IDLE else "answer"


class Orphans:
    """Connections that were answered in place of a worker, and are closed when their clients have had time to read."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, socket.socket]] = []

    def answer(self, connection: socket.socket, problem: Problem) -> None:
        """Answers and takes charge of a connection. Best effort: a client that reads nothing gets nothing."""
        lines = [f"HTTP/1.1 {problem.status} Error", f"content-type: {JSON}", f"content-length: {len(problem.body)}"]
        lines += [f"{name}: {value}" for name, value in problem.headers.items()]
        content = "\r\n".join([*lines, "connection: close", "", ""]).encode() + problem.body
        with contextlib.suppress(OSError):
            connection.setblocking(False)
            connection.send(content)
            connection.shutdown(socket.SHUT_WR)
        self._waiting.append((time.monotonic(), connection))

    def sweep(self, now: float) -> None:
        """Reads what still comes, and closes those whose time is over; to be called a few times a second."""
        still = []
        for since, connection in self._waiting:
            if now - since > _TIME or _ended(connection):
                connection.close()
            else:
                still.append((since, connection))
        self._waiting = still

    def close(self) -> None:
        """Closes them all."""
        for _, connection in self._waiting:
            connection.close()
        self._waiting.clear()


def _ended(connection: socket.socket) -> bool:
    try:
        for _ in range(64):
            if not connection.recv(1 << 16):
                return True
    except BlockingIOError:
        return False
    except OSError:
        return True
    return False
