"""Connections against real sockets: what HTTP asks for, and what clients should not get away with."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from littoral.http.answers import Receive, Scope, Send, answer, read_body
from littoral.http.connection import Connection, Site
from littoral.http.limits import Limits
from littoral.http.logs import Log
from littoral.http.table import IDLE, OWED, Mark, Table

SMALL = Limits(head=1000, body=1000, held=2500)
Client = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[Any]]


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the body, unless the path says otherwise."""
    if scope["path"] == "/early":
        await answer(send, 401, b"no", "text/plain")
    elif scope["path"] == "/fail":
        raise RuntimeError("a fault")
    elif scope["path"] == "/stream":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for piece in (b"a", b"bc", b""):
            await send({"type": "http.response.body", "body": piece, "more_body": bool(piece)})
    elif scope["path"] == "/wait":
        await read_body(receive)
        await receive()  # the end of the connection
    else:
        await answer(send, 200, bytes(await read_body(receive)), "text/plain", {"x-path": scope["path"]})


class Stand:
    """A server with one kind of client."""

    def __init__(self, limits: Limits) -> None:
        self.table = Table(64)
        self.closed: list[tuple[int, bool]] = []
        self.site = Site(echo, limits, Log())
        self._slot = 0

    def connection(self) -> Connection:
        mark = Mark(self.table, self._slot % 64, lambda slot, released: self.closed.append((slot, released)))
        self._slot += 1
        return Connection(self.site, mark)

    def run(self, client: Client, sweeping: float = 0.0) -> Any:
        """Gives what a client gives; its clock runs ahead by `sweeping` seconds at each look."""

        async def main() -> Any:
            loop = asyncio.get_running_loop()
            server = await loop.create_server(self.connection, "127.0.0.1", 0)

            async def sweep() -> None:
                while True:
                    await asyncio.sleep(0.01)
                    self.site.sweep(loop.time() + sweeping)

            task = loop.create_task(sweep())
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            try:
                return await asyncio.wait_for(client(reader, writer), 20)
            finally:
                task.cancel()
                writer.close()
                server.close()
                for connection in list(self.site.connections):
                    connection.transport.abort()
                await asyncio.sleep(0)

        return asyncio.run(main())


def say(content: bytes, sweeping: float = 0.0, limits: Limits = SMALL) -> bytes:
    """All that the server answers to these bytes until it closes."""

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(content)
        return await reader.read()

    return bytes(Stand(limits).run(client, sweeping))


def status(answered: bytes) -> int:
    return int(answered[9:12])


def post(body: bytes, headers: str = "", path: str = "/") -> bytes:
    return f"POST {path} HTTP/1.1\r\nhost: x\r\n{headers}content-length: {len(body)}\r\n\r\n".encode() + body


CLOSE = "connection: close\r\n"


def test_a_body_comes_back_and_the_connection_closes_when_asked() -> None:
    answered = say(post(b"hello", CLOSE, "/a%20b"))
    head, _, body = answered.partition(b"\r\n\r\n")
    assert answered.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body == b"hello"
    assert b"x-path: /a b" in head
    assert b"connection: close" in head
    assert b"date: " in head


def test_requests_that_come_together_are_answered_in_order() -> None:
    answered = say(post(b"one") + post(b"two") + post(b"three", CLOSE))
    assert [part[-5:].strip() for part in answered.split(b"HTTP/1.1 ")[1:]] == [b"one", b"two", b"three"]


def test_chunks_are_one_body() -> None:
    chunked = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    assert say(chunked + b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n").endswith(b"abcdefg")


def test_http_1_0_closes_and_head_has_no_body() -> None:
    assert b"connection: close" in say(b"GET / HTTP/1.0\r\n\r\n")
    assert say(b"HEAD / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").endswith(b"\r\n\r\n")


def test_an_answer_of_unknown_size_goes_in_chunks() -> None:
    assert say(b"GET /stream HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").endswith(
        b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),  # TLS to a server without
        (b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999999\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n", 400),
        (b"GET /" + b"a" * 2000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 101 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * 2000, 431),
        (post(b"x" * 1001), 413),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 999999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n400\r\n" + b"x" * 1024 + b"\r\n", 413),
        (post(b"x", "connection: upgrade\r\nupgrade: h2c\r\n"), 400),
        (b"CONNECT example.org:80 HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        (post(b"", path="/fail"), 500),
        (post(b"x" * 500, path="/early")[:-1], 401),
    ],
)
def test_what_is_refused(content: bytes, expected: int) -> None:
    answered = say(content, sweeping=1.0 if expected != 500 else 100.0)
    assert status(answered) == expected
    assert b"connection: close" in answered or expected == 500


def test_a_problem_is_json_with_a_remedy() -> None:
    body = json.loads(say(post(b"x" * 1001), sweeping=1.0).partition(b"\r\n\r\n")[2])
    assert body == {"error": "the body is too large", "remedy": "Accepted: 1000 bytes"}


def test_slow_clients_are_told_so() -> None:
    assert status(say(b"POST / HTTP/1.1\r\nhost", sweeping=11)) == 408
    assert status(say(post(b"x" * 100)[:-1], sweeping=61)) == 408


def test_idle_connections_are_closed_without_a_word() -> None:
    assert say(b"", sweeping=76) == b""


def test_who_reads_nothing_is_cut_off() -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        body = b"x" * (30 << 20)
        writer.write(post(body))
        while stand.site.connections or not stand.closed:
            await asyncio.sleep(0.01)

    stand = Stand(Limits(held=1 << 30))
    stand.run(client, sweeping=31)
    assert stand.closed


def test_a_client_that_waits_for_leave_gets_it() -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        request = post(b"hello", "expect: 100-continue\r\nconnection: close\r\n")
        writer.write(request[:-5])
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"hello")
        return await reader.read()

    assert Stand(SMALL).run(client).endswith(b"\r\n\r\nhello")


