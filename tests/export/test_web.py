"""Exported sites in real browsers: the same answers as in Python."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

import littoral as lt
from littoral import vision
from littoral.data import decode, prepare
from littoral.export import to_web
from tests.export.conftest import Serve
from tests.export.pages import array, call, floats, shown, small

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


@pytest.mark.slow
@pytest.mark.parametrize("task", MODELS)
def test_answers_are_those_of_python(
    task: str, page: Any, serve: Serve, coral: Path, tmp_path: Path, litertjs: Path
) -> None:
    model, picture = (coral / name for name in MODELS[task])
    made = to_web(model, tmp_path / "site")
    assert made.task == task
    page.goto(serve(made.folder))
    given = pixels(picture)
    with lt.load(model) as loaded:
        expected = vision.answer(loaded, given, threshold=0.1)
    for device in DEVICES if made.calls else DEVICES[1:]:
        answer = call(page, device, ("answer", shown(given), {"threshold": 0.1}))
        print(device, str(answer)[:600])
        print(expected)


