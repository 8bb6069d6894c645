"""Answers: problems as JSON, bodies in pieces."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import pytest

from littoral.http.answers import Problem, answer_problem, read_body, too_many


def test_when_to_come_again_is_in_whole_seconds() -> None:
    assert [too_many("x", seconds).headers["retry-after"] for seconds in (0.0, 0.4, 1.2, 500.0)] == [
        "1",
        "1",
        "2",
        "60",
    ]


def test_a_problem_travels() -> None:
    problem = pickle.loads(pickle.dumps(Problem(404, "no ü", "do", {"a": "b"})))
    assert (problem.status, str(problem), problem.headers) == (404, "no ü. do", {"a": "b"})


def test_a_problem_is_an_answer() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(answer_problem(send, Problem(418, "tea", "", {"x-a": "1"})))
    assert sent[0]["status"] == 418
    assert (b"x-a", b"1") in sent[0]["headers"]
    assert sent[1]["body"] == b'{"error": "tea", "remedy": ""}'


def test_a_body_in_pieces_and_one_that_ends_early() -> None:
    pieces = [{"type": "http.request", "body": part, "more_body": part != b"c"} for part in (b"a", b"b", b"c")]

    async def receive() -> Any:
        return pieces.pop(0) if pieces else {"type": "http.disconnect"}

    assert asyncio.run(read_body(receive)) == b"abc"
    with pytest.raises(ConnectionError):
        asyncio.run(read_body(receive))
