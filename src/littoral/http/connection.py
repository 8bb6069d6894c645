"""One HTTP/1.1 connection: httptools parses, an ASGI application answers, and limits hold against whoever is outside.

What uvicorn's protocol leaves open is closed here: large or slow headers, slow bodies, clients that do not read. A body
whose size is known goes into memory of that size at once, and reaches the application in one piece.
"""

from __future__ import annotations

import asyncio
import time
import urllib.parse
from collections import deque
from dataclasses import dataclass, field
from email.utils import formatdate
from enum import Enum, auto
from typing import Any

import httptools

from littoral.http.answers import App, Problem, Scope, answer_problem, too_many
from littoral.http.exchange import Exchange
from littoral.http.limits import Limits
from littoral.http.logs import Log
from littoral.http.table import Mark


class Phase(Enum):
    """What a connection waits for."""

    IDLE = auto()
    HEAD = auto()
    BODY = auto()
    ANSWER = auto()
    LINGER = auto()


_LINGER = 2.0  # seconds in which a client that was refused may still send, so that it reads why
_MOST_HEADERS = 100


@dataclass
class Site:
    """What the connections of a process share.

    Attributes:
        app: Answers requests.
        limits: For clients.
        log: For what goes wrong in the server itself.
        connections: Those that are open.
        closing: Connections close after the answer that is under way.
        surplus: How many connections are for other processes, once they are idle.
        held: Bytes of bodies in memory.
    """

    app: App
    limits: Limits
    log: Log
    connections: set[Connection] = field(default_factory=set)
    closing: bool = False
    surplus: int = 0
    held: int = 0
    _date: tuple[int, bytes] = (0, b"")

    def date(self) -> bytes:
        """The time as HTTP writes it."""
        now = int(time.time())
        if now != self._date[0]:
            self._date = now, formatdate(now, usegmt=True).encode()
        return self._date[1]

    def sweep(self, now: float) -> None:
        """Ends connections whose clients are too slow; to be called about twice a second with the loop's time."""
        for connection in list(self.connections):
            connection.expire(now)
            connection.share()


