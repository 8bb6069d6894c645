"""Browsers for tests of any folder: one playwright for a test process, in a thread of its own.

Its synchronous interface keeps an event loop running in its thread, in which nobody else could run one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
WITH_WEBNN = ROOT / "js" / "node_modules" / ".chromium" / "chromium"
WITHOUT_WEBNN = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--enable-features=WebMachineLearningNeuralNetwork",
)


class There:
    """An object of another thread: what is asked of it is done there, and playwright's objects stay there."""

    def __init__(self, thing: Any, pool: ThreadPoolExecutor) -> None:
        self._thing = thing
        self._pool = pool

    def __getattr__(self, name: str) -> Any:
        value = self._pool.submit(getattr, self._thing, name).result()
        return self._calls(value) if callable(value) else self._wrapped(value)

    def __enter__(self) -> Any:
        return self._wrapped(self._pool.submit(self._thing.__enter__).result())

    def __exit__(self, *error: object) -> Any:
        return self._pool.submit(self._thing.__exit__, *error).result()

    def _calls(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*values: Any, **named: Any) -> Any:
            given = [_unwrapped(value) for value in values]
            return self._wrapped(self._pool.submit(function, *given, **named).result())

        return call

    def _wrapped(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._wrapped(each) for each in value]
        return There(value, self._pool) if type(value).__module__.startswith("playwright.") else value


def _unwrapped(value: Any) -> Any:
    return value._thing if isinstance(value, There) else value


@contextmanager
def playwright_there() -> Iterator[There]:
    """Playwright, started in a thread that ends with it."""
    api = pytest.importorskip("playwright.sync_api", reason="needs the extra browser")
    with ThreadPoolExecutor(1, "playwright") as pool:
        started = pool.submit(lambda: api.sync_playwright().start()).result()
        try:
            yield There(started, pool)
        finally:
            pool.submit(started.stop).result()


@contextmanager
def browser_of(playwright: There, program: Path) -> Iterator[Any]:
    """A browser; the test is skipped where it is not."""
    if not program.exists():
        pytest.skip(f"no browser at {program}: make test gets it")
    browser = playwright.chromium.launch(executable_path=str(program), args=list(ARGUMENTS))
    yield browser
    browser.close()
