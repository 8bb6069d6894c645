"""Answers of our servers: errors as JSON with a cause and a remedy, and the few words of ASGI that we speak."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias

from littoral.errors import LittoralError

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

JSON = "application/json"


class Problem(LittoralError):  # noqa: N818 - named as in RFC 9457
    """A request that is answered with an error.

    Attributes:
        status: The HTTP status.
        headers: Of the answer, beside those that every answer has.
    """

    def __init__(self, status: int, cause: str, remedy: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(cause, remedy)
        self.status = status
        self.headers = dict(headers or {})

    def __reduce__(self) -> tuple[type[Problem], tuple[int, str, str, dict[str, str]]]:
        return (type(self), (self.status, self.cause, self.remedy, self.headers))

    @property
    def body(self) -> bytes:
        """JSON: {"error", "remedy"}."""
        return json.dumps({"error": self.cause, "remedy": self.remedy}, ensure_ascii=False).encode()


def too_many(cause: str, seconds: float) -> Problem:
    """An answer 429 that says when to come again."""
    wait = max(1, min(60, round(seconds + 0.5)))
    return Problem(429, cause, f"Try again in {wait} s", {"retry-after": str(wait)})


async def answer(
    send: Send, status: int, body: bytes, kind: str = JSON, headers: Mapping[str, str] | None = None
) -> None:
    """Sends an answer that is there as a whole.

    Args:
        send: Of the ASGI application.
        status: The HTTP status.
        body: The content.
        kind: Its media type.
        headers: Further ones.
    """
    fields = {"content-type": kind, "content-length": str(len(body)), **(headers or {})}
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


async def answer_problem(send: Send, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
    """Sends a problem as an answer."""
    await answer(send, problem.status, problem.body, JSON, {**problem.headers, **(headers or {})})


async def read_body(receive: Receive) -> bytes | bytearray:
    """All of a request's body.

    Raises:
        ConnectionError: The client is gone.
    """
    whole: bytes | bytearray = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError("the client is gone")
        piece = message.get("body", b"")
        whole = bytearray().join((whole, piece)) if whole else piece
        if not message.get("more_body", False):
            return whole


def header(scope: Scope, name: bytes) -> str:
    """A header of a request, by its name in lower case; empty where it is not there."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value).decode("latin-1").strip()
    return ""
