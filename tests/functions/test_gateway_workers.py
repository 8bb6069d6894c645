"""Workers that die, hang or freeze, and guests that try to: only the requests that were hit notice."""

from __future__ import annotations

import importlib
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.functions.gateway_stage import HOST_CALLS, Server, put, serving

from littoral.functions.gateway import Settings, settings
from littoral.functions.store import Store
from littoral.http.care import Care
from littoral.http.turns import Shape

MODULE = "gateway_host_calls"


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a Python module with host calls, which this process has imported too: deploy asks for them."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / f"{MODULE}.py").write_text(HOST_CALLS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        importlib.import_module(MODULE)
        yield folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, modules: Path) -> Path:
    folder = tmp_path_factory.mktemp("store")
    short = "[limits]\ntime = 0.2"
    for name in ("echo", "nap", "loop", "trap", "hog", "hang", "freeze"):
        lines = short if name in ("loop", "hang", "freeze") else ""
        put(Store(folder), name, tmp_path_factory.mktemp(name), lines)
    return folder


def wanted(folder: Path, workers: int = 2, **care: Any) -> Settings:
    return settings(
        folder, workers, open=True, modules=(MODULE,), grace=0.5, care=replace(Care(workers=workers), **care)
    )


def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def up(server: Server) -> int:
    return len(server.events("worker is up"))


def ask(
    server: Server, name: str, connections: int, stop: threading.Event, found: Counter[str]
) -> list[threading.Thread]:
    """Clients that ask a function until they are told to stop; counts what they get."""

    def client() -> None:
        with server.client() as each:
            while not stop.is_set():
                try:
                    answer = each.post(f"/functions/{name}", content=b"hello")
                    good = answer.status_code != 200 or answer.content == b"hello" or name != "echo"
                    found[str(answer.status_code) if good else "wrong"] += 1
                except httpx.HTTPError as error:
                    found[type(error).__name__] += 1

    threads = [threading.Thread(target=client) for _ in range(connections)]
    for thread in threads:
        thread.start()
    return threads


def test_workers_are_killed_under_load_and_every_request_is_answered(folder: Path, modules: Path) -> None:
    with serving(wanted(folder), modules) as server:
        until(lambda: up(server) == 2, "two workers")
        stop, found = threading.Event(), Counter[str]()
        threads = ask(server, "nap", 6, stop, found) + ask(server, "echo", 4, stop, found)
        for killed in range(6):
            until(lambda: up(server) == 2 + killed, "a new worker")  # noqa: B023
            time.sleep(0.2)
            os.kill(server.workers()[0], signal.SIGKILL)
        until(lambda: up(server) == 8, "the last worker")
        stop.set()
        for thread in threads:
            thread.join()
    assert found.keys() == {"200", "502"}
    assert found["502"] <= 6 * 10
    assert found["200"] > found["502"]


def test_connections_of_a_dead_worker_live_on(folder: Path, modules: Path) -> None:
    with serving(wanted(folder, 1), modules) as server, server.client() as client:
        client.post("/functions/echo", content=b"x")
        transport = client._transport._pool.connections  # type: ignore[attr-defined]
        [before] = transport
        os.kill(server.workers()[0], signal.SIGKILL)
        assert client.post("/functions/echo", content=b"y").content == b"y"
        assert transport == [before]


def test_a_new_worker_gets_its_share_of_the_connections(folder: Path, modules: Path) -> None:
    with serving(wanted(folder), modules) as server, ExitStack() as stack:
        until(lambda: up(server) == 2, "two workers")
        clients = [stack.enter_context(server.client()) for _ in range(6)]
        for client in clients:
            client.post("/functions/echo", content=b"x")
        [killed, survivor] = server.workers()
        os.kill(killed, signal.SIGKILL)
        until(lambda: up(server) == 3, "a new worker")

        def who() -> Counter[int]:
            answers = [client.post("/functions/echo", content=b"x") for client in clients]
            assert {answer.status_code for answer in answers} == {200}
            ids = {answer.headers["x-request-id"] for answer in answers}
            until(lambda: ids <= {line["id"] for line in server.events("request")}, "log")
            return Counter(line["worker"] for line in server.events("request") if line["id"] in ids)

        until(lambda: sorted(who().values()) == [3, 3], "a fair share")
        assert survivor in who()


