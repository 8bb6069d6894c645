"""Engines lent to threads."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from littoral.errors import ClosedError, DeviceError
from littoral.runtime.delegate.placement import Placement
from littoral.runtime.engine import Entry
from littoral.runtime.pool import Pool
from littoral.runtime.tensors import Array


class Fake:
    """Notes whether two threads were in it at once."""

    nbytes = 0
    pid = None

    def __init__(self) -> None:
        self.inside = threading.Lock()
        self.closed = False

    def run(self, entry: Entry, values: Sequence[Array]) -> list[Array]:
        assert self.inside.acquire(blocking=False), "two threads in one engine"
        assert not self.closed
        self.inside.release()
        return []

    def reset(self) -> None: ...

    def placement(self) -> Placement:
        return Placement(())

    def close(self) -> None:
        self.closed = True


def test_engines_are_made_when_they_are_needed_up_to_a_number() -> None:
    pool = Pool("m", Fake, 2)
    assert len(pool.engines) == 1
    with pool.lease() as first:
        pass
    with pool.lease() as again:
        assert again is first
    assert len(pool.engines) == 1
    meeting = threading.Barrier(2)

    def use() -> None:
        with pool.lease():
            meeting.wait(10)

    with ThreadPoolExecutor(2) as threads:
        for each in [threads.submit(use) for _ in range(2)]:
            each.result()
    assert len(pool.engines) == 2


def test_no_engine_is_lent_twice() -> None:
    pool = Pool("m", Fake, 3)

    def use(_: int) -> None:
        with pool.lease() as engine:
            engine.run(None, [])  # type: ignore[arg-type]

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(use, range(2000)))
    assert len(pool.engines) <= 3


def test_closing_waits_for_calls_that_run() -> None:
    pool = Pool("m", Fake, 2)
    entered, leave, closed = threading.Event(), threading.Event(), threading.Event()

    def use() -> None:
        with pool.lease() as engine:
            entered.set()
            leave.wait(10)
            engine.run(None, [])  # type: ignore[arg-type]

    user = threading.Thread(target=use)
    user.start()
    entered.wait(10)

    def close() -> None:
        pool.close()
        closed.set()

    closer = threading.Thread(target=close)
    closer.start()
    assert not closed.wait(0.05)
    leave.set()
    user.join(10)
    assert closed.wait(10)
    closer.join(10)
    with pytest.raises(ClosedError, match="m is closed"), pool.lease():
        pass
    pool.close()


def test_a_waiting_call_ends_when_the_pool_closes() -> None:
    pool = Pool("m", Fake, 1)
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with pool.lease():
            entered.set()
            leave.wait(10)

    def wait() -> str:
        try:
            with pool.lease():
                return "served"
        except ClosedError:
            return "closed"

    with ThreadPoolExecutor(3) as threads:
        threads.submit(hold)
        entered.wait(10)
        waiting = threads.submit(wait)
        closing = threads.submit(pool.close)
        while not pool._closed:
            pass
        leave.set()
        assert waiting.result(10) == "closed"
        closing.result(10)


def test_a_kernel_cannot_use_the_model_that_it_is_part_of() -> None:
    pool = Pool("m", Fake, 2)
    with pool.lease():
        with pytest.raises(DeviceError, match="a kernel used m, which it is part of"), pool.lease():
            pass
        with pytest.raises(DeviceError, match="a kernel used m"):
            pool.close()
    pool.close()


def test_an_engine_that_cannot_be_made_leaves_those_that_there_are() -> None:
    made: list[Fake] = []

    def make() -> Fake:
        if made:
            raise MemoryError("full")
        made.append(Fake())
        return made[0]

    pool = Pool("m", make, 4)

    def use(_: int) -> None:
        with pool.lease() as engine:
            engine.run(None, [])  # type: ignore[arg-type]

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(use, range(200)))
    assert pool.engines == tuple(made)
    with pytest.raises(MemoryError):
        Pool("m", make, 1)
