"""Turns: bounded queues, fair between keys, and work that hangs stops nobody."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from littoral.http.turns import FullError, Shape, StuckError, Turns, Within


def run(main: Callable[[], Awaitable[Any]]) -> Any:
    async def limited() -> Any:
        return await asyncio.wait_for(main(), 20)

    return asyncio.run(limited())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


def wait_for(gate: threading.Event, limit: float | None = None) -> Callable[[Within], Any]:
    def work(within: Within) -> Any:
        if limit is not None:
            within(limit)
        return gate.wait(60)

    return work


def test_gives_what_the_work_gives_and_raises_what_it_raises() -> None:
    async def main() -> None:
        turns = Turns(Shape())
        result, waited = await turns.run("a", lambda _: threading.current_thread().name, 1.0)
        assert result.startswith("littoral-turn")
        assert waited >= 0
        with pytest.raises(ZeroDivisionError):
            await turns.run("a", lambda _: 1 / 0, 1.0)
        assert turns.running == turns.waiting == 0

    run(main)


def test_keys_take_turns_however_many_one_of_them_sends() -> None:
    async def main() -> list[str]:
        turns, gate, order = Turns(Shape(patience=60)), threading.Event(), []
        first = asyncio.ensure_future(turns.run("first", wait_for(gate), 60))
        await until(lambda: turns.running == 1)
        keys = ["a", "a", "a", "b", "a", "c", "b"]
        others = [asyncio.ensure_future(turns.run(key, lambda _, key=key: order.append(key), 60)) for key in keys]  # type: ignore[misc]
        await until(lambda: turns.waiting == len(keys))
        gate.set()
        await asyncio.gather(first, *others)
        return order

    assert run(main) == ["a", "b", "c", "a", "b", "a", "a"]


def test_queues_have_an_end_for_each_key_and_in_all() -> None:
    async def main() -> None:
        turns, gate = Turns(Shape(waiting=2, waiting_in_all=3, patience=60)), threading.Event()
        jobs = [asyncio.ensure_future(turns.run(key, wait_for(gate), 60)) for key in ("x", "a", "a")]
        await until(lambda: turns.waiting == 2)
        with pytest.raises(FullError) as caught:
            await turns.run("a", wait_for(gate), 60)
        assert caught.value.wait > 0
        jobs.append(asyncio.ensure_future(turns.run("b", wait_for(gate), 60)))
        await until(lambda: turns.waiting == 3)
        with pytest.raises(FullError):
            await turns.run("c", wait_for(gate), 60)
        gate.set()
        await asyncio.gather(*jobs)

    run(main)


def test_slow_work_gives_its_lane_free_and_no_key_has_all_threads() -> None:
    async def main() -> None:
        turns, gate = Turns(Shape(lanes=1, threads=4, patience=0.01)), threading.Event()
        slow = [asyncio.ensure_future(turns.run("slow", wait_for(gate), 60)) for _ in range(5)]
        await until(lambda: turns.running == 3)  # three quarters of four
        await asyncio.sleep(0.05)
        assert (turns.running, turns.waiting) == (3, 2)
        assert (await turns.run("quick", lambda _: 5, 60))[0] == 5
        gate.set()
        await asyncio.gather(*slow)

    run(main)


def test_work_that_hangs_is_told_and_its_thread_replaced() -> None:
    async def main() -> None:
        told: list[str] = []
        turns, gate = Turns(Shape(lanes=1, threads=1, patience=60), told.append), threading.Event()
        stuck = asyncio.ensure_future(turns.run("bad", wait_for(gate), 5.0))
        await until(lambda: turns.running == 1)
        turns.sweep(asyncio.get_running_loop().time())
        assert not told
        turns.sweep(asyncio.get_running_loop().time() + 6.0)
        with pytest.raises(StuckError):
            await stuck
        assert told == ["bad"]
        assert (await turns.run("good", lambda _: 5, 60))[0] == 5
        gate.set()  # it comes back after all
        await asyncio.sleep(0.01)
        assert (await turns.run("good", lambda _: 6, 60))[0] == 6

    run(main)


def test_work_may_say_itself_how_long_it_takes() -> None:
    async def main() -> None:
        turns, gate = Turns(Shape()), threading.Event()
        jobs = [asyncio.ensure_future(turns.run("a", wait_for(gate, limit), 5.0)) for limit in (1.0, 50.0)]
        await until(lambda: turns.running == 2)
        await asyncio.sleep(0.05)
        turns.sweep(asyncio.get_running_loop().time() + 10.0)
        with pytest.raises(StuckError):
            await jobs[0]
        gate.set()
        assert (await jobs[1])[0]

    run(main)


def test_who_gives_up_leaves_the_queue() -> None:
    async def main() -> None:
        turns, gate, done = Turns(Shape(patience=60)), threading.Event(), []
        first = asyncio.ensure_future(turns.run("a", wait_for(gate), 60))
        await until(lambda: turns.running == 1)
        second = asyncio.ensure_future(turns.run("b", lambda _: done.append(1), 60))
        await until(lambda: turns.waiting == 1)
        second.cancel()
        await until(lambda: turns.waiting == 0)
        first.cancel()  # its thread works on, for nobody
        gate.set()
        await until(lambda: turns.running == 0)
        assert not done

    run(main)
