from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from littoral.convert import RECIPES, calibrate, quantize, settle
from littoral.convert.rounding import _vectors, refine, round_weights
from littoral.data import Contract, ImageFolder, InputContract, Sample
from littoral.runtime import load
from littoral.tflite import Buffer, Graph, Operator, OperatorCode, Padding, Subgraph, Tensor, read, to_bytes
from littoral.tflite.options.convolution import Conv2DOptions, DepthwiseConv2DOptions

Array = NDArray[Any]


def _spoilt(weights: Array, rounded: Array, inputs: Array) -> float:
    return float((((weights - rounded) @ inputs.T) ** 2).sum())


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 200), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_sums_are_spoilt_less_than_by_the_nearest_integers(width: int, outputs: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    inputs = np.rint(
        rng.normal(size=(4 * width, max(1, width // 3))) @ rng.normal(size=(max(1, width // 3), width)) * 9
    )
    weights = rng.uniform(-100, 100, (1, outputs, width))
    rounded = round_weights(weights, (inputs.T @ inputs)[None], 127)
    assert np.array_equal(rounded, np.rint(rounded))
    assert np.abs(rounded).max() <= 127
    assert _spoilt(weights[0], rounded[0], inputs) <= _spoilt(weights[0], np.rint(weights[0]), inputs) * 1.0001


def test_inputs_that_never_come_are_rounded_to_the_nearest() -> None:
    weights = np.array([[[0.4, 1.6, -2.5, 300.0]]])
    assert round_weights(weights, np.zeros((1, 4, 4)), 127).tolist() == [[[0.0, 2.0, -2.0, 127.0]]]


def _convolution(options: Any, kind: str, weights: Array, size: tuple[int, int], channels: int, out: int) -> Graph:
    shape, reach = size, weights.shape[1:3]
    strides = (options.stride_h, options.stride_w)
    if options.padding is Padding.VALID:
        dilations = (options.dilation_h_factor, options.dilation_w_factor)
        shape = tuple(n - (k - 1) * d for n, k, d in zip(size, reach, dilations, strict=True))
    made = tuple(-(-n // s) for n, s in zip(shape, strides, strict=True))
    tensors = [
        Tensor(name="x", shape=(1, *size, channels)),
        Tensor(name="w", shape=weights.shape, buffer=Buffer(data=weights.tobytes())),
        Tensor(name="b", shape=(out,), buffer=Buffer(data=np.zeros(out, "<f4").tobytes())),
        Tensor(name="y", shape=(1, *made, out)),
    ]
    operator = Operator(code=OperatorCode.of(kind, 2), inputs=(0, 1, 2), outputs=(3,), options=options)
    main = Subgraph(tensors=tensors, inputs=(0,), outputs=(3,), operators=[operator])
    return Graph(subgraphs=[main], metadata=[], signatures=[])


@pytest.mark.parametrize("padding", list(Padding))
@pytest.mark.parametrize(
    ("stride", "dilation"), [((1, 1), (1, 1)), ((2, 1), (1, 1)), ((1, 1), (2, 3)), ((3, 2), (1, 1))]
)
def test_vectors_times_weights_are_the_convolution(
    padding: Padding, stride: tuple[int, int], dilation: tuple[int, int]
) -> None:
    rng = np.random.default_rng(5)
    value = rng.integers(-9, 9, (1, 9, 11, 4)).astype("<f4")
    weights = rng.integers(-9, 9, (6, 3, 2, 4)).astype("<f4")
    options = Conv2DOptions(
        padding=padding,
        stride_h=stride[0],
        stride_w=stride[1],
        dilation_h_factor=dilation[0],
        dilation_w_factor=dilation[1],
    )
    graph = _convolution(options, "CONV_2D", weights, (9, 11), 4, 6)
    vectors = _vectors(value, graph.main.operators[0], weights.shape, 10**6, 0)
    with load(to_bytes(graph), "cpu:reference") as model:
        np.testing.assert_array_equal(
            (vectors.reshape(len(vectors), -1) @ weights.reshape(6, -1).T).ravel(), np.asarray(model(value)).ravel()
        )


def test_vectors_of_a_depthwise_convolution() -> None:
    rng = np.random.default_rng(6)
    value = rng.integers(-9, 9, (1, 8, 8, 3)).astype("<f4")
    weights = rng.integers(-9, 9, (1, 3, 3, 3)).astype("<f4")
    options = DepthwiseConv2DOptions(padding=Padding.SAME, stride_h=2, stride_w=2, depth_multiplier=1)
    graph = _convolution(options, "DEPTHWISE_CONV_2D", weights, (8, 8), 3, 3)
    vectors = _vectors(value, graph.main.operators[0], weights.shape, 10**6, 0)
    with load(to_bytes(graph), "cpu:reference") as model:
        np.testing.assert_array_equal(
            np.einsum("rtc,tc->rc", vectors, weights.reshape(9, 3)).ravel(), np.asarray(model(value)).ravel()
        )


def _sqnr(graph: Graph, expected: Array, samples: list[Sample]) -> float:
    with load(to_bytes(graph)) as model:
        found = np.concatenate([np.asarray(model(sample.inputs)) for sample in samples])
    return float(10 * np.log10((expected**2).mean() / ((expected - found) ** 2).mean()))


@pytest.fixture(scope="module")
def photos(flowers: Path) -> list[Sample]:
    contract = Contract((InputContract(100, 100, resize="area"),))
    return list(ImageFolder(flowers / "images").samples(contract, limit=24))


@pytest.fixture(scope="module")
def logits(flowers: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The flowers model without its softmax, whose output says little of small errors."""
    from littoral.tflite import write

    graph = read(flowers / "models" / "model.tflite")
    graph.main.operators.pop()
    graph.main.outputs = graph.main.operators[-1].outputs
    graph.signatures = []
    settle(graph, "model.tflite", quantized_is_fine=False)
    file = tmp_path_factory.mktemp("rounding") / "logits.tflite"
    write(graph, file)
    return file


@pytest.mark.parametrize(("recipe", "gain"), [("int4", 8.0), ("int16x8", 8.0), ("dynamic", 1.5), ("int8", 1.0)])
def test_variants_come_nearer_to_the_float_model(logits: Path, photos: list[Sample], recipe: str, gain: float) -> None:
    graph = read(logits)
    ranges = calibrate(graph, photos)
    with load(logits) as model:
        expected = np.concatenate([np.asarray(model(sample.inputs)) for sample in photos])
    plain, refined = (quantize(logits, RECIPES[recipe], ranges) for _ in range(2))
    assert refine(refined, graph, lambda: photos, len(photos)) >= 3
    assert len(to_bytes(plain)) == len(to_bytes(refined))
    assert _sqnr(refined, expected, photos) > _sqnr(plain, expected, photos) + gain


def test_the_order_of_samples_does_not_matter(logits: Path, photos: list[Sample]) -> None:
    graph = read(logits)
    ranges = calibrate(graph, photos)
    made = []
    for order in (photos, photos[::-1]):
        variant = quantize(logits, RECIPES["int8"], ranges)
        refine(variant, graph, lambda order=order: order, len(order))  # type: ignore[misc]
        made.append(to_bytes(variant))
    assert made[0] == made[1]


def test_what_has_no_float_weights_behind_it_is_left_alone(logits: Path, photos: list[Sample]) -> None:
    graph = read(logits)
    variant = quantize(logits, RECIPES["int8"], calibrate(graph, photos))
    before = to_bytes(variant)
    for tensor in graph.main.tensors:
        tensor.name += "?"
    assert refine(variant, graph, lambda: photos, len(photos)) == 0
    assert to_bytes(variant) == before


def test_int4_weights_are_packed_as_the_file_has_them() -> None:
    from littoral.tflite import pack
    from littoral.tflite.elements import unpack

    for count in range(9):
        values = np.random.default_rng(count).integers(-8, 8, count).astype(np.int8)
        found = unpack(np.frombuffer(pack(values, 4), np.uint8), 4, signed=True)
        assert found[:count].tolist() == values.tolist()
        assert len(pack(values, 4)) == -(-count // 2)
