"""Exported sites in real browsers: the same answers as in Python."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from tests.export.conftest import Serve
from tests.export.pages import array, call, floats, shown, small

import littoral as lt
from littoral import vision
from littoral.data import Contract, InputContract, prepare
from littoral.errors import InputError, SourceError
from littoral.export import to_web

MODELS = {
    "classify": ("tf2_mobilenet_v2_1.0_224_ptq.tflite", "sunflower.bmp"),
    "segment": ("deeplabv3_mnv2_pascal_quant.tflite", "bird_segmentation.bmp"),
    "pose": ("movenet_single_pose_lightning_ptq.tflite", "squat.bmp"),
    "detect": ("automl_video_ondevice/traffic_model.tflite", "automl_video_ondevice/traffic_frames/0001.bmp"),
}
DEVICES = ("webnn", "wasm:threads")


@pytest.fixture
def page(webnn_browser: Any) -> Iterator[Any]:
    page = webnn_browser.new_page()
    yield page
    page.close()


def pixels(path: Path) -> npt.NDArray[np.uint8]:
    return np.array(Image.open(path).convert("RGB"))


def plain(answer: vision.Answer) -> Any:
    """What Python answers, as a page has it."""
    if isinstance(answer, vision.Segmentation):
        return {"classes": [{"index": share.index, "share": share.share} for share in answer.shares]}
    if answer and isinstance(answer[0], vision.Pose):
        return [{"score": each.score, "keypoints": [vars(point) for point in each.keypoints]} for each in answer]
    if answer and isinstance(answer[0], vision.Object):
        sides = ("left", "top", "right", "bottom")
        return [{**vars(each), "box": {side: getattr(each.box, side) for side in sides}} for each in answer]
    return [vars(each) for each in answer]


def close(given: Any, expected: Any, tolerance: float) -> bool:
    """Whether two answers have the same parts, and numbers that differ by no more than a tolerance."""
    if isinstance(expected, dict):
        return bool(given.keys() >= expected.keys()) and all(
            close(given[key], expected[key], tolerance) for key in expected
        )
    if isinstance(expected, list):
        return len(given) == len(expected) and all(close(a, b, tolerance) for a, b in zip(given, expected, strict=True))
    if isinstance(expected, float):
        return bool(abs(given - expected) <= tolerance)
    return bool(given == expected)


@pytest.mark.parametrize("task", MODELS)
def test_answers_are_those_of_python(
    task: str, page: Any, serve: Serve, coral: Path, tmp_path: Path, litertjs: Path
) -> None:
    model, picture = (coral / name for name in MODELS[task])
    made = to_web(model, tmp_path / "site", labels=["a", "b"] if task == "detect" else None)
    assert made.task == task
    assert made.calls > 0
    page.goto(serve(made.folder))
    with lt.load(model) as loaded:
        labels = ["a", "b"] if task == "detect" else None
        found = vision.answer(loaded, picture, threshold=0.1, labels=labels)
    for device in DEVICES:
        answer = call(page, device, ("answer", shown(pixels(picture)), {"threshold": 0.1}))
        (given,) = answer["given"]
        assert answer["device"] == device
        assert close(given, plain(found), 1e-4), (device, given, found)  # of pixels: sums in another order
        if isinstance(found, vision.Segmentation):  # where two classes are as likely, Chromium rounds differently
            assert np.mean(array(given["map"]) != found.classes.ravel()) <= 1e-3


def test_float_models_agree_with_python(page: Any, serve: Serve, flowers: Path, tmp_path: Path, litertjs: Path) -> None:
    model = flowers / "models" / "model.tflite"
    made = to_web(model, tmp_path / "site")
    page.goto(serve(made.folder))
    with lt.load(model) as loaded:
        info, contract = loaded.inputs[0], loaded.contract.inputs[0]
        some = np.random.default_rng(0).integers(0, 256, (contract.height, contract.width, 3), dtype=np.uint8)
        tensor = prepare(some, contract)
        expected = np.asarray(loaded(tensor))
        output = loaded.outputs[0].name
    for device in DEVICES:
        answer = call(page, device, ("run", {info.name: floats(tensor)}), ("run", {info.name: small(some)}))
        for given in answer["given"]:  # prepared, and as pixels
            assert np.abs(array(given[output]).reshape(expected.shape) - expected).max() <= 1e-6


@pytest.mark.parametrize(
    "contract",
    [
        {"resize": "bilinear", "scale": 1 / 127.5, "mean": 127.5},
        {"resize": "bilinear", "colour": "bgr", "mean": (103.94, 116.78, 123.68), "scale": 0.017},
        {"resize": "letterbox"},
        {"resize": "nearest"},
        {"resize": "area", "scale": 1 / 255},
    ],
    ids=lambda contract: "-".join(map(str, contract.values())),
)
@pytest.mark.parametrize("size", [(300, 211), (64, 96), (17, 400)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_pictures_are_prepared_as_in_python(
    contract: dict[str, Any], size: tuple[int, int], page: Any, serve: Serve, flowers: Path, tmp_path: Path
) -> None:
    model = flowers / "models" / "model.tflite"
    with lt.load(model) as loaded:
        was = loaded.contract.inputs[0]
    mine = InputContract(was.width, was.height, was.name, **contract)
    made = to_web(model, tmp_path / "site", contract=Contract((mine,)), fallback=False)
    page.goto(serve(made.folder))
    some = np.random.default_rng(size[0]).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    (given,) = call(page, "webnn", ("prepare", shown(some)))["given"]
    expected = prepare(some, mine)
    # A mean of bytes is a sum, which Python's BLAS makes in another order: the last bits of singles near 255 * scale.
    tolerance = 2e-5 * 255 * float(np.max(mine.scale)) if mine.resize == "area" else 0.0
    assert np.abs(array(given).reshape(expected.shape) - expected).max() <= tolerance


def test_a_picture_file_is_decoded(page: Any, serve: Serve, coral: Path, tmp_path: Path) -> None:
    made = to_web(coral / MODELS["classify"][0], tmp_path / "site", fallback=False)
    page.goto(serve(made.folder))
    page.get_by_text("Ready after").wait_for()
    page.locator("#file").set_input_files(coral / "sunflower.bmp")
    page.locator("#answer li").first.wait_for()
    assert page.locator("#answer li").first.inner_text().startswith("daisy: 9")
    assert page.locator("#runs").inner_text() == "webnn"
    assert "ms, median" in page.locator("#latency").inner_text()


def test_the_page_works_without_a_network(webnn_browser: Any, serve: Serve, flowers: Path, tmp_path: Path) -> None:
    made = to_web(flowers / "models" / "model.tflite", tmp_path / "site", fallback=False)
    context = webnn_browser.new_context()
    page = context.new_page()
    address = serve(made.folder)
    page.goto(address)
    page.get_by_text("Ready after").wait_for()
    page.evaluate("navigator.serviceWorker.ready")
    context.set_offline(True)
    assert page.evaluate("fetch('elsewhere').then(() => 'there', () => 'offline')") == "offline"
    page.reload()
    page.get_by_text("Ready after").wait_for()
    context.close()


def test_the_service_worker_isolates_the_page(
    webnn_browser: Any, serve: Serve, flowers: Path, tmp_path: Path, litertjs: Path
) -> None:
    made = to_web(flowers / "models" / "model.tflite", tmp_path / "site")
    context = webnn_browser.new_context()
    page = context.new_page()
    address = serve(made.folder, isolated=False)
    page.goto(f"{address}?device=wasm")
    page.get_by_text("Ready after").wait_for()
    assert page.locator("#runs").inner_text() == "wasm"
    assert "not cross-origin isolated" in page.locator("#notes").inner_text()
    page.evaluate("navigator.serviceWorker.ready")
    page.reload()
    page.get_by_text("Ready after").wait_for()
    assert page.locator("#runs").inner_text() == "wasm:threads"
    context.close()


def test_a_browser_without_webnn_takes_litertjs(
    plain_browser: Any, serve: Serve, flowers: Path, tmp_path: Path, litertjs: Path
) -> None:
    made = to_web(flowers / "models" / "model.tflite", tmp_path / "site")
    page = plain_browser.new_page()
    page.goto(serve(made.folder))
    answer = call(page, "auto", ("answer", shown(np.zeros((8, 8, 3), np.uint8))))
    assert answer["device"] == "wasm:threads"
    assert "no WebNN" in answer["notes"][0]
    page.close()


def test_the_fallback_is_left_out(flowers: Path, tmp_path: Path) -> None:
    made = to_web(flowers / "models" / "model.tflite", tmp_path / "site", fallback=False)
    assert made.fallback == 0
    assert not list(made.folder.rglob("*.wasm"))
    assert made.page == sum(
        (made.folder / name).stat().st_size
        for name in ("index.html", "demo.js", "littoral-web.js", "model.json", "weights.bin")
    )


def test_a_model_that_no_browser_runs_is_refused(coral: Path, tmp_path: Path, litertjs: Path) -> None:
    name = "posenet/posenet_mobilenet_v1_075_353_481_16_quant_decoder.tflite"
    with pytest.raises(SourceError, match="PosenetDecoderOp, which no browser runs"):
        to_web(coral / name, tmp_path / "site")
    assert not list(tmp_path.iterdir())


def test_a_task_that_is_none_is_refused(flowers: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no task 'sing'"):
        to_web(flowers / "models" / "model.tflite", tmp_path / "site", task="sing", fallback=False)
    assert not list(tmp_path.iterdir())
