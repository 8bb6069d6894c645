"""Jobs are done once, one at a time, in order, by whoever comes first."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable

import pytest

from littoral.webnn.timeline import Timeline


@pytest.fixture
def timeline() -> Timeline:
    return Timeline()


def test_jobs_are_done_without_anyone_waiting(timeline: Timeline) -> None:
    done = threading.Event()
    timeline.post(done.set)
    assert done.wait(20)
    timeline.end()


def test_whoever_waits_does_them_in_order(timeline: Timeline) -> None:
    hold, started = threading.Event(), threading.Event()
    seen: list[int] = []

    def first() -> None:
        started.set()
        hold.wait(20)
        seen.append(0)

    timeline.post(first)
    assert started.wait(20)  # the thread is busy
    for n in range(1, 100):
        timeline.post(lambda n=n: seen.append(n), brief=bool(n % 2))  # type: ignore[misc]
    assert seen == []
    hold.set()
    assert timeline.finish(lambda: list(seen)) == list(range(100))
    timeline.end()


def test_a_brief_job_is_done_at_once_by_who_posts_it(timeline: Timeline) -> None:
    threads: list[threading.Thread] = []
    timeline.post(lambda: threads.append(threading.current_thread()), brief=True)
    assert threads == [threading.current_thread()]
    timeline.end()


def test_many_threads_lose_no_job(timeline: Timeline) -> None:
    counts = {"begun": 0, "done": 0}

    def job() -> None:
        counts["begun"] += 1
        assert counts["begun"] == counts["done"] + 1  # one at a time
        counts["done"] += 1

    def work(brief: bool) -> None:
        for n in range(500):
            timeline.post(job, brief=brief)
            if n % 7 == 0:
                timeline.finish(lambda: None)

    threads = [threading.Thread(target=work, args=(n % 2 == 0,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    reached = threading.Event()
    timeline.post(reached.set)
    assert reached.wait(20)  # without waiting in `finish`: the thread was woken for it
    assert counts == {"begun": 3000, "done": 3000}
    timeline.end()


def test_what_a_waiting_caller_raises_leaves_the_timeline_usable(timeline: Timeline) -> None:
    def refuse() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        timeline.finish(refuse)
    seen: list[int] = []
    timeline.post(lambda: seen.append(1))
    timeline.finish(lambda: None)
    assert seen == [1]
    timeline.end()


def test_ending_drops_what_has_not_begun(timeline: Timeline) -> None:
    hold, started = threading.Event(), threading.Event()
    seen: list[str] = []

    def first() -> None:
        started.set()
        hold.wait(20)
        seen.append("begun")

    timeline.post(first)
    assert started.wait(20)
    timeline.post(lambda: seen.append("dropped"))
    ending = threading.Thread(target=timeline.end)
    ending.start()
    while not timeline._ended:
        time.sleep(0.001)
    hold.set()
    ending.join(20)
    timeline.end()  # again does nothing
    timeline.post(lambda: seen.append("at once"))
    assert seen == ["begun", "at once"]


def test_an_ended_timeline_leaves_nothing_behind(timeline: Timeline) -> None:
    timeline.post(lambda: None)
    thread = timeline._thread
    assert thread is not None
    timeline.end()
    thread.join(20)
    assert not thread.is_alive()


def test_a_job_is_let_go_when_it_is_done(timeline: Timeline) -> None:
    class Owner:
        def job(self) -> None: ...

    def post() -> Callable[[], object]:
        owner = Owner()
        timeline.post(owner.job)
        return weakref.ref(owner)

    reference = post()
    timeline.finish(lambda: None)
    timeline.end()
    gc.collect()
    assert reference() is None
