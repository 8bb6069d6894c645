"""Logs: a line of JSON an event, and a reader that stops reading stops nobody."""

from __future__ import annotations

import json
import os
import threading

from littoral.http.logs import Log


def read_lines(log: Log, descriptor: int) -> list[dict[str, object]]:
    log.flush()
    return [json.loads(line) for line in os.read(descriptor, 1 << 16).splitlines()]


def test_an_event_is_a_line() -> None:
    reading, writing = os.pipe()
    log = Log(writing, worker=7)
    log.event("request", status=200, odd=object, text="ü\n")
    log.error("oops", ValueError("bad"))
    first, second = read_lines(log, reading)
    assert (first["event"], first["worker"], first["status"], first["text"]) == ("request", 7, 200, "ü\n")
    assert str(first["time"]).endswith("Z")
    assert second["level"] == "error"
    assert "ValueError" in str(second["trace"])


def test_a_full_pipe_drops_lines_and_says_how_many() -> None:
    reading, writing = os.pipe()
    log = Log(writing)
    for number in range(12_000):
        log.event("x", text="y" * 50, number=number)
    lines = b""
    done = threading.Event()

    def drain() -> None:
        nonlocal lines
        while b'"last"' not in lines:
            lines += os.read(reading, 1 << 16)
        done.set()

    threading.Thread(target=drain, daemon=True).start()
    while not done.wait(0.2):
        log.event("last")
    found = [json.loads(line) for line in lines.splitlines() if line.endswith(b"}")]
    assert sum(int(line.get("dropped", 0)) for line in found) + sum(line["event"] == "x" for line in found) == 12_000


def test_a_closed_pipe_is_no_matter() -> None:
    reading, writing = os.pipe()
    log = Log(writing)
    os.close(reading)
    log.event("x")
    log.flush()
