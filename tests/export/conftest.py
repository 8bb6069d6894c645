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
WITH_WEBNN = MODULES / ".chromium" / "chromium"
WITHOUT_WEBNN = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--enable-features=WebMachineLearningNeuralNetwork",
)
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


@pytest.fixture(scope="session")
def playwright() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as running:
        yield running


def _browser(playwright: Any, program: Path) -> Iterator[Any]:
    if not program.exists():
        pytest.skip(f"no browser at {program}: make test gets it")
    browser = playwright.chromium.launch(executable_path=str(program), args=list(ARGUMENTS))
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def webnn_browser(playwright: Any) -> Iterator[Any]:
    """Chromium with a WebNN backend (playwright's Browser)."""
    yield from _browser(playwright, WITH_WEBNN)


@pytest.fixture(scope="session")
def plain_browser(playwright: Any) -> Iterator[Any]:
    """Debian's Chromium, which has navigator.ml and no backend behind it."""
    yield from _browser(playwright, WITHOUT_WEBNN)


@pytest.fixture
def litertjs(monkeypatch: pytest.MonkeyPatch) -> Path:
    """LiteRT.js as npm installed it; exports in this test find it."""
    if not (MODULES / "@litertjs").is_dir():
        pytest.skip("no LiteRT.js in js/node_modules: make test gets it")
    monkeypatch.setenv("LITTORAL_LITERTJS", str(MODULES))
    return MODULES
