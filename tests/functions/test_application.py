"""The gateway's application by itself: plain ASGI, under servers of others too."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from tests.functions.gateway_stage import put

from littoral.functions.application import Application, Parts
from littoral.functions.journal import Journal
from littoral.functions.meters import Meters
from littoral.functions.shelf import Shelf
from littoral.functions.store import Store
from littoral.http.logs import Log
from littoral.http.quota import Quotas
from littoral.http.tokens import Tokens
from littoral.http.turns import Shape, Turns


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    put(store, "echo", tmp_path / "echo")
    put(store, "trap", tmp_path / "trap")
    return store


def application(store: Store, folder: Path, ready: bool = True, tokens: bool = False) -> Application:
    async def metrics() -> bytes:
        return b"counted 1"

    return Application(
        Parts(
            store=store,
            shelf=Shelf(store),
            tokens=Tokens(folder / "tokens.json") if tokens else None,
            quotas=Quotas(),
            turns=Turns(Shape()),
            meters=Meters(),
            log=Log(),
            journal=Journal(folder / "logs"),
            metrics=metrics,
            ready=lambda: ready,
        )
    )


def run(make: Callable[[], Application], main: Callable[[httpx.AsyncClient], Awaitable[Any]]) -> Any:
    async def whole() -> Any:
        transport = httpx.ASGITransport(make())
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            return await asyncio.wait_for(main(client), 30)

    return asyncio.run(whole())


def test_without_a_server(store: Store, tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient) -> list[Any]:
        posts = [client.post(f"/functions/{name}", content=b"x") for name in ("echo", "trap", "nothing")]
        gets = [client.get(path) for path in ("/metrics", "/health/ready")]
        return [(answer.status_code, answer.content[:10]) for answer in await asyncio.gather(*posts, *gets)]

    answers = run(lambda: application(store, tmp_path, ready=False), main)
    assert [status for status, _ in answers] == [200, 500, 404, 200, 503]
    assert answers[0][1] == b"x"
    assert answers[3][1] == b"counted 1"


def test_a_damaged_store_is_the_owner_s_affair(store: Store, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "store" / "functions" / "echo.json").write_text("{")

    async def main(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post("/functions/echo")

    answer = run(lambda: application(store, tmp_path), main)
    assert answer.status_code == 500
    assert answer.json() == {"error": "echo cannot be read", "remedy": "The gateway's log says why"}


def test_a_function_that_cannot_be_loaded(store: Store, tmp_path: Path) -> None:
    version = store.record("echo").version()
    store.objects.path(version.manifest).unlink()

    async def main(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post("/functions/echo", headers={"x-request-id": "abc"})

    answer = run(lambda: application(store, tmp_path), main)
    assert (answer.status_code, answer.json()["error"]) == (500, "the function failed")
    assert answer.json()["remedy"].endswith("under abc")


def test_under_uvicorn(store: Store, tmp_path: Path) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if not made:
            made.append(application(store, tmp_path))
        await made[0](scope, receive, send)

    made: list[Application] = []
    config = uvicorn.Config(app, port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        body = b"x" * 300_000
        assert httpx.post(f"http://127.0.0.1:{port}/functions/echo", content=body).content == body
    finally:
        server.should_exit = True
        thread.join()
