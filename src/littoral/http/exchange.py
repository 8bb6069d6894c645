"""One request and its answer, as an ASGI application sees them."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

from littoral.http.answers import Message, Problem, Scope, header

if TYPE_CHECKING:
    from littoral.http.connection import Connection

_AHEAD = 256 << 10  # bytes of a body that are read before the application asks for it
_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}


class Exchange:
    """One request and its answer.

    Attributes:
        scope: ASGI's.
        size: Bytes of the body that are kept, or will be.
        keep_alive: Whether the connection may go on afterwards.
        whole: All of the request is here.
        started: The answer has begun.
        answered: All of the answer is written.
        refusal: What to answer in place of asking the application.
    """

    def __init__(self, connection: Connection, scope: Scope, keep_alive: bool) -> None:
        self._connection = connection
        self.scope = scope
        self.keep_alive = keep_alive
        length = header(scope, b"content-length")
        self._known = length.isdigit()
        self.size = int(length) if self._known else 0
        self.whole = self.started = self.answered = False
        self.refusal: Problem | None = None
        self._body = bytearray()
        self._whole_body = b""
        self._filled = 0
        self._continue = header(scope, b"expect").lower() == "100-continue"
        self._asked = self._lost = self._delivered = self._chunked = False
        self._waiter: asyncio.Future[None] | None = None
        self._left = 0
        self._head = b""

    @property
    def ahead(self) -> bool:
        """More is here than anybody has asked for."""
        return not self._asked and self._filled > _AHEAD

    def add(self, piece: bytes, most: int) -> bool:
        """Takes a part of the body; False where it is too large."""
        end = self._filled + len(piece)
        if end > most:
            return False
        if self._known and len(piece) == self.size:
            self._whole_body = piece  # all of it at once
        elif self._known:
            if not self._filled:
                self._body = bytearray(self.size)  # pages that are not written cost nothing
            self._body[self._filled : end] = piece
        else:
            self._body += piece  # amortised: a bytearray grows by more than is asked for
            self.size = end
        self._filled = end
        return True

    def complete(self) -> None:
        """All of the request is here."""
        self.whole = True
        self._wake()

    def lose(self) -> None:
        """The client is gone."""
        self._lost = True
        self._wake()

    def refuse(self, problem: Problem) -> None:
        """Answers this instead; the application gets to know when it asks for the body."""
        self.refusal = problem
        self._body = bytearray()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def receive(self) -> Message:
        """ASGI: the body, in one piece; after it, the end of the connection."""
        self._asked = True
        if self._continue and not self.started and not self._filled:
            self._continue = False
            self._connection.write_aside(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._connection.wanted()
        while not (self._lost or self.refusal or (self.whole and not self._delivered)):
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if self.refusal is not None:
            raise self.refusal
        if self._lost:
            return {"type": "http.disconnect"}
        self._delivered = True
        body = self._whole_body or self._body
        self._whole_body, self._body = b"", bytearray()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        """ASGI: the answer. Its beginning waits for the first part of its body, so that one write does."""
        if self._lost or self.answered:
            return
        if message["type"] == "http.response.start":
            self.started = True
            self._head = self._make_head(message)
            return
        piece, more = message.get("body", b""), message.get("more_body", False)
        if self.scope["method"] == "HEAD":
            piece = b""
        elif self._chunked:
            piece = (b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b"") + (b"" if more else b"0\r\n\r\n")
        self._connection.write(self._head + piece, bool(self._head), not more)
        self._head = b""
        if not more:
            self.answered = True
            self._connection.finish(self)

    def _make_head(self, message: Message) -> bytes:
        site = self._connection.site
        if not self.whole or site.closing:
            self.keep_alive = False
        lines = [_LINES.get(message["status"]) or b"HTTP/1.1 %d Status\r\n" % message["status"]]
        sized = False
        for name, value in message.get("headers", ()):
            sized = sized or name == b"content-length"
            if b"\n" in value or b"\r" in value:
                raise ValueError(f"the header {name!r} has a line break")
            lines.append(b"%b: %b\r\n" % (name, value))
        if not sized and self.scope["method"] != "HEAD":
            self._chunked = True
            lines.append(b"transfer-encoding: chunked\r\n")
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        lines.append(b"date: %b\r\n\r\n" % site.date())
        return b"".join(lines)
