"""The gateway as an ASGI application: routes, tokens, quotas, turns, and what becomes of a request."""

from __future__ import annotations

import itertools
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from littoral.errors import LittoralError
from littoral.functions.errors import FunctionError, StoreError
from littoral.functions.function import Answer
from littoral.functions.journal import Journal
from littoral.functions.meters import Meters
from littoral.functions.shelf import Lease, NotDeployedError, Shelf
from littoral.functions.store import Record, Store, Version
from littoral.http.answers import JSON, Problem, Receive, Scope, Send, answer, header, read_body, too_many
from littoral.http.logs import Log
from littoral.http.quota import Quotas
from littoral.http.tokens import Token, Tokens
from littoral.http.turns import FullError, StuckError, Turns, Within

_PATH = re.compile(r"/functions/([A-Za-z0-9][A-Za-z0-9_-]{0,63})(?:/([1-9][0-9]{0,8}))?/?")
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_STATUSES = {"time": 504, "busy": 429}
_LOOK_AGAIN = 0.2  # seconds between looks at all routes, for those that are not known
_LONGEST_LOAD = 300.0  # seconds: models may have to be compiled for their device
METRICS = "metrics"
"""The scope of tokens that open /metrics."""


def scope_of(function: str) -> str:
    """The scope of tokens that open a function."""
    return f"function:{function}"


