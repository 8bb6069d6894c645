"""A worker: an event loop that serves the connections that its supervisor hands to it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import time
from collections.abc import Callable, Coroutine
from typing import Any

from littoral.http import wire
from littoral.http.answers import App
from littoral.http.connection import Connection, Site
from littoral.http.limits import Limits
from littoral.http.logs import Log
from littoral.http.table import Mark, Table

_SWEEP = 0.25  # seconds
_ALL = 1 << 30


class Worker:
    """Serves until the supervisor says otherwise, or is gone. It is made in its event loop.

    Args:
        channel: To the supervisor.
        number: Its place in the table.
        table: Shared with the supervisor.
        limits: For clients.
        secure: For TLS; None without.
        log: For what goes wrong.
    """

    def __init__(
        self, channel: socket.socket, number: int, table: Table, limits: Limits, secure: ssl.SSLContext | None, log: Log
    ) -> None:
        self._channel = channel
        self._number = number
        self._table = table
        self._secure = secure
        self._loop = asyncio.get_running_loop()
        self._site = Site(_not_yet, limits, log)
        self._log = log
        self._retiring = False
        self._ending: asyncio.Event = asyncio.Event()
        self._asked: dict[int, asyncio.Future[bytes]] = {}
        self._asks = 0
        self._opening: set[asyncio.Task[None]] = set()

    @property
    def leaving(self) -> bool:
        """It takes no more connections."""
        return self._site.closing or self._retiring

    @property
    def connections(self) -> int:
        """How many clients it has."""
        return len(self._site.connections)

    async def serve(self, app: App, sweep: Callable[[float], None]) -> None:
        """Serves.

        Args:
            app: Answers requests.
            sweep: Is called with the loop's time a few times a second.
        """
        self._site.app = app
        self._channel.setblocking(False)
        self._loop.add_reader(self._channel.fileno(), self._hear)
        self._beat()
        self._say(wire.UP)
        while not self._ending.is_set():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._ending.wait(), _SWEEP)
            self._beat()
            now = self._loop.time()
            self._site.sweep(now)
            sweep(now)
            if self.leaving and not self._site.connections and not self._opening:
                self._ending.set()
        self._loop.remove_reader(self._channel.fileno())

    def stuck(self) -> None:
        """A thread cannot be stopped: has this worker replaced."""
        self._say(wire.STUCK)

    async def metrics(self) -> bytes:
        """Those of all workers, which the supervisor adds up."""
        self._asks += 1
        number = self._asks
        self._asked[number] = self._loop.create_future()
        try:
            self._say(wire.METRICS, number)
            return await asyncio.wait_for(self._asked[number], 30.0)
        finally:
            del self._asked[number]

    def _beat(self) -> None:
        self._table.beats[self._number] = time.monotonic()

    def _say(self, kind: int, number: int = 0) -> None:
        with contextlib.suppress(OSError):
            self._channel.send(wire.pack(kind, number))

    def _hear(self) -> None:
        for _ in range(16):
            try:
                message, descriptors, *_ = socket.recv_fds(self._channel, wire.LONGEST, 1)
            except BlockingIOError:
                return
            except OSError:
                message, descriptors = b"", []
            if not message:  # the supervisor is gone
                self._loop.remove_reader(self._channel.fileno())
                self._close_all()
                return
            self._do(*wire.unpack(message), descriptors)

    def _do(self, kind: int, number: int, descriptors: list[int]) -> None:
        if kind == wire.CONNECTION:
            task = self._loop.create_task(self._open(number, descriptors[0]))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
        elif kind == wire.METRICS:
            with os.fdopen(descriptors[0], "rb") as file:
                content = os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0)
            if number in self._asked and not self._asked[number].done():
                self._asked[number].set_result(content)
        elif kind == wire.RETIRE:
            self._retiring, self._site.surplus = True, _ALL
        elif kind == wire.SHARE:
            self._site.surplus = max(number, _ALL if self._retiring else 0)
        elif kind == wire.DRAIN:
            self._close_all()

    def _close_all(self) -> None:
        self._site.closing = True
        for connection in list(self._site.connections):
            connection.end_when_idle()

    async def _open(self, slot: int, descriptor: int) -> None:
        mark = Mark(self._table, slot, self._closed)
        accepted = socket.socket(fileno=descriptor)
        accepted.setblocking(False)
        try:
            await self._loop.connect_accepted_socket(
                lambda: Connection(self._site, mark, self._secure is not None), accepted, ssl=self._secure
            )
        except (OSError, ssl.SSLError):  # no TLS handshake
            accepted.close()
            mark.gone()

    def _closed(self, slot: int, released: bool) -> None:
        self._say(wire.RELEASED if released else wire.CLOSED, slot)


async def _not_yet(*_: object) -> None:
    raise AssertionError("serve() brings the application")


def secure_context(certificate: str | None, key: str | None) -> ssl.SSLContext | None:
    """TLS 1.2 or later from files; None where there is no certificate.

    Raises:
        OSError: They cannot be read, or are no certificate and its key.
    """
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs a coroutine function in uvloop, deaf to Ctrl-C: that is the supervisor's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    import uvloop

    uvloop.run(main())
