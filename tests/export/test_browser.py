"""A browser that fails, hangs or dies is one error in time, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.browsers import WITH_WEBNN, WITHOUT_WEBNN

from littoral.errors import DeviceError, MissingExtraError
from littoral.export import browser as module
from littoral.export.browser import Browser, find

pytest.importorskip("playwright.sync_api")


@pytest.fixture(params=[WITH_WEBNN, WITHOUT_WEBNN], ids=["webnn", "plain"])
def program(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    if not found.exists():
        pytest.skip(f"no browser at {found}: make test gets it")
    return found


@pytest.fixture(autouse=True)
def nothing_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """All that is temporary goes into a folder of the test's own, which must be empty in the end, and nobody's."""
    with tempfile.TemporaryDirectory() as name:  # its path is short: see test_a_long_path
        room = Path(name)
        monkeypatch.setenv("TMPDIR", name)
        monkeypatch.setattr(tempfile, "tempdir", None)
        yield room
        assert list(room.iterdir()) == []
        assert users(room) == []


def users(folder: Path) -> list[str]:
    """The command lines of living processes that name a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes()
        except OSError:  # it ended
            continue
        if os.fsencode(folder) in line:  # a dead one that nobody waits for has none
            found.append(line.decode(errors="replace"))
    return found


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def killed(group: int) -> None:
    os.killpg(group, signal.SIGKILL)


def stopped(group: int) -> None:
    os.killpg(group, signal.SIGSTOP)


def test_a_page_is_asked(program: Path) -> None:
    with Browser(program) as page:
        assert page.version[0].isdigit()
        assert page.call("([a, b]) => a + b", [1, 2], "adding") == 3
        assert page.call("async () => new Promise((done) => setTimeout(done, 1, 'later'))", None, "waiting") == "later"


def test_a_long_path_of_temporary_files(program: Path, nothing_left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than that of a socket may be, which Chromium makes there."""
    long = nothing_left / ("long" * 10)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with Browser(program) as page:
        assert page.call("() => 1", None, "counting") == 1
    long.rmdir()


@pytest.mark.parametrize("function", ["() => { for (;;); }", "() => new Promise(() => {})"], ids=["loop", "never"])
def test_a_page_that_hangs(program: Path, function: str) -> None:
    with Browser(program) as page:
        page._patience = 0.5  # for this call only: a busy machine may start slowly
        with pytest.raises(DeviceError, match=r"chromium did not answer in 0\.5 seconds while hanging"):
            page.call(function, None, "hanging")


@pytest.mark.parametrize("end", [killed, stopped], ids=["killed", "stopped"])
def test_a_browser_that_is_gone(program: Path, end: Callable[[int], None]) -> None:
    with Browser(program) as page:
        assert page._group is not None
        end(page._group)
        page._patience = 0.5
        with pytest.raises(DeviceError, match=r"chromium (failed|did not answer) .* while at work"):
            page.call("() => new Promise(() => {})", None, "at work")


def test_a_page_that_crashes(program: Path) -> None:
    with pytest.raises(DeviceError, match=r"chromium failed .* while opening chrome://crash"), Browser(program) as page:
        page.open("chrome://crash")


def test_a_script_that_throws(program: Path) -> None:
    with pytest.raises(DeviceError, match=r"failed \(Error: no\) while trying"), Browser(program) as page:
        page.call("() => { throw new Error('no'); }", None, "trying")


def test_an_interrupt_ends_it(program: Path) -> None:
    with pytest.raises(KeyboardInterrupt), Browser(program):
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("text", "message"),
    [("sleep 100", "Timeout 500ms exceeded"), ("echo no library >&2; exit 3", "no library")],
    ids=["hangs", "ends"],
)
def test_a_program_that_is_no_browser(text: str, message: str, tmp_path: Path) -> None:
    program = script(tmp_path / "browser", text)
    with pytest.raises(DeviceError, match=rf"browser failed \({message}\) while starting"), Browser(program, (), 0.5):
        raise AssertionError("it has started")


def test_the_browser_is_found_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(module.ENVIRONMENT, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeviceError, match="there is no browser here: none of chromium, ") as refused:
        find()
    assert "--browser PATH or LITTORAL_BROWSER" in refused.value.remedy
    edge = script(tmp_path / "msedge", "")
    assert find() == edge
    chromium = script(tmp_path / "chromium", "")
    assert find() == chromium
    monkeypatch.setenv(module.ENVIRONMENT, str(edge))
    assert find() == edge
    assert find("chromium") == chromium
    monkeypatch.chdir(tmp_path)
    here = script(tmp_path / "mine", "")
    assert find(Path("./mine")) == here
    monkeypatch.setenv("PATH", os.defpath)
    assert find(Path("./chromium")) == chromium


@pytest.mark.parametrize("name", ["nowhere/browser", "notes.txt"])
def test_what_is_named_must_be_a_program(name: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no program")
    with pytest.raises(DeviceError, match=f"{name} is no program"):
        find(tmp_path / name)


def test_without_playwright(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "playwright.sync_api", None)
    with pytest.raises(MissingExtraError, match=r'pip install "littoral\[browser\]"'):
        Browser(WITHOUT_WEBNN)
