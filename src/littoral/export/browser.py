"""A browser without a window, which answers in time or is ended: nothing of it stays, neither processes nor files."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from littoral.errors import DeviceError, MissingExtraError

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Playwright

ENVIRONMENT = "LITTORAL_BROWSER"
NAMES = ("chromium", "google-chrome", "google-chrome-stable", "microsoft-edge", "chromium-browser", "chrome", "msedge")
FLAGS = (
    "--enable-features=WebMachineLearningNeuralNetwork",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)
"""What has a Chromium show WebNN, also on a machine without a GPU."""

_SOCKET = "/org.chromium.Chromium.XXXXXX/SingletonSocket"  # Chromium makes one in TMPDIR
_LONGEST = 103  # bytes that the path of a socket has on every system

PATIENCE = 120.0
"""Seconds that a browser has for each answer: a big model is built in one."""

_STARTING = 30.0  # seconds at most for a browser to start
_LEAVING = 10.0  # seconds for it to end by itself, and for its files to come free

T = TypeVar("T")


def find(named: str | os.PathLike[str] | None = None) -> Path:
    """The browser to start: the one that is named, else that of LITTORAL_BROWSER, else the first Chromium on the path.

    Args:
        named: A file, or a name on the path.

    Raises:
        DeviceError: It is not there, or there is none.
    """
    named = named or os.environ.get(ENVIRONMENT)
    if named:
        # A file here, which a Path names without "./", is meant before one of that name on the path.
        program = shutil.which(Path(named).absolute()) or shutil.which(named)
        if program is None:
            raise DeviceError(f"{named} is no program", "Name a Chromium, Chrome or Edge with --browser PATH")
        return Path(program)
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        raise DeviceError(
            f"there is no browser here: none of {', '.join(NAMES)} is on the path",
            f"Name a Chromium, Chrome or Edge with --browser PATH or {ENVIRONMENT}",
        )
    return Path(program)


class Browser:
    """One page of a Chromium without a window, with a profile of its own; to be used by `with`.

    It runs in a thread of its own: playwright refuses one with an event loop, such as a notebook's, and so the
    caller's thread waits for each answer no longer than it has patience.

    Args:
        program: What to start.
        flags: What to start it with, beside playwright's own.
        patience: Seconds for each answer; and for the start, if it is less than half a minute.

    Raises:
        MissingExtraError: playwright is not installed.
        DeviceError: From `with` and every method: the browser does not start, crashes, ends, or does not answer.
    """

    def __init__(self, program: Path, flags: Sequence[str] = FLAGS, patience: float = PATIENCE) -> None:
        try:
            import playwright.sync_api  # noqa: F401 - only to say early that it is missing
        except ImportError:
            raise MissingExtraError("playwright", "browser") from None
        self.version = ""
        self._program, self._flags, self._patience = program, tuple(flags), patience
        self._thread = ThreadPoolExecutor(1, "littoral-browser")
        self._profile: Path  # from `with` on
        self._group: int | None = None
        self._playwright: Playwright | None = None
        self._context: BrowserContext | None = None
        self._page: Page | None = None

    def __enter__(self) -> Browser:
        self._profile = Path(tempfile.mkdtemp(prefix="littoral-"))
        try:
            # playwright ends a browser that does not start in time; twice that is for its own start too.
            self._ask(self._start, "starting", 2 * _STARTING)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._kill()
        self._close()

    def open(self, address: str) -> None:
        """Has the page show an address."""
        self._ask(lambda: self._shown().goto(address, timeout=0), f"opening {address}", self._patience)

    def call(self, function: str, argument: Any, doing: str) -> Any:
        """Calls a function in the page, and awaits what it gives.

        Args:
            function: Its text in JavaScript, of one argument.
            argument: Plain values.
            doing: What it is about, for errors: "loading the model by webnn".
        """
        return self._ask(lambda: self._shown().evaluate(function, argument), doing, self._patience)

    def _start(self) -> None:
        from playwright.sync_api import sync_playwright

        self._playwright = sync_playwright().start()
        self._context = self._playwright.chromium.launch_persistent_context(
            self._profile,
            executable_path=self._program,
            args=[*self._flags],
            env=_environment(self._profile),
            artifacts_dir=self._profile,
            timeout=1000 * min(self._patience, _STARTING),
            service_workers="block",  # they would serve an earlier site of the same address
        )
        started = self._context.browser
        assert started is not None
        self.version = started.version
        processes = started.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
        self._group = os.getpgid(next(each["id"] for each in processes if each["type"] == "browser"))
        self._page = self._context.pages[0]

    def _shown(self) -> Page:
        assert self._page is not None
        return self._page

    def _ask(self, act: Callable[[], T], doing: str, patience: float) -> T:
        from playwright.sync_api import Error

        answer = self._thread.submit(act)
        try:
            return answer.result(patience)
        except TooLate:
            self._kill()
            raise self._failure(f"did not answer in {patience:g} seconds", doing) from None
        except Error as error:
            what = _happened(error.message) if self._context else _last_words(error.message)
            raise self._failure(f"failed ({what})", doing) from error

    def _failure(self, what: str, doing: str) -> DeviceError:
        return DeviceError(f"{self._program} {what} while {doing}", "Try another browser with --browser PATH")

    def _kill(self) -> None:
        """Ends all its processes at once; playwright starts them as a group of their own."""
        if self._group is not None and self._group != os.getpgrp():
            with suppress(ProcessLookupError):  # it is gone
                os.killpg(self._group, signal.SIGKILL)
            self._group = None

    def _close(self) -> None:
        leaving = self._thread.submit(self._leave)
        try:
            leaving.result(_LEAVING)
        except TooLate:
            self._kill()
        finally:
            self._thread.shutdown()
            _remove(self._profile)

    def _leave(self) -> None:
        from playwright.sync_api import Error

        try:
            if self._context is not None:
                self._context.close()
        except Error:  # it is gone
            pass
        finally:
            if self._playwright is not None:
                self._playwright.stop()


def _environment(profile: Path) -> dict[str, str | float | bool]:
    """The browser's, with TMPDIR in its profile where a socket's path is not too long: one that is killed leaves it."""
    short = len(os.fsencode(f"{profile}{_SOCKET}")) <= _LONGEST
    return {**os.environ, **({"TMPDIR": str(profile)} if short else {})}


def _happened(message: str) -> str:
    """What playwright says happened, without the name of its own method."""
    line = message.splitlines()[0]
    return (line.partition(": ")[2] or line).strip(" .")


def _last_words(message: str) -> str:
    """What a program that did not start said last on its standard error, else what happened."""
    words = [line.partition("[err]")[2].strip() for line in message.splitlines() if "[err]" in line]
    return words[-1] if words else _happened(message)


def _remove(folder: Path) -> None:
    """Removes a folder in which processes that are ending may still write."""
    end = time.monotonic() + _LEAVING
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=time.monotonic() < end)
        time.sleep(0.02)
