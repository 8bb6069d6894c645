"""Asks a browser for its limits."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from littoral.errors import DeviceError, MissingExtraError
from littoral.webnn.limits import Limits, from_standard

FLAGS = ("--enable-features=WebMachineLearningNeuralNetwork",)
"""What has Chromium show WebNN."""

_PAGE = "https://littoral.invalid/"  # WebNN is there in secure contexts only; nothing is fetched from there
_ASK = """async () => {
  if (!navigator.ml) return [null, 'it has no navigator.ml'];
  try { return [(await navigator.ml.createContext()).opSupportLimits(), '']; }
  catch (error) { return [null, error.message]; }
}"""
_MILLISECONDS = 60_000


def record(browser: Path, flags: Sequence[str] = FLAGS) -> Limits:
    """The limits of a Chromium, by opSupportLimits() of its default context.

    Args:
        browser: The program.
        flags: That it is started with.

    Raises:
        MissingExtraError: playwright is not installed.
        DeviceError: The browser does not start, or has no WebNN.
    """
    try:
        import playwright.sync_api  # noqa: F401 - only to say early that it is missing
    except ImportError:
        raise MissingExtraError("playwright", "browser") from None
    with ThreadPoolExecutor(1) as own:  # playwright refuses a thread with an event loop, such as a notebook's
        return own.submit(_recorded, browser, flags).result()


def _recorded(browser: Path, flags: Sequence[str]) -> Limits:
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=browser, args=[*flags], timeout=_MILLISECONDS)
            page = started.new_page()
            page.route("**/*", lambda route: route.fulfill(content_type="text/html", body="<!doctype html>"))
            page.goto(_PAGE)
            found, problem = page.evaluate(_ASK)
            version = started.version
            started.close()
        except Error as error:
            first = error.message.splitlines()[0]
            raise DeviceError(f"{browser} cannot be asked for its limits: {first}", "Name a Chromium") from error
    if found is None:
        raise DeviceError(f"{browser} has no WebNN: {problem.rstrip('.')}", "Name a browser with a WebNN backend")
    return from_standard(f"Chromium {version}", found)
