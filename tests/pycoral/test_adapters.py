"""What goes in and comes out, on TFLite's own interpreter and on ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from littoral.pycoral.adapters import classify, common, detect, segment
from littoral.pycoral.interpreter import Interpreter


@pytest.fixture(scope="module", params=["ours", "TFLite's"])
def interpreter(request: pytest.FixtureRequest, coral: Path) -> Any:
    path = coral / "mobilenet_v1_0.25_128_quant.tflite"
    if request.param == "ours":
        made: Any = Interpreter(path)
    else:
        from ai_edge_litert.interpreter import Interpreter as Theirs

        made = Theirs(model_path=str(path), num_threads=1)
    made.allocate_tensors()
    return made


class Outputs:
    """An interpreter whose outputs are given."""

    def __init__(self, *outputs: np.ndarray, signatures: dict[str, Any] | None = None) -> None:
        self._outputs = outputs
        self._signatures = signatures or {}

    def get_input_details(self) -> list[dict[str, Any]]:
        return [{"index": 0, "shape": np.array([1, 50, 100, 3])}]

    def get_output_details(self) -> list[dict[str, Any]]:
        return [
            {"index": index, "shape": np.array(output.shape), "quantization": (0.5, 10)}
            for index, output in enumerate(self._outputs)
        ]

    def tensor(self, index: int) -> Any:
        return lambda: self._outputs[index]

    def _get_full_signature_list(self) -> dict[str, Any]:
        return self._signatures


def test_a_picture_goes_in_and_classes_come_out(interpreter: Any, coral: Path) -> None:
    assert common.input_size(interpreter) == (128, 128)
    assert common.input_details(interpreter, "dtype") is np.uint8
    picture = Image.open(coral / "sunflower.bmp").resize((128, 128))
    common.set_input(interpreter, picture)
    np.testing.assert_array_equal(common.input_tensor(interpreter), np.asarray(picture))
    interpreter.invoke()
    assert classify.num_classes(interpreter) == 1001
    best = classify.get_classes(interpreter, top_k=2)
    assert best[0].id == 986  # daisy
    assert best[0].score == classify.get_scores(interpreter).max()
    assert common.output_tensor(interpreter, 0).shape == (1, 1001)


@pytest.mark.parametrize("size", [(200, 100), (100, 200), (64, 64), (3, 300)])
def test_pictures_are_fitted(interpreter: Any, size: tuple[int, int]) -> None:
    picture = Image.new("RGB", size, (255, 255, 255))
    common.input_tensor(interpreter).fill(7)
    resized, scale = common.set_resized_input(interpreter, size, picture.resize)
    factor = 128 / max(size)
    width, height = int(size[0] * factor), int(size[1] * factor)
    assert (resized.size, scale) == ((width, height), (factor, factor))
    filled = common.input_tensor(interpreter)[..., 0]
    assert (filled[:height, :width] == 255).all()
    assert filled.astype(int).sum() == 255 * width * height


def test_gray_pictures_are_fitted_too() -> None:
    memory = np.zeros((1, 50, 100, 1), np.uint8)
    common.set_resized_input(Outputs(memory), (10, 10), lambda size: Image.new("L", size, 9))
    assert (memory[0, :50, :50] == 9).all()


@given(
    st.lists(st.floats(-10, 10, width=32), min_size=1, max_size=20),
    st.one_of(st.integers(0, 25), st.just(float("inf"))),
    st.floats(-10, 10),
)
def test_the_best_classes(scores: list[float], top_k: float, threshold: float) -> None:
    found = classify.get_classes_from_scores(np.array(scores, np.float32), top_k, threshold)
    wanted = sorted(enumerate(scores), key=lambda pair: (-pair[1], pair[0]))
    wanted = [pair for pair in wanted[: int(min(top_k, len(scores)))] if pair[1] >= threshold]
    assert [tuple(each) for each in found] == wanted


def test_scores_are_real_values() -> None:
    stored = np.array([[10, 12, 0]], np.uint8)
    np.testing.assert_array_equal(classify.get_scores(Outputs(stored)), [0, 1, -5])
    np.testing.assert_array_equal(classify.get_scores(Outputs(stored.astype(np.float32))), [10, 12, 0])


BOXES = np.array([[[0.1, 0.2, 0.5, 0.6], [0, 0, 1, 1]]], np.float32)
CLASSES, SCORES, COUNT = np.array([[3.0, 1.0]]), np.array([[0.9, 0.25]]), np.array([2.0])
NAMED = {"outputs": {"output_0": 0, "output_1": 1, "output_2": 2, "output_3": 3}}


@pytest.mark.parametrize(
    "outputs",
    [
        Outputs(BOXES, CLASSES, SCORES, COUNT),
        Outputs(SCORES, BOXES, COUNT, CLASSES),
        Outputs(COUNT, SCORES, CLASSES, BOXES, signatures={"serving_default": NAMED}),
    ],
)
def test_objects_in_each_order_of_outputs(outputs: Outputs) -> None:
    found = detect.get_objects(outputs, 0.25, (0.5, 0.25))
    assert [(each.id, each.score) for each in found] == [(3, 0.9), (1, 0.25)]
    assert list(found[0].bbox) == [40, 20, 120, 100]  # an input of 100 x 50, from a picture of 200 x 200
    assert list(found[1].bbox) == [0, 0, 200, 200]
    assert {type(side) for side in found[0].bbox} == {int}
    assert len(detect.get_objects(outputs, 0.3)) == 1


def test_what_is_no_detector() -> None:
    with pytest.raises(ValueError, match="the model has 1 outputs"):
        detect.get_objects(Outputs(SCORES))
    with pytest.raises(ValueError, match="the model has 2 signatures"):
        detect.get_objects(Outputs(SCORES, signatures={"a": NAMED, "b": NAMED}))


def test_boxes() -> None:
    a, b = detect.BBox(1, 2, 11, 22), detect.BBox(xmin=6, ymin=2, xmax=16, ymax=22)
    assert (a.width, a.height, a.area, a.valid) == (10, 20, 200, True)
    assert a.scale(2, 0.5) == (2, 1, 22, 11)
    assert a.translate(-1, 3) == (0, 5, 10, 25)
    assert detect.BBox(1.9, 2.1, 3.5, 4.0).map(int) == (1, 2, 3, 4)
    assert detect.BBox.intersect(a, b) == (6, 2, 11, 22)
    assert detect.BBox.union(a, b) == (1, 2, 16, 22)
    assert detect.BBox.iou(a, b) == pytest.approx(1 / 3)
    assert detect.BBox.iou(a, b.translate(100, 0)) == 0.0
    assert not detect.BBox.intersect(a, b.translate(100, 0)).valid
    assert a._replace(xmin=0) == (0, 2, 11, 22)
    assert isinstance(a.scale(1, 1), detect.BBox)


def test_maps() -> None:
    found = segment.get_output(Outputs(np.array([[[1, 2], [3, 4]]], np.int64)))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, [[1, 2], [3, 4]])
