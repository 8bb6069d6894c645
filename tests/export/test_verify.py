"""littoral verify, in both browsers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.browsers import WITH_WEBNN, WITHOUT_WEBNN
from typer.testing import CliRunner

from littoral import cli
from littoral.check.inputs import run
from littoral.errors import DataError, DeviceError, SourceError
from littoral.export import verify as module
from littoral.export.browser import Browser
from littoral.export.verify import Verified, verify
from littoral.export.web import Exported, to_web

pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.skipif(
    not WITH_WEBNN.exists() or not WITHOUT_WEBNN.exists(), reason="needs both browsers: make test gets them"
)

MODEL = "models/model.tflite"
QUICK: dict[str, Any] = {"samples": 2, "seconds": 0.05}


def spoiled(monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], object]) -> None:
    """Has something done to each site before a page is opened."""

    def spoiling(*args: Any, **named: Any) -> Exported:
        made = to_web(*args, **named)
        spoil(made.folder)
        return made

    monkeypatch.setattr(module, "to_web", spoiling)


def by_engine(found: Verified) -> dict[str, Any]:
    return {place.engine: place for place in found.places}


def test_webnn_and_wasm_give_pythons_answers(flowers: Path, litertjs: Path) -> None:
    found = verify(flowers / MODEL, browser=WITH_WEBNN, **QUICK)
    assert found.agrees
    assert (found.model, found.samples, found.data) == ("model.tflite", 2, "random inputs, seed 0")
    assert found.version.partition(".")[0].isdigit()
    assert found.latency > 0
    places = by_engine(found)
    assert [place.device for place in places.values()] == ["webnn", "wasm:threads"]
    for place in places.values():
        assert place.agrees
        assert place.outputs[0].max_abs <= 1e-6
        assert (place.top.hits, place.top.total) == (2, 2)
        assert place.calls > 1
        assert place.latency > 0
        assert place.load > 0


@pytest.mark.parametrize("picture", ["sunflower.bmp", "bird.bmp"])
def test_pictures_are_prepared_by_the_page(
    picture: str, coral: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Browser, "call", recorded := Recorded(Browser.call))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / picture).write_bytes((coral / picture).read_bytes())
    found = verify(coral / "tf2_mobilenet_v2_1.0_224_ptq.tflite", browser=WITH_WEBNN, data=tmp_path / "photos", **QUICK)
    place = by_engine(found)["webnn"]
    assert (found.samples, found.data) == (1, str(tmp_path / "photos"))
    assert place.agrees
    assert place.outputs[0].verdict == "exact"
    (question,) = (each for each in recorded.arguments if each["act"] == "run" and each["device"] == "webnn")
    assert question["inputs"] == {}
    assert question["picture"]["width"] > 224


class Recorded:
    """A method that remembers the arguments of its calls."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self.method, self.arguments = method, list[dict[str, Any]]()

    def __get__(self, owner: Any, kind: type) -> Callable[..., Any]:
        def call(function: str, argument: dict[str, Any], doing: str) -> Any:
            self.arguments.append(argument)
            return self.method(owner, function, argument, doing)

        return call


def test_several_outputs_and_detections(coral: Path, litertjs: Path) -> None:
    found = verify(coral / "automl_video_ondevice/traffic_model.tflite", browser=WITH_WEBNN, samples=1, seconds=0.01)
    for place in found.places:
        assert place.agrees
        assert place.top is None
        assert len(place.outputs) == 6
        assert max(each.max_abs for each in place.outputs) <= 1e-6


def test_what_the_browser_lacks_is_said(flowers: Path, litertjs: Path) -> None:
    found = verify(flowers / MODEL, browser=WITHOUT_WEBNN, **QUICK)
    places = by_engine(found)
    assert "this browser has no WebNN" in places["webnn"].refused
    assert places["webnn"].agrees is None
    assert places["wasm"].agrees
    assert found.agrees


