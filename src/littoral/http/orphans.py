"""Connections whose worker is dead: they get an answer, and time to read it."""

from __future__ import annotations

import contextlib
import fcntl
import socket
import struct
import termios
import time

from littoral.http.answers import JSON, Problem

_TIME = 2.0  # seconds to read the answer
_RECEIVED = 128  # where struct tcp_info (linux/tcp.h) has tcpi_bytes_received, 64 bits


def lost_bytes(connection: socket.socket, known: int) -> int:
    """How many bytes a process has taken from a connection, beyond those that are known of.

    A process that is killed between reading and noting has taken them with it. Always 0 where the system does not tell.
    """
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RECEIVED + 8)
        waiting = struct.unpack("i", fcntl.ioctl(connection, termios.FIONREAD, b"\0" * 4))[0]
    except (OSError, AttributeError):
        return 0
    if len(info) < _RECEIVED + 8:
        return 0
    received = struct.unpack_from("Q", info, _RECEIVED)[0]
    return max(0, int(received) - int(waiting) - known)


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
