"""Browsers, and servers of exported sites."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
MODULES = ROOT / "js" / "node_modules"
ISOLATION = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}

Serve = Callable[..., str]


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, with other headers beside the usual ones, and no word about it."""

    def __init__(self, *args: Any, headers: dict[str, str], **named: Any) -> None:
        self.extra = headers
        super().__init__(*args, **named)

    def end_headers(self) -> None:
        for name, value in self.extra.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *args: Any) -> None:
        """Nothing."""


@contextmanager
def serving(folder: Path, headers: dict[str, str]) -> Iterator[str]:
    """The address of a folder on this machine."""
    make = functools.partial(Handler, directory=str(folder), headers=headers)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), make)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """serve(folder, isolated=True) -> its address; until the test ends."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield lambda folder, isolated=True: stack.enter_context(serving(folder, ISOLATION if isolated else {}))


@pytest.fixture
def litertjs(monkeypatch: pytest.MonkeyPatch) -> Path:
    """LiteRT.js as npm installed it; exports in this test find it."""
    if not (MODULES / "@litertjs").is_dir():
        pytest.skip("no LiteRT.js in js/node_modules: make test gets it")
    monkeypatch.setenv("LITTORAL_LITERTJS", str(MODULES))
    return MODULES
