"""What becomes of connections whose worker is dead, by what the kernel says of them."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from littoral.http.answers import Problem
from littoral.http.orphans import Orphans, Traffic, fate, traffic
from littoral.http.table import BEGUN, IDLE, OWED, WRITTEN, Table


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        accepted, _ = listener.accept()
        with accepted:
            yield accepted, client


def arrive(connection: socket.socket, client: socket.socket, content: bytes) -> None:
    client.sendall(content)
    connection.recv(len(content), socket.MSG_PEEK | socket.MSG_WAITALL)


def test_the_kernel_counts_bytes(pair: tuple[socket.socket, socket.socket]) -> None:
    connection, client = pair
    assert traffic(connection) == Traffic(0, 0)
    arrive(connection, client, b"x" * 1000)
    assert traffic(connection) == Traffic(0, 0)
    connection.recv(400)
    connection.sendall(b"y" * 70)
    assert traffic(connection) == Traffic(400, 70)
    client.recv(70)
    assert traffic(connection) == Traffic(400, 70)


@pytest.mark.parametrize(
    ("state", "noted", "before", "sent", "expected"),
    [  # the kernel says: 10 bytes taken, 50 given
        (IDLE, 10, 0, 50, "hand on"),
        (IDLE, 4, 0, 50, "answer"),
        (OWED, 10, 0, 50, "answer"),
        (WRITTEN, 10, 20, 50, "hand on"),
        (WRITTEN, 4, 20, 50, "answer"),
        (WRITTEN, 10, 50, 90, "answer"),
        (WRITTEN, 10, 20, 90, "close"),
        (BEGUN, 10, 20, 50, "close"),
        (BEGUN, 10, 50, 60, "answer"),
    ],
)
def test_what_becomes_of_it(
    pair: tuple[socket.socket, socket.socket], state: int, noted: int, before: int, sent: int, expected: str
) -> None:
    connection, client = pair
    arrive(connection, client, b"x" * 30)
    connection.recv(10)
    connection.sendall(b"y" * 50)
    table = Table(4)
    table.state[2], table.received[2], table.before[2], table.sent[2] = state, noted, before, sent
    assert fate(connection, table, 2) == expected


def test_without_tcp_the_table_is_believed() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert traffic(ours) is None
        table = Table(1)
        assert fate(ours, table, 0) == "hand on"
        table.state[0] = OWED
        assert fate(ours, table, 0) == "answer"


def test_an_orphan_reads_its_answer_and_is_closed_when_it_goes(pair: tuple[socket.socket, socket.socket]) -> None:
    connection, client = pair
    orphans = Orphans()
    client.sendall(b"x" * 100_000)
    orphans.answer(connection, Problem(502, "gone", "again", {"retry-after": "1"}))
    orphans.sweep(time.monotonic())
    content = b""
    while piece := client.recv(4096):
        content += piece
    assert content.startswith(b"HTTP/1.1 502 ")
    assert b"\r\nretry-after: 1\r\n" in content
    assert content.endswith(b'{"error": "gone", "remedy": "again"}')
    assert connection.fileno() != -1
    client.close()
    while connection.fileno() != -1:
        orphans.sweep(time.monotonic())


def test_an_orphan_that_stays_is_closed(pair: tuple[socket.socket, socket.socket]) -> None:
    connection, _ = pair
    orphans = Orphans()
    orphans.answer(connection, Problem(502, "gone"))
    orphans.sweep(time.monotonic() + 10)
    assert connection.fileno() == -1