def test_bodies_in_memory_are_bounded_in_all() -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[bytes, int]:
        address = writer.get_extra_info("peername")
        others = [await asyncio.open_connection(*address) for _ in range(2)]
        for _, other in others:
            other.write(post(b"x" * 1000)[:-1])
        while stand.site.held < 2000:
            await asyncio.sleep(0.01)
        writer.write(post(b"x" * 600))
        answered = await reader.readuntil(b"\r\n\r\n")
        for _, other in others:
            other.close()
        while stand.site.held:
            await asyncio.sleep(0.01)
        return answered, stand.site.held

    stand = Stand(SMALL)
    answered, held = stand.run(client)
    assert status(answered) == 429
    assert b"retry-after: 2" in answered
    assert held == 0


def test_work_for_a_client_that_is_gone_is_given_up() -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(post(b"x", path="/wait"))
        while not stand.site.held:
            await asyncio.sleep(0.01)
        writer.transport.abort()
        while stand.site.connections:
            await asyncio.sleep(0.01)

    stand = Stand(SMALL)
    stand.run(client)
    assert stand.site.held == 0
    assert stand.closed == [(0, False)]


def test_the_table_says_what_is_owed() -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert stand.table.state[0] == IDLE
        writer.write(b"POST / HTTP/1.1\r\n")
        while stand.table.state[0] != OWED:
            await asyncio.sleep(0.01)
        writer.write(b"host: x\r\ncontent-length: 2\r\n\r\nok")
        await reader.readuntil(b"ok")
        while stand.table.state[0] != IDLE:
            await asyncio.sleep(0.01)
        assert stand.table.received[0] == len(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nok")
        assert stand.table.sent[0] > stand.table.before[0] == 0

    stand = Stand(SMALL)
    stand.run(client)


def test_half_a_request_behind_a_whole_one_is_owed_an_answer() -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(post(b"ok") + b"POST / HT")
        await reader.readuntil(b"ok")
        await asyncio.sleep(0.05)
        assert stand.table.state[0] == OWED
        stand.site.surplus = 5
        await asyncio.sleep(0.05)
        assert stand.site.connections
        assert stand.site.surplus == 5

    stand = Stand(SMALL)
    stand.run(client)


def test_a_released_connection_lives_on_elsewhere() -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(post(b"one"))
        await reader.readuntil(b"one")
        [connection] = stand.site.connections
        kept = socket.socket(fileno=socket.dup(connection.transport.get_extra_info("socket").fileno()))
        stand.site.surplus = 1
        while stand.site.connections:
            await asyncio.sleep(0.01)
        writer.write(post(b"two"))
        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(stand.connection, kept)
        return await reader.readuntil(b"two")

    stand = Stand(SMALL)
    assert stand.run(client).endswith(b"two")
    assert stand.closed[0] == (0, True)


def test_a_site_that_closes_ends_connections_after_their_answer() -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\no")
        while not stand.site.held:
            await asyncio.sleep(0.01)
        stand.site.closing = True
        writer.write(b"k")
        return await reader.read()

    stand = Stand(SMALL)
    answered = stand.run(client)
    assert answered.endswith(b"ok")
    assert b"connection: close" in answered


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.binary(min_size=1, max_size=200), max_size=5))
def test_noise_is_refused_or_ignored_and_nothing_is_kept(pieces: list[bytes]) -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0)
        writer.write_eof()
        return await reader.read()

    stand = Stand(SMALL)
    answered = stand.run(client, sweeping=100)
    assert not answered or answered.startswith(b"HTTP/1.1 ")
    assert stand.site.held == 0


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=900), st.lists(st.integers(1, 200), max_size=8))
def test_where_the_network_cuts_does_not_matter(body: bytes, cuts: list[int]) -> None:
    whole = post(body, CLOSE)

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        rest = whole
        for cut in cuts:
            writer.write(rest[:cut])
            rest = rest[cut:]
            await asyncio.sleep(0.001)
        writer.write(rest)
        return await reader.read()

    assert Stand(SMALL).run(client).partition(b"\r\n\r\n")[2] == body
