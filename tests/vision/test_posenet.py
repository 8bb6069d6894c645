"""The operator PosenetDecoderOp: its options, its tensors, what it refuses."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.vision.people import Array, Scene, scene
from tests.vision.posenets import OPTIONS, decoder_graph, flexbuffer, stored

from littoral.errors import InputError, LittoralError, ModelFileError
from littoral.runtime import load
from littoral.runtime.delegate import Partition
from littoral.tflite import TensorType, read
from littoral.vision.posenet import OPERATOR, Options, decoder

SIZE = (13, 17)
DEPTHS = (17, 34, 64, 34)
SHAPES = [(1, *SIZE, depth) for depth in DEPTHS]
GOOD = flexbuffer(OPTIONS)
_FIFTH = float(np.float32(0.2))


def two_people() -> Array:
    rng = np.random.default_rng(5)
    one = rng.uniform((0, 0), (12, 7), (17, 2))
    return np.array([one, one + np.array([0, 8])])


def fields(scale: float = 1.0) -> list[Array]:
    """What a network would give for them, offsets in units of `scale` cells."""
    made: Scene = scene(two_people(), *SIZE)
    parts = [made.heatmaps.stored, *(part.stored * scale for part in (made.short, made.mid, made.long))]
    return [np.asarray(part[None], np.float32) for part in parts]


def partition(graph: Any) -> Partition:
    return Partition(graph, 0, (0,))


def test_options_of_a_real_model(coral: Path) -> None:
    graph = read(coral / "posenet" / "posenet_mobilenet_v1_075_353_481_16_quant_decoder.tflite")
    operator = graph.main.operators[-1]
    assert operator.name == OPERATOR
    options = Options.read(operator.custom_options or b"")
    assert options == Options(20, _FIFTH, 16, 10.0)


def test_options_may_be_of_any_type_of_number() -> None:
    assert Options.read(GOOD) == Options(5, _FIFTH, 16, 10.0)
    whole = flexbuffer({"max_detections": 5.0, "nms_radius": 10, "score_threshold": 0, "stride": 16.0})
    assert Options.read(whole) == Options(5, 0, 16, 10)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_detections": 0}, "max_detections is 0, accepted is 1 to 1000"),
        ({"max_detections": 1 << 30}, "max_detections is 1073741824"),
        ({"score_threshold": float("nan")}, "score_threshold is nan, accepted is 0 to 1"),
        ({"stride": 0}, "stride is 0, accepted is 1 to 16384"),
        ({"nms_radius": -1.0}, r"nms_radius is -1\.0"),
    ],
)
def test_options_without_sense(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ModelFileError, match=message):
        Options.read(flexbuffer({**OPTIONS, **changes}))


def test_options_that_are_missing() -> None:
    with pytest.raises(ModelFileError, match="max_detections is None"):
        Options.read(flexbuffer({"stride": 16}))
    with pytest.raises(ModelFileError, match="options of the operator PosenetDecoderOp"):
        Options.read(b"")


@given(st.binary(max_size=40), st.integers(0, len(GOOD)))
def test_options_of_any_bytes(noise: bytes, at: int) -> None:
    for data in (noise, GOOD[:at] + noise + GOOD[at + len(noise) :]):
        with suppress(ModelFileError):
            Options.read(data)


def test_a_model_that_is_the_decoder() -> None:
    with load(decoder_graph(SHAPES, GOOD), threads=1) as model:
        given_fields = fields(scale=16.0)
        result = model(*given_fields)
        again = model(*given_fields)
    assert isinstance(result, dict)
    assert isinstance(again, dict)
    points, scores, people, count, whose = result.values()
    assert [array.shape for array in result.values()] == [(1, 5, 17, 2), (1, 5, 17), (1, 5), (1,), (1, 5, *SIZE)]
    assert {array.dtype for array in result.values()} == {np.dtype(np.float32)}
    assert count.tolist() == [2.0]
    for person in two_people():
        assert np.abs(points[0, :2] / 16 - person).max(axis=(1, 2)).min() < 1e-5
    assert (scores[0, :2] > 0.99).all()
    assert (people[0, :2] > 0.99).all()
    assert not any(array[0, 2:].any() for array in (points, scores, people, whose))
    assert (whose[0].sum(axis=0) == 1).all()
    for name, array in result.items():
        np.testing.assert_array_equal(array, again[name])


@pytest.mark.parametrize(("kind", "dtype", "zero"), [(TensorType.UINT8, np.uint8, 128), (TensorType.INT8, np.int8, 0)])
def test_quantized_fields(kind: TensorType, dtype: Any, zero: int) -> None:
    scales = [0.05, 2.0, 2.0, 2.0]
    graph = decoder_graph(SHAPES, GOOD, kind, [(scale, zero) for scale in scales])
    quantized = [stored(part, scale, zero, dtype) for part, scale in zip(fields(16.0), scales, strict=True)]
    with load(graph, threads=1) as model:
        result = model(*quantized, raw=True)
    assert isinstance(result, dict)
    points, _, _, count, _ = result.values()
    assert count.tolist() == [2.0]
    for person in two_people():  # a step of 2 pixels is at most 1 off, and no more where it is mixed
        assert np.abs(points[0, :2] - person * 16).max(axis=(1, 2)).min() < 1.01


def test_nobody_leaves_zeros() -> None:
    nobody = [np.full(shape, -9, np.float32) for shape in SHAPES]
    kernel = decoder(partition(decoder_graph(SHAPES, GOOD)))
    outputs = tuple(np.full(shape, 7, np.float32) for shape in kernel.shapes)
    kernel(tuple(nobody), outputs)
    assert not any(output.any() for output in outputs)


def test_posenet_has_no_masks() -> None:
    kernel = decoder(partition(decoder_graph(SHAPES[:3], GOOD)))
    assert kernel.shapes == ((1, 5, 17, 2), (1, 5, 17), (1, 5), (1,))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("field", range(4))
def test_no_numbers(field: int, value: float) -> None:
    broken = fields(16.0)
    broken[field][0, 3, 4, 5] = value
    with (
        load(decoder_graph(SHAPES, GOOD), threads=1) as model,
        pytest.raises(InputError, match="before PosenetDecoderOp gives NaN or infinite"),
    ):
        model(*broken)


def test_huge_numbers() -> None:
    huge = [np.full(shape, 3e38, np.float32) for shape in SHAPES]
    kernel = decoder(partition(decoder_graph(SHAPES, GOOD)))
    outputs = tuple(np.zeros(shape, np.float32) for shape in kernel.shapes)
    kernel(tuple(huge), outputs)
    assert np.isfinite(outputs[0]).all()
    assert outputs[3] == 1


@pytest.mark.parametrize(
    ("shapes", "outputs", "message"),
    [
        (SHAPES[:2], 4, "it has 2 inputs and 4 outputs"),
        (SHAPES, 4, "it has 4 inputs and 4 outputs"),
        ([(1, 13, 17, 16), *SHAPES[1:3]], 4, r"its heatmaps have shape \[1, 13, 17, 16\], accepted is .* 17\]"),
        ([SHAPES[0], (1, 12, 17, 34), SHAPES[2]], 4, "its short offsets have shape"),
        ([*SHAPES[:2], (1, 13, 17, 32)], 4, "its mid offsets have shape"),
        ([*SHAPES[:3], (2, 13, 17, 34)], 5, "its long offsets have shape"),
        ([(17,), *SHAPES[1:3]], 4, "its heatmaps have shape"),
    ],
)
def test_other_tensors(shapes: list[tuple[int, ...]], outputs: int, message: str) -> None:
    graph = decoder_graph(shapes, GOOD, outputs=outputs)
    with pytest.raises(ModelFileError, match=message):
        decoder(partition(graph))
    with pytest.raises(LittoralError, match=message):
        load(graph, threads=1)


def test_whole_numbers_without_a_scale() -> None:
    graph = decoder_graph(SHAPES, GOOD, TensorType.UINT8)
    with pytest.raises(ModelFileError, match="its input 'field 0' is neither float nor quantized"):
        decoder(partition(graph))