def test_a_host_call_that_never_returns_costs_one_request(folder: Path, modules: Path) -> None:
    with serving(wanted(folder, 1), modules) as server, server.client() as patient:
        patient.post("/functions/echo", content=b"x")
        [old] = server.workers()
        with ThreadPoolExecutor() as pool:
            nap = pool.submit(lambda: httpx.post(f"{server.url}/functions/nap", timeout=60))
            answer = httpx.post(f"{server.url}/functions/hang", timeout=60)
            assert nap.result().status_code == 200
        assert answer.status_code == 504
        assert answer.json()["error"] == "hang did not answer, and could not be stopped"
        until(lambda: server.workers() != [old] and len(server.workers()) == 1, "a new worker")
        assert patient.post("/functions/echo", content=b"y").content == b"y"
        [event] = server.events("a function does not end")
        assert event["function"] == "hang"


def test_a_worker_that_shows_no_life_is_killed(folder: Path, modules: Path) -> None:
    with serving(wanted(folder, 1, silence=2.0), modules) as server:
        until(lambda: up(server) == 1, "a worker")
        answer = httpx.post(f"{server.url}/functions/freeze", timeout=60)  # with the lock of its interpreter
        assert answer.status_code == 504
        assert answer.json() == {"error": "the process that had this request hangs", "remedy": "Try again"}
        assert httpx.post(f"{server.url}/functions/echo", content=b"x", timeout=60).content == b"x"
        os.kill(server.workers()[0], signal.SIGSTOP)
        assert httpx.post(f"{server.url}/functions/echo", content=b"x", timeout=60).status_code in (200, 504)
        until(lambda: up(server) == 3, "a third worker")
        assert [event["why"] for event in server.events("worker is dead")] == ["hung", "hung"]


def test_workers_end_when_their_supervisor_is_killed(folder: Path, modules: Path) -> None:
    with serving(wanted(folder), modules) as server:
        until(lambda: up(server) == 2, "two workers")
        workers = server.workers()
        with ThreadPoolExecutor() as pool:
            nap = pool.submit(lambda: httpx.post(f"{server.url}/functions/nap", timeout=60))
            until(lambda: not nap.running() or bool(server.log), "a request")
            time.sleep(0.15)
            server.process.kill()
            assert nap.result().status_code == 200  # it was under way
        until(lambda: not any(Path(f"/proc/{worker}/cmdline").exists() for worker in workers), "the workers' end")


def test_full_queues_say_so(folder: Path, modules: Path) -> None:
    shape = Shape(lanes=1, threads=2, waiting=2, waiting_in_all=4)
    with serving(replace(wanted(folder, 1), shape=shape), modules) as server:
        until(lambda: up(server) == 1, "a worker")
        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda _: httpx.post(f"{server.url}/functions/nap", timeout=60), range(12)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} == {200, 429}
    assert 0 < len(refused) <= 9
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)


def test_more_clients_than_connections_are_told_to_wait(folder: Path, modules: Path) -> None:
    with serving(wanted(folder, 1, connections=2), modules) as server:
        with server.client() as one, server.client() as two:
            assert one.get("/health/live").status_code == two.get("/health/live").status_code == 200
            third = httpx.get(f"{server.url}/health/live")
            assert (third.status_code, third.headers["retry-after"]) == (503, "1")
        until(lambda: httpx.get(f"{server.url}/health/live").status_code == 200, "room")


def test_honest_requests_beside_hostile_ones(folder: Path, modules: Path) -> None:
    with serving(replace(wanted(folder), grace=30.0), modules) as server:
        stop = threading.Event()
        counts: dict[str, Counter[str]] = {name: Counter() for name in ("echo", "loop", "trap", "hog")}
        threads = [thread for name, found in counts.items() for thread in ask(server, name, 2, stop, found)]
        until(lambda: counts["echo"]["200"] >= 200 and counts["loop"]["504"] >= 8, "answers")
        stop.set()
        for thread in threads:
            thread.join()
        assert {name: set(found) for name, found in counts.items()} == {
            "echo": {"200"},
            "loop": {"504"},
            "trap": {"500"},
            "hog": {"500"},
        }
        assert up(server) == 2