def test_without_litertjs_webnn_is_verified(flowers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITTORAL_LITERTJS", str(tmp_path))
    found = verify(flowers / MODEL, browser=WITH_WEBNN, **QUICK)
    places = by_engine(found)
    assert "there is no @litertjs/core" in places["wasm"].refused
    assert places["webnn"].agrees


def test_a_browser_with_neither(flowers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITTORAL_LITERTJS", str(tmp_path))
    with pytest.raises(
        DeviceError, match=r"chromium does not run the page\. WebNN: .*; LiteRT.js: .*no @litertjs/core"
    ):
        verify(flowers / MODEL, browser=WITHOUT_WEBNN, **QUICK)


def test_other_answers_are_seen(flowers: Path, litertjs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "run", lambda model, inputs: [out[:, ::-1] for out in run(model, inputs)])
    found = verify(flowers / MODEL, browser=WITH_WEBNN, **QUICK)
    assert not found.agrees
    for place in found.places:
        assert place.outputs[0].verdict == "different"
        assert place.top is not None
        assert place.top.hits < place.top.total


def test_an_altered_site_is_an_error(flowers: Path, litertjs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def alter(site: Path) -> None:
        data = bytearray((site / "weights.bin").read_bytes())
        data[-1] ^= 1
        (site / "weights.bin").write_bytes(data)

    spoiled(monkeypatch, alter)
    with pytest.raises(
        DeviceError, match=r"while loading the model by WebNN: IntegrityError: /weights.bin has another"
    ):
        verify(flowers / MODEL, browser=WITH_WEBNN, **QUICK)


def test_a_page_that_hangs(flowers: Path, litertjs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_script", lambda: "() => new Promise(() => {})")
    with pytest.raises(DeviceError, match="chromium did not answer in 3 seconds while loading the model by WebNN"):
        verify(flowers / MODEL, browser=WITH_WEBNN, patience=3, **QUICK)


def test_data_without_samples(flowers: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "none.npy", np.zeros((0, 100, 100, 3), np.float32))
    with pytest.raises(DataError, match=r"none\.npy"):
        verify(flowers / MODEL, browser=WITH_WEBNN, data=tmp_path / "none.npy", **QUICK)


def test_a_model_that_no_browser_runs(coral: Path, litertjs: Path) -> None:
    with pytest.raises(SourceError, match="PosenetDecoderOp, which no browser runs"):
        verify(coral / "posenet/posenet_mobilenet_v1_075_353_481_16_quant_decoder.tflite", browser=WITH_WEBNN)


def command(*args: object) -> Any:
    return CliRunner().invoke(cli.app, ["verify", *map(str, args), "-n", "2", "--seconds", "0.1"])


def test_the_command_says_what_agrees(flowers: Path, litertjs: Path) -> None:
    done = command(flowers / MODEL, "--browser", WITH_WEBNN)
    assert done.exit_code == 0, done.output
    assert "model.tflite in chromium 147" in done.stdout
    assert "WebNN and LiteRT.js: the answers of Python." in done.stdout
    assert "2 of 2" in done.stdout


def test_the_command_finds_a_browser(flowers: Path, litertjs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITTORAL_BROWSER", str(WITHOUT_WEBNN))
    done = command("--browser", "--json", flowers / MODEL)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["browser"] == str(WITHOUT_WEBNN)
    assert [place["agrees"] for place in found["places"]] == [None, True]
    assert found["agrees"] is True


def test_the_command_says_what_the_browser_lacks(flowers: Path, litertjs: Path) -> None:
    done = command(flowers / MODEL, "--browser", WITHOUT_WEBNN)
    assert done.exit_code == 0, done.output
    assert "note: WebNN did not run: this browser has no WebNN" in done.stderr
    assert "\nLiteRT.js: the answers of Python." in done.stdout


def test_the_command_fails_where_answers_differ(flowers: Path, litertjs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "run", lambda model, inputs: [out + 1 for out in run(model, inputs)])
    done = command(flowers / MODEL, "--browser", WITH_WEBNN)
    assert done.exit_code == 1, done.output
    assert "WebNN and LiteRT.js: not the answers of Python." in done.stdout


def test_an_interrupt_leaves_nothing(flowers: Path, litertjs: Path) -> None:
    with tempfile.TemporaryDirectory() as room:
        environment = {**os.environ, "TMPDIR": room}
        script = "from littoral.cli import main; main()"
        arguments = ["verify", str(flowers / MODEL), "--browser", str(WITH_WEBNN), "--seconds", "100"]
        running = subprocess.Popen(
            [sys.executable, "-c", script, *arguments], env=environment, stderr=subprocess.PIPE, text=True
        )
        with running:
            assert running.stderr is not None
            while "latency" not in running.stderr.readline():
                assert running.poll() is None
            time.sleep(0.2)  # wherever it is then
            running.send_signal(signal.SIGINT)
            _, said = running.communicate(timeout=60)
        assert running.returncode == 130, said
        assert os.listdir(room) == []  # noqa: PTH208 - names are enough
        assert not [line for line in map(_command_line, Path("/proc").glob("[0-9]*")) if os.fsencode(room) in line]


def _command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:  # it ended
        return b""
