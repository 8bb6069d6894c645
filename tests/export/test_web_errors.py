"""What goes wrong on a page has an error of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.export.conftest import Serve
from tests.export.pages import call, floats, shown, small

from littoral.export import to_web


@pytest.fixture
def site(flowers: Path, tmp_path: Path, litertjs: Path) -> Path:
    return to_web(flowers / "models" / "model.tflite", tmp_path / "site").folder


@pytest.fixture
def page(webnn_browser: Any) -> Iterator[Any]:
    page = webnn_browser.new_page()
    yield page
    page.close()


def altered(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def lengthened(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


@pytest.mark.parametrize("spoil", [altered, truncated, lengthened], ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize(
    ("name", "device"), [("weights.bin", "webnn"), ("model.tflite", "wasm"), ("model.json", "webnn")]
)
def test_a_file_that_is_not_the_one(
    spoil: Callable[[Path], None], name: str, device: str, page: Any, serve: Serve, site: Path
) -> None:
    spoil(site / name)
    page.goto(serve(site))
    said = call(page, device)
    assert said["error"] == "IntegrityError"
    assert f"/{name} " in said["message"]


def test_a_file_that_is_missing(page: Any, serve: Serve, site: Path) -> None:
    (site / "weights.bin").unlink()
    page.goto(serve(site))
    assert call(page, "webnn") == {
        "error": "DownloadError",
        "message": "/weights.bin cannot be fetched: the server says 404",
    }


def test_a_browser_without_webnn(plain_browser: Any, serve: Serve, site: Path) -> None:
    page = plain_browser.new_page()
    page.goto(serve(site))
    said = call(page, "webnn")
    assert said["error"] == "NoWebNNError"
    page.close()


def test_a_page_that_is_not_isolated(page: Any, serve: Serve, site: Path) -> None:
    page.goto(serve(site, isolated=False) + "littoral-web.d.ts")
    said = call(page, "wasm:threads")
    assert said["error"] == "NotIsolatedError"
    assert "Cross-Origin-Embedder-Policy: require-corp" in said["message"]
    assert call(page, "wasm", ("answer", shown(np.zeros((9, 9, 3), np.uint8))))["device"] == "wasm"


def test_a_machine_without_a_gpu(page: Any, serve: Serve, site: Path) -> None:
    page.goto(serve(site))
    said = call(page, "webnn:gpu")
    assert said["error"] == "NoGpuError"


def test_a_page_that_is_not_secure(page: Any, serve: Serve, site: Path) -> None:
    address = serve(site).replace("127.0.0.1", "somewhere.test")
    page.route("**/*", lambda route: route.fulfill(path=str(site / route.request.url.rpartition("/")[2])))
    page.goto(f"{address}index.html")
    said = call(page, "webnn")
    assert said["error"] == "InsecureError"


def test_an_operation_that_the_browser_refuses(page: Any, serve: Serve, site: Path) -> None:
    """By hand, as Chromium's builder takes all that we make; "auto" then falls back and says so."""
    import hashlib

    description = json.loads((site / "model.json").read_text())
    description["program"]["calls"][0][0] = "convolve"
    description["sha256"] = "0" * 64
    text = json.dumps(description)
    (site / "model.json").write_text(text.replace("0" * 64, hashlib.sha256(text.encode()).hexdigest(), 1))
    page.goto(serve(site))
    said = call(page, "webnn")
    assert said["error"] == "RefusedError"
    assert "refuses convolve" in said["message"]
    answer = call(page, "auto", ("answer", shown(np.zeros((9, 9, 3), np.uint8))))
    assert answer["device"] == "wasm:threads"
    assert "refuses convolve" in answer["notes"][0]


@pytest.mark.parametrize(
    ("calls", "message"),
    [
        ((("run", {}),), "takes 30000 values, [1, 100, 100, 3], and got none"),
        ((("run", {"x": floats(np.zeros(3, np.float32))}),), 'the model has no input "x"'),
        ((("classify", {"no": "picture"}),), "it is no picture that this browser reads"),
        ((("detect", shown(np.zeros((9, 9, 3), np.uint8))),), "the model is for classify, not for detect"),
    ],
    ids=["missing", "unknown", "picture", "task"],
)
def test_input_that_the_model_does_not_take(
    calls: tuple[tuple[Any, ...], ...], message: str, page: Any, serve: Serve, site: Path
) -> None:
    page.goto(serve(site))
    said = call(page, "webnn", *calls)
    assert said["error"] == "InputError"
    assert message in said["message"]


def test_values_of_another_type(page: Any, serve: Serve, site: Path) -> None:
    page.goto(serve(site))
    name = json.loads((site / "model.json").read_text())["inputs"][0]["name"]
    said = call(page, "webnn", ("run", {name: small(np.zeros(29999, np.uint8))}))
    assert said["error"] == "InputError"
    assert "got 29999 values" in said["message"]


def test_an_unknown_device(page: Any, serve: Serve, site: Path) -> None:
    page.goto(serve(site))
    said = call(page, "tpu")
    assert said["error"] == "InputError"
    assert 'there is no device "tpu": auto, webnn' in said["message"]


def test_a_closed_model(page: Any, serve: Serve, site: Path) -> None:
    page.goto(serve(site))
    assert page.evaluate(
        """async () => {
                const { load, ClosedError } = await import("./littoral-web.js");
                const model = await load("model.json", { device: "webnn" });
                model.close();
                const said = (error) => [error instanceof ClosedError, error.message];
                return model.answer(new ImageData(9, 9)).catch(said);
            }"""
    ) == [True, "the model is closed"]


def test_the_page_shows_its_errors(page: Any, serve: Serve, site: Path) -> None:
    altered(site / "weights.bin")
    page.goto(f"{serve(site)}?device=webnn")
    page.get_by_text("IntegrityError: /weights.bin has another SHA-256").wait_for()