class Connection(asyncio.Protocol):
    """One connection.

    Args:
        site: What it shares with others.
        mark: Where it notes whether it owes an answer, for the supervisor to see.
        secure: Whether it is TLS.
    """

    def __init__(self, site: Site, mark: Mark, secure: bool = False) -> None:
        self.site = site
        self._mark = mark
        self._secure = secure
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[Exchange] = deque()
        self._active: Exchange | None = None
        self._parsing: Exchange | None = None
        self._task: asyncio.Task[None] | None = None
        self._phase, self._since = Phase.IDLE, self._loop.time()
        self._stalled: float | None = None
        self._url = b""
        self._head = 0
        self._begun = False
        self._headers: list[tuple[bytes, bytes]] = []
        self._client: tuple[str, int] | None = None
        self._paused = False
        self.transport: Any = None

    # of the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is there."""
        self.transport = transport
        self._client = (transport.get_extra_info("peername") or ("", 0))[:2]
        self.site.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """It is gone: what was under way is given up."""
        self.site.connections.discard(self)
        for exchange in (self._active, self._parsing, *self._waiting):
            if exchange is not None:
                exchange.lose()
                self._forget(exchange)
        if self._task is not None:
            self._task.cancel()
        self._mark.gone()

    def data_received(self, data: bytes) -> None:
        """Bytes of the client."""
        self._mark.received(len(data))
        if self._phase is Phase.LINGER:
            return
        if self._phase is Phase.IDLE:
            self._enter(Phase.HEAD)
        if self._parsing is None:
            self._head += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return  # it was refused with its headers
        except httptools.HttpParserError as error:
            self._refuse(Problem(400, f"this is no HTTP request: {error}"))
            return
        if self._parsing is None and self._phase is Phase.HEAD and self._head > self.site.limits.head:
            self._refuse(self._large_head())
        self._throttle()

    def pause_writing(self) -> None:
        """The client reads slower than we write."""
        self._stalled = self._loop.time()

    def resume_writing(self) -> None:
        """It reads again."""
        self._stalled = None

    # of the parser

    def on_message_begin(self) -> None:
        """A request begins."""
        self._url, self._headers, self._begun = b"", [], True

    def on_url(self, url: bytes) -> None:
        """A part of its target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One of its headers."""
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """All but its body is here: it can be answered."""
        exchange = Exchange(self, self._scope(), self._parser.should_keep_alive())
        exchange.refusal = self._check(exchange)
        if exchange.refusal is None:
            self.site.held += exchange.size
        else:
            exchange.keep_alive = False
        self._head, self._begun = 0, False
        self._parsing = exchange
        if self._active is None:
            self._start(exchange)
        else:
            self._waiting.append(exchange)

    def on_body(self, piece: bytes) -> None:
        """A part of its body."""
        exchange = self._parsing
        if exchange is None or exchange.refusal is not None or exchange.answered:
            return
        before = exchange.size
        if not exchange.add(piece, self.site.limits.body):
            exchange.refuse(self._large_body())
        self.site.held += exchange.size - before

    def on_message_complete(self) -> None:
        """All of it is here."""
        exchange, self._parsing = self._parsing, None
        if exchange is not None:
            exchange.complete()
            if exchange is self._active and self._phase is Phase.BODY:
                self._enter(Phase.ANSWER)

    # of the exchange

    def write(self, content: bytes, first: bool, last: bool) -> None:
        """Writes a part of an answer: its first, its last, both or neither."""
        self._mark.answering(len(content), first, last)
        self.transport.write(content)

    def write_aside(self, content: bytes) -> None:
        """Writes what is no answer yet."""
        self._mark.aside(len(content))
        self.transport.write(content)

    def finish(self, exchange: Exchange) -> None:
        """An answer has been written."""
        self._forget(exchange)
        self._active = self._task = None
        if self._waiting or self._begun:
            self._mark.owing()
        if not exchange.whole:
            self._linger()
        elif not exchange.keep_alive or self.site.closing:
            self.transport.close()
        elif self._waiting:
            self._start(self._waiting.popleft())
        else:
            self._enter(Phase.HEAD if self._begun else Phase.IDLE)
            self._loop.call_soon(self._rest)
        self._throttle()

    # of the server

    def expire(self, now: float) -> None:
        """Ends it where its client is too slow."""
        limits, waited = self.site.limits, now - self._since
        if self._stalled is not None and now - self._stalled > limits.write_time:
            self.transport.abort()
        elif self._phase is Phase.HEAD and waited > limits.head_time:
            self._refuse(Problem(408, f"the headers were not here after {limits.head_time:g} s"))
        elif self._phase is Phase.BODY and waited > limits.body_time and self._active is not None:
            self._active.refuse(Problem(408, f"the body was not here after {limits.body_time:g} s"))
        elif self._phase is Phase.IDLE and (waited > limits.idle_time or self.site.closing):
            self._end()
        elif self._phase is Phase.LINGER and waited > _LINGER:
            self.transport.abort()

    def end_when_idle(self) -> None:
        """Closes it now if nothing is under way; otherwise after the answer."""
        if self._phase is Phase.IDLE:
            self._end()

    def share(self) -> None:
        """Lets another process go on with it, if that is wanted and nothing is under way."""
        idle = self._phase is Phase.IDLE and not self._secure and not self.transport.get_write_buffer_size()
        if self.site.surplus > 0 and idle and not self.transport.is_closing():
            self.site.surplus -= 1
            self._mark.release()
            self.transport.abort()

    # inside

    def _enter(self, phase: Phase) -> None:
        self._phase, self._since = phase, self._loop.time()

    def _rest(self) -> None:
        """The answer is with the kernel by now."""
        if self._phase is Phase.IDLE:
            self._mark.idle()
            self.share()

    def _forget(self, exchange: Exchange) -> None:
        self.site.held -= exchange.size
        exchange.size = 0

    def _start(self, exchange: Exchange) -> None:
        self._active = exchange
        self._enter(Phase.ANSWER if exchange.whole else Phase.BODY)
        self._task = self._loop.create_task(self._serve(exchange))

    async def _serve(self, exchange: Exchange) -> None:
        try:
            if exchange.refusal is not None:
                raise exchange.refusal
            await self.site.app(exchange.scope, exchange.receive, exchange.send)
        except Problem as problem:
            if not exchange.started:
                await answer_problem(exchange.send, problem)
        except Exception as error:
            self.site.log.error("a request failed in the server", error)
            if not exchange.started:
                await answer_problem(exchange.send, Problem(500, "the server failed", "Its log says why"))
        if not exchange.answered:
            self.transport.abort()

    def _refuse(self, problem: Problem) -> None:
        """Answers what is no request, and closes; an answer that is under way goes first."""
        exchange = Exchange(self, {"type": "http", "method": "", "headers": []}, False)
        exchange.refusal = problem
        self._parsing = None
        if self._active is None:
            self._start(exchange)
        else:
            self._waiting.append(exchange)
        self._head = 0

    def _linger(self) -> None:
        """Reads on for a while before closing: to close now would take the answer away from who still sends."""
        self._enter(Phase.LINGER)
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _end(self) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    def _throttle(self) -> None:
        """Reads no further than the application has asked for."""
        parsing = self._parsing
        full = bool(self._waiting) or (parsing is not None and parsing is self._active and parsing.ahead)
        if full != self._paused and not self.transport.is_closing():
            self._paused = full
            (self.transport.pause_reading if full else self.transport.resume_reading)()

    wanted = _throttle
    """The application asks for the body."""

    def _scope(self) -> Scope:
        target = httptools.parse_url(self._url) if self._url.startswith(b"/") else None
        raw = target.path if target is not None else self._url
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": self._parser.get_http_version(),
            "method": self._parser.get_method().decode("ascii"),
            "scheme": "https" if self._secure else "http",
            "path": urllib.parse.unquote(raw.decode("latin-1")),
            "raw_path": raw,
            "query_string": (target.query if target is not None else b"") or b"",
            "root_path": "",
            "headers": self._headers,
            "client": self._client,
        }

    def _check(self, exchange: Exchange) -> Problem | None:
        limits = self.site.limits
        head = len(self._url) + sum(len(name) + len(value) + 4 for name, value in self._headers)
        if head > limits.head or len(self._headers) > _MOST_HEADERS:
            return self._large_head()
        if self._parser.should_upgrade():  # the parser would leave the body out
            exchange.size = 0
            return Problem(400, "upgrades of the protocol are not offered", "Ask without the header Upgrade")
        if exchange.size > limits.body:
            exchange.size = 0
            return self._large_body()
        if self.site.held + exchange.size > limits.held:
            exchange.size = 0
            return too_many("the server holds as many bytes of requests as it may", 1.0)
        return None

    def _large_head(self) -> Problem:
        limits = self.site.limits
        return Problem(431, "the headers are too large", f"Accepted: {limits.head} bytes, {_MOST_HEADERS} headers")

    def _large_body(self) -> Problem:
        return Problem(413, "the body is too large", f"Accepted: {self.site.limits.body} bytes")
