"""What the demo page itself shows where something is wrong: people see it, not scripts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.export.conftest import Serve

from littoral.export import to_web

REFUSING = """
if (globalThis.MLGraphBuilder) MLGraphBuilder.prototype.conv2d = () => { throw new TypeError("conv2d has a bad day"); };
"""
"""In front of the script, page and worker see a browser whose builder takes no conv2d."""


@contextmanager
def shown(browser: Any, address: str) -> Iterator[Any]:
    context = browser.new_context(service_workers="block")
    page = context.new_page()
    page.goto(address)
    try:
        yield page
    finally:
        context.close()


def changed(path: Path, change: str) -> None:
    data = bytearray(path.read_bytes())
    if change == "altered":
        data[len(data) // 2] ^= 1
    else:
        del data[-1]
    path.write_bytes(data)


@pytest.fixture
def site(flowers: Path, tmp_path: Path, litertjs: Path) -> Path:
    return to_web(flowers / "models" / "model.tflite", tmp_path / "site").folder


@pytest.mark.parametrize("change", ["altered", "truncated"])
@pytest.mark.parametrize("name", ["weights.bin", "model.json"])
def test_a_spoiled_file_is_named(name: str, change: str, webnn_browser: Any, serve: Serve, site: Path) -> None:
    changed(site / name, change)
    with shown(webnn_browser, serve(site)) as page:
        page.locator("#status.wrong").wait_for()
        assert page.locator("#status").inner_text().startswith(f"IntegrityError: /{name} ")


def test_a_refused_operator_is_said_beside_what_runs_instead(webnn_browser: Any, serve: Serve, site: Path) -> None:
    script = site / "littoral-web.js"
    script.write_text(REFUSING + script.read_text())
    with shown(webnn_browser, serve(site)) as page:
        page.get_by_text("Ready after").wait_for()
        assert page.locator("#runs").inner_text() == "wasm:threads"
        assert "WebNN refuses conv2d: conv2d has a bad day" in page.locator("#notes").inner_text()


def test_without_webnn_the_page_says_what_runs_instead(plain_browser: Any, serve: Serve, site: Path) -> None:
    with shown(plain_browser, serve(site)) as page:
        page.get_by_text("Ready after").wait_for()
        assert page.locator("#runs").inner_text() == "wasm:threads"
        assert "this browser has no WebNN" in page.locator("#notes").inner_text()


def test_without_webnn_and_litertjs_both_are_said(
    plain_browser: Any, serve: Serve, flowers: Path, tmp_path: Path
) -> None:
    made = to_web(flowers / "models" / "model.tflite", tmp_path / "site", fallback=False)
    with shown(plain_browser, serve(made.folder)) as page:
        page.locator("#status.wrong").wait_for()
        said = page.locator("#status").inner_text()
    assert "this browser has no WebNN" in said
    assert "exported without LiteRT.js" in said


def test_without_isolation_the_page_says_what_it_lacks(plain_browser: Any, serve: Serve, site: Path) -> None:
    with shown(plain_browser, serve(site, isolated=False)) as page:
        page.get_by_text("Ready after").wait_for()
        assert page.locator("#runs").inner_text() == "wasm"
        assert "not cross-origin isolated" in page.locator("#notes").inner_text()


def test_without_a_gpu_the_page_says_so(webnn_browser: Any, serve: Serve, site: Path) -> None:
    with shown(webnn_browser, f"{serve(site)}?device=webnn:gpu") as page:
        page.locator("#status.wrong").wait_for()
        assert page.locator("#status").inner_text().startswith("NoGpuError: there is no GPU here")
