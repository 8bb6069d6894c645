"""A small HTTP client that costs little, and servers in processes of their own, for experiments."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from littoral.errors import LittoralError

_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")
_START = 60.0  # seconds until a server must be there
_TIMEOUT = 60.0  # seconds until a request must be answered


class ServerError(LittoralError):
    """A server of an experiment did not start."""


class Client:
    """One connection, kept open; made anew where the server has closed it.

    Args:
        port: Of a server on this machine.
        body: Of all requests.
    """

    def __init__(self, port: int, body: bytes) -> None:
        self.port = port
        self._body = body
        self._socket: socket.socket | None = None

    def post(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Sends a request; the status and the body of the answer, or status 0 where there is none."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{lines}content-length: {len(self._body)}\r\n\r\n"
        try:
            if self._socket is None:
                self._socket = socket.create_connection(("127.0.0.1", self.port), timeout=_TIMEOUT)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.sendall(head.encode() + self._body)
            return self._answer(self._socket)
        except (OSError, ValueError):
            self.close()
            return 0, b""

    def close(self) -> None:
        """Closes the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self, connection: socket.socket) -> tuple[int, bytes]:
        seen = b""
        while b"\r\n\r\n" not in seen:
            seen += _receive(connection)
        head, _, rest = seen.partition(b"\r\n\r\n")
        fields = head.lower()
        length = re.search(rb"\r\ncontent-length: *(\d+)", fields)
        if length is None:
            raise ValueError("the answer does not say its size")
        parts, missing = [rest], int(length[1]) - len(rest)
        while missing > 0:
            parts.append(_receive(connection))
            missing -= len(parts[-1])
        if b"\r\nconnection: close" in fields:
            self.close()
        return int(fields.split(b" ", 2)[1]), b"".join(parts)


def _receive(connection: socket.socket) -> bytes:
    if piece := connection.recv(1 << 16):
        return piece
    raise ConnectionResetError("the server closed the connection")


def ask(port: int, path: str, body: bytes) -> tuple[int, bytes]:
    """One request by itself: the status and the body of the answer, or status 0 where there is none."""
    with Client(port, body) as client:
        return client.post(path)


@contextmanager
def server(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[tuple[int, int]]:
    """Runs a server that says its address, http://127.0.0.1:PORT, when it is there.

    Yields:
        Its port and its process.

    Raises:
        ServerError: It ended, or has said nothing for a minute.
    """
    with tempfile.NamedTemporaryFile() as said:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, env=dict(environment)
        )

        def spoken() -> str:
            return Path(said.name).read_text(errors="replace")

        try:
            until = time.monotonic() + _START
            while (found := _ADDRESS.search(spoken())) is None:
                if process.poll() is not None or time.monotonic() > until:
                    last = (spoken().strip().splitlines() or ["it said nothing"])[-1]
                    raise ServerError(f"a server of the experiment did not start: {last[:300]}")
                time.sleep(0.05)
            yield int(found[1]), process.pid
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=15)
    if process.poll() is None:
        process.kill()
        process.wait()