@dataclass
class Request:
    """What is said of a request in the log, and in the headers of its answer."""

    id: str
    start: float
    function: str = ""
    version: int = 0
    token: str = ""
    outcome: str = "refused"
    parts: dict[str, float] = field(default_factory=dict)
    answer: Answer | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Beside those of the content."""
        found = {"x-request-id": self.id}
        if self.version:
            found["x-function-version"] = str(self.version)
            found["x-content-type-options"] = "nosniff"
            found["server-timing"] = ", ".join(f"{name};dur={part * 1e3:.3f}" for name, part in self.parts.items())
        return found


@dataclass(frozen=True)
class _Done:
    """What a thread brings back: an answer, or why there is none."""

    lease: Lease
    answer: Answer | None
    error: FunctionError | None


@dataclass(frozen=True)
class Parts:
    """What the application is made of.

    Attributes:
        store: What is deployed.
        shelf: What is loaded.
        tokens: Who may ask; None: everybody.
        quotas: How often.
        turns: Threads.
        meters: What is counted.
        log: A line a request.
        journal: What functions said.
        metrics: Those of all workers.
        ready: Whether new requests are welcome.
        grace: Seconds beyond a function's time limit after which its thread counts as lost.
    """

    store: Store
    shelf: Shelf
    tokens: Tokens | None
    quotas: Quotas
    turns: Turns
    meters: Meters
    log: Log
    journal: Journal
    metrics: Callable[[], Awaitable[bytes]]
    ready: Callable[[], bool]
    grace: float = 2.0


class Application:
    """ASGI: POST /functions/ROUTE[/VERSION], GET /health/live, /health/ready and /metrics.

    A request's body is the function's standard input, whatever its type; its answer is what the function writes.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._prefix = f"{secrets.token_hex(4)}-"
        self._numbers = itertools.count(1)
        self._routes: dict[str, str] = {}
        self._looked = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        given = header(scope, b"x-request-id")
        request = Request(
            given if _ID.fullmatch(given) else f"{self._prefix}{next(self._numbers):x}", time.perf_counter()
        )
        status = 0
        try:
            status, body, kind = await self._answer(scope, receive, request)
            await answer(send, status, body, kind, request.headers)
        except Problem as problem:
            status = problem.status
            await answer(send, status, problem.body, JSON, {**request.headers, **problem.headers})
        except ConnectionError:
            request.outcome = "gone"
        finally:
            self._note(scope, request, status)

    async def _answer(self, scope: Scope, receive: Receive, request: Request) -> tuple[int, bytes, str]:
        path, method = scope["path"], scope["method"]
        if match := _PATH.fullmatch(path):
            _only(method, "POST")
            return await self._function(match[1], int(match[2]) if match[2] else None, scope, receive, request)
        if path in ("/health/live", "/health/ready", "/metrics"):
            _only(method, "GET", "HEAD")
            request.outcome = "ok"
            if path == "/metrics":
                self._enter(scope, METRICS, request)
                return 200, await self._parts.metrics(), "text/plain; version=0.0.4; charset=utf-8"
            if path == "/health/ready" and not self._parts.ready():
                raise Problem(503, "the gateway is stopping")
            return 200, b'{"status": "ok"}', JSON
        raise Problem(404, f"there is nothing at {path[:100]}", "Functions are at /functions/NAME")

    async def _function(
        self, route: str, number: int | None, scope: Scope, receive: Receive, request: Request
    ) -> tuple[int, bytes, str]:
        parts = self._parts
        token = self._who(scope, request)
        name, version = self._find(route, number)
        request.function = name
        self._admit(token, scope_of(name))
        body = await read_body(receive)
        came = time.perf_counter()
        try:
            done, waited = await parts.turns.run(
                name, lambda within: self._invoke(name, version, body, request, within), _LONGEST_LOAD
            )
        except FullError as error:
            raise too_many(f"{name} has as many requests waiting as it may", error.wait) from None
        except StuckError:
            request.outcome = "stuck"
            parts.meters.of(name).ended("stuck", time.perf_counter() - came)
            raise Problem(504, f"{name} did not answer, and could not be stopped", "Try again") from None
        except LittoralError as error:
            request.outcome = "load"
            parts.meters.of(name).ended("load", time.perf_counter() - came)
            parts.log.error("a function cannot be loaded", error)
            raise _failed(request) from None
        return self._result(done, waited, came, request)

    def _invoke(self, name: str, version: Version, body: bytes | bytearray, request: Request, within: Within) -> _Done:
        """In a thread: loads the function where that is needed, and runs it."""
        with self._parts.shelf.lease_of(name, version) as lease:
            within(lease.function.manifest.limits.time + self._parts.grace)
            try:
                done = _Done(lease, lease.function.invoke(body), None)
            except FunctionError as error:
                done = _Done(lease, None, error)
            said = done.answer.log if done.answer is not None else done.error.log if done.error is not None else ""
            if said or done.error is not None:
                self._parts.journal.write(name, _entry(done, request, said))
            return done

    def _result(self, done: _Done, waited: float, came: float, request: Request) -> tuple[int, bytes, str]:
        request.version = done.lease.version.number
        request.parts = {"queue": waited, **({"load": done.lease.load} if done.lease.cold else {})}
        meter = self._parts.meters.of(request.function)
        meter.started(done.lease, waited)
        total = time.perf_counter() - came
        if done.error is not None:
            request.outcome = done.error.kind
            meter.ended(done.error.kind, total)
            raise _failure(done.error, request)
        result = request.answer = done.answer
        assert result is not None
        timing = result.timing
        request.parts.update(instance=timing.instance, inference=timing.inference, total=timing.total)
        request.outcome = "error" if result.status else "ok"
        meter.answered(result)
        meter.ended(request.outcome, total)
        status = result.status if 400 <= result.status <= 599 else 500 if result.status else 200
        return status, result.body, _kind(result.body)

    # who may ask

    def _enter(self, scope: Scope, wanted: str, request: Request) -> None:
        self._admit(self._who(scope, request), wanted)

    def _who(self, scope: Scope, request: Request) -> Token | None:
        if self._parts.tokens is None:
            return None
        token = self._parts.tokens.check(header(scope, b"authorization"))
        request.token = token.id
        return token

    def _admit(self, token: Token | None, wanted: str) -> None:
        if token is None:
            return
        if token.scope != wanted:
            raise Problem(403, "the token is for something else", "Ask the owner of the function for a token")
        if token.rate is not None:
            wait = self._parts.quotas.take(token.number, token.rate, token.burst, time.monotonic())
            if wait > 0:
                raise too_many(f"the token allows {token.rate:g} requests a second", wait)

    def _find(self, route: str, number: int | None) -> tuple[str, Version]:
        """The function of a route, which is its name unless its manifest says otherwise, and the version asked for.

        Raises:
            Problem: 404.
        """
        name = self._routes.get(route, route)
        try:
            record = self._at(name, route)
            if record is None:
                self._look()
                name = self._routes.get(route, "")
                record = self._at(name, route)
        except StoreError as error:
            self._parts.log.error("the store is damaged", error)
            raise Problem(500, f"{route} cannot be read", "The gateway's log says why") from None
        if record is None:
            raise Problem(404, f"there is no function at /functions/{route}")
        try:
            return name, record.version(number)
        except StoreError as error:
            raise Problem(404, error.cause, error.remedy) from None

    def _at(self, name: str, route: str) -> Record | None:
        try:
            record = self._parts.shelf.record(name)
        except NotDeployedError:
            return None
        return record if record.version().route == route else None

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked > _LOOK_AGAIN:
            self._looked, self._routes = now, self._parts.store.routes()

    # what is said afterwards

    def _note(self, scope: Scope, request: Request, status: int) -> None:
        if status >= 400 and not request.version and request.outcome in ("ok", "refused"):
            self._parts.meters.refused(status)
        fields: dict[str, Any] = {"id": request.id, "method": scope["method"], "path": scope["path"][:200]}
        fields |= {"status": status, "outcome": request.outcome, "seconds": _short(time.perf_counter() - request.start)}
        if request.function:
            fields |= {"function": request.function, "version": request.version}
        fields |= {name: _short(part) for name, part in request.parts.items()}
        if request.answer is not None:
            fields |= {"cpu": _short(request.answer.timing.cpu), "bytes": len(request.answer.body)}
        if request.token:
            fields["token"] = request.token
        if client := scope.get("client"):
            fields["client"] = client[0]
        self._parts.log.event("request", "info" if status < 500 else "warning", **fields)


def _only(method: str, *accepted: str) -> None:
    if method not in accepted:
        raise Problem(
            405, f"{method} is not for this", f"Accepted: {', '.join(accepted)}", {"allow": ", ".join(accepted)}
        )


def _failed(request: Request) -> Problem:
    return Problem(500, "the function failed", f"Its owner finds the reason in its log, under {request.id}")


def _failure(error: FunctionError, request: Request) -> Problem:
    """What the caller is told: what the caller can do something about, and no more."""
    if error.kind == "busy":
        return too_many(error.cause, 1.0)
    if error.kind == "time":
        return Problem(504, "the function took too long", f"Its owner finds more in its log, under {request.id}")
    return _failed(request)


def _entry(done: _Done, request: Request, said: str) -> dict[str, Any]:
    """What the owner of the function is told."""
    entry: dict[str, Any] = {
        "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": "info" if done.error is None else "error",
        "event": "said" if done.error is None else done.error.kind,
        "id": request.id,
        "version": done.lease.version.number,
    }
    if done.error is not None:
        entry["error"] = str(done.error)
    elif done.answer is not None and done.answer.status:
        entry |= {"level": "warning", "status": done.answer.status}
    if said:
        entry["log"] = said.rstrip("\n")
    return entry


def _kind(body: bytes) -> str:
    """The type of what a function has written, which says nothing about it."""
    if body[:1] in (b"{", b"[") and body.rstrip()[-1:] in (b"}", b"]"):
        return JSON
    try:
        body[: 1 << 16].decode()
    except UnicodeDecodeError:
        return "application/octet-stream"
    return "text/plain; charset=utf-8"


def _short(seconds: float) -> float:
    return round(seconds, 6)
