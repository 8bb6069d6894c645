"""quantizeLinear and dequantizeLinear, by themselves and around an operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.webnn.to_model.conftest import compute, run
from tests.webnn.to_model.test_convolution import arranged, convolved, spread

from littoral import webnn
from littoral.webnn.program import Array, Program
from littoral.webnn.to_model import lower

TYPES = ["int8", "uint8", "int32", "uint32"]
RANDOM = np.random.default_rng(0)


def blown_up(values: Array, shape: tuple[int, ...]) -> Array:
    """One number a block as one an element."""
    for axis, (blocks, size) in enumerate(zip(values.shape, shape, strict=True)):
        values = np.repeat(values, size // blocks, axis)
    return values


def dequantized(x: Array, scale: Array, zero_point: Array) -> Array:
    """In double precision."""
    offset = x.astype(np.int64) - blown_up(zero_point.astype(np.int64), x.shape)
    return offset * blown_up(scale.astype(np.float64), x.shape)


def quantized(x: Array, scale: Array, zero_point: Array) -> Array:
    """As the standard says."""
    limits = np.iinfo(zero_point.dtype)
    steps = np.round(x.astype(np.float32) / blown_up(scale, x.shape)) + blown_up(zero_point.astype(np.float64), x.shape)
    return np.clip(steps, limits.min, limits.max).astype(zero_point.dtype)


@pytest.mark.parametrize("data_type", TYPES)
@pytest.mark.parametrize("blocks", [(1, 1, 1), (2, 1, 1), (1, 4, 1), (2, 4, 6), (1, 2, 1), (2, 2, 3)])
@pytest.mark.parametrize("known", [("scale", "zeroPoint"), ("input", "scale", "zeroPoint"), ()])
def test_by_themselves(data_type: str, blocks: tuple[int, ...], known: tuple[str, ...]) -> None:
    shape = (2, 4, 6)
    scale = RANDOM.uniform(0.01, 0.5, blocks).astype(np.float32)
    zero_point = RANDOM.integers(0, 100, blocks).astype(data_type)
    integers = RANDOM.integers(0, 128, shape).astype(data_type)
    found = compute("dequantizeLinear", known, input=integers, scale=scale, zeroPoint=zero_point)[0]
    np.testing.assert_allclose(found, dequantized(integers, scale, zero_point), rtol=1e-6)
    real = RANDOM.normal(0, 20, shape).astype(np.float32)
    found = compute("quantizeLinear", known, input=real, scale=scale, zeroPoint=zero_point)[0]
    assert np.abs(found.astype(np.int64) - quantized(real, scale, zero_point).astype(np.int64)).max() <= 1


def test_a_scale_may_be_negative_or_half_precise() -> None:
    x, zero_point = np.array([1, 5, 200], np.uint8), np.array([3], np.uint8)
    found = compute("dequantizeLinear", input=x, scale=np.array([-0.5], np.float32), zeroPoint=zero_point)[0]
    assert found.tolist() == [1.0, -1.0, -98.5]
    found = compute("dequantizeLinear", input=x, scale=np.array([0.5], np.float16), zeroPoint=zero_point)[0]
    assert found.dtype == np.float16
    assert found.tolist() == [-1.0, 1.0, 98.5]


class Quantized:
    """A builder of a program whose operands are quantized constants and inputs."""

    def __init__(self, data_type: str = "int8") -> None:
        self.builder = webnn.MLGraphBuilder(webnn.create_context())
        self.type = np.dtype(data_type)
        self.values: dict[str, Array] = {}
        self.real: dict[str, Array] = {}

    def parameters(self, scale: Any, zero_point: int, rank: int, data_type: str = "") -> tuple[Array, Array]:
        """Arrays of a rank: one scale, or what is given."""
        scales = np.asarray(scale, np.float32)
        scales = scales.reshape((1,) * rank) if scales.size == 1 else scales
        return scales, np.full(scales.shape, zero_point, data_type or self.type)

    def given(self, name: str, integers: Array, scale: Any, zero_point: int = 0, known: bool = False) -> Any:
        """What integers stand for."""
        parameters = self.parameters(scale, zero_point, integers.ndim, integers.dtype.name)
        self.real[name] = dequantized(integers, *parameters)
        if known:
            source = self.builder.constant(integers)
        else:
            source = self.builder.input(name, {"dataType": integers.dtype.name, "shape": integers.shape})
            self.values[name] = integers
        return self.builder.dequantizeLinear(source, *map(self.builder.constant, parameters))

    def ended(self, made: Any, scale: float, zero_point: int = 0) -> Program:
        """The program that quantizes what was made."""
        parameters = self.parameters(scale, zero_point, len(made.shape))
        output = self.builder.quantizeLinear(made, *map(self.builder.constant, parameters))
        return self.builder.record({"output0": output})

    def check(
        self,
        program: Program,
        wanted: Array,
        scale: float,
        zero_point: int = 0,
        operators: Any = None,
        share: float = 0.02,
    ) -> None:
        """Runs a program: at most one step from what real numbers give, and none but for a share."""
        if operators is not None:
            assert [operator.name for operator in lower(program).main.operators] == operators
        found = run(program, self.values)[0]
        expected = quantized(wanted, *self.parameters(scale, zero_point, wanted.ndim))
        steps = np.abs(found.astype(int) - expected.astype(int))
        assert found.dtype == self.type
        assert steps.max() <= 1
        assert (steps > 0).mean() <= share


def integers(shape: tuple[int, ...], data_type: str = "int8", seed: int = 0) -> Array:
    """Of the whole range of a type."""
    limits = np.iinfo(data_type)
    return np.random.default_rng(seed).integers(limits.min, limits.max, shape, data_type, endpoint=True)


ACTIVATIONS: dict[str, tuple[Callable[[Any, Any], Any], float, float]] = {
    "none": (lambda builder, x: x, -np.inf, np.inf),
    "relu": (lambda builder, x: builder.relu(x), 0, np.inf),
    "relu6": (lambda builder, x: builder.clamp(x, minValue=0, maxValue=6), 0, 6),
    "beyond the range": (lambda builder, x: builder.clamp(x, minValue=-1000, maxValue=1000), -np.inf, np.inf),
}


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("groups", "name"), [(1, "CONV_2D"), (4, "DEPTHWISE_CONV_2D")])
def test_a_convolution_is_one_kernel(groups: int, name: str, activation: str, bias: bool, per_channel: bool) -> None:
    make = Quantized()
    x = make.given("x", integers((1, 6, 6, 4)), 0.05, 3)
    scales = np.linspace(0.01, 0.02, 8).astype(np.float32).reshape(8, 1, 1, 1) if per_channel else np.float32(0.01)
    weights = make.given("weights", integers((8, 3, 3, 4 // groups), seed=1), scales, known=True)
    options: dict[str, Any] = {"padding": [1, 1, 1, 1], "inputLayout": "nhwc", "filterLayout": "ohwi", "groups": groups}
    if bias:
        added = np.random.default_rng(2).integers(-5000, 5000, (8,)).astype(np.int32)
        options["bias"] = make.given("bias", added, np.float32(0.05) * scales.reshape(-1), known=True)
    apply, low, high = ACTIVATIONS[activation]
    program = make.ended(apply(make.builder, make.builder.conv2d(x, weights, options)), 0.08, -5)
    real = arranged(make.real["weights"], "ohwi", "oihw")
    wanted = convolved(arranged(make.real["x"], "nhwc", "nchw"), real, (1,) * 4, (1, 1), (1, 1), groups)
    wanted = wanted + (make.real["bias"][:, None, None] if bias else 0)
    make.check(program, arranged(np.clip(wanted, low, high), "nchw", "nhwc"), 0.08, -5, [name])


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("padding", [(0, 0, 0, 0), (0, 1, 0, 1), (1, 1, 1, 1)])
def test_a_transposed_convolution_is_one_kernel(padding: tuple[int, ...], bias: bool) -> None:
    make = Quantized()
    x = make.given("x", integers((1, 4, 4, 2)), 0.05, 3)
    weights = make.given("weights", integers((4, 3, 3, 2), seed=1), 0.01, known=True)
    options: dict[str, Any] = {"padding": padding, "strides": (2, 2), "dilations": (1, 1), "groups": 1}
    if bias:
        added = np.array([100, -2000, 300, 4000], np.int32)
        options["bias"] = make.given("bias", added, np.float32(0.05) * np.float32(0.01), known=True)
    y = make.builder.convTranspose2d(x, weights, inputLayout="nhwc", filterLayout="ohwi", **options)
    wanted = spread(
        arranged(make.real["x"], "nhwc", "nchw"), arranged(make.real["weights"], "ohwi", "iohw"), options, y.shape[1:3]
    )
    wanted = wanted + (make.real["bias"][:, None, None] if bias else 0)
    operators = ["TRANSPOSE_CONV"] if padding[0] == 0 else None
    make.check(make.ended(y, 0.1, -5), arranged(wanted, "nchw", "nhwc"), 0.1, -5, operators)


@pytest.mark.parametrize("data_type", ["int8", "uint8"])
@pytest.mark.parametrize(("operation", "name"), [("add", "ADD"), ("sub", "SUB"), ("mul", "MUL")])
def test_arithmetic_is_one_kernel(operation: str, name: str, data_type: str) -> None:
    make = Quantized(data_type)
    a, b = (
        make.given("a", integers((3, 8), data_type), 0.04, 7),
        make.given("b", integers((1, 8), data_type, 1), 0.1, 9),
    )
    program = make.ended(make.builder.relu(getattr(make.builder, operation)(a, b)), 0.15, 11)
    function: Any = {"add": np.add, "sub": np.subtract, "mul": np.multiply}[operation]
    wanted = np.maximum(function(make.real["a"], make.real["b"]), 0)
    make.check(program, wanted, 0.15, 11, [name])


def test_a_dense_layer_is_one_kernel() -> None:
    make = Quantized()
    x = make.given("x", integers((3, 16)), 0.02, 10)
    w = make.given("w", integers((16, 4), seed=1), np.array([[0.01, 0.02, 0.03, 0.04]], np.float32), known=True)
    scale = np.float32(0.02) * np.array([0.01, 0.02, 0.03, 0.04], np.float32)
    c = make.given("c", np.array([100, -200, 300, 0], np.int32), scale, known=True)
    program = make.ended(make.builder.gemm(x, w, c=c), 0.5, 1)
    make.check(program, make.real["x"] @ make.real["w"] + make.real["c"], 0.5, 1, ["FULLY_CONNECTED"])


@pytest.mark.parametrize("data_type", ["int8", "uint8"])
@pytest.mark.parametrize("zero_point", [0, 7])
@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("shape", [(16, 4), (2, 16, 4)])
def test_matrix_products(shape: tuple[int, ...], known: bool, zero_point: int, data_type: str) -> None:
    make = Quantized(data_type)
    a = make.given("a", integers((2, 3, 16), data_type), 0.02, 10)
    b = make.given("b", integers(shape, data_type, 1), 0.03, zero_point, known)
    program = make.ended(make.builder.matmul(a, b), 0.31, 1)
    make.check(program, make.real["a"] @ make.real["b"], 0.31, 1)


MOVES: list[tuple[str, dict[str, Any], Callable[[Array], Array], list[str]]] = [
    ("reshape", {"newShape": [4, 4, 2]}, lambda x: x.reshape(4, 4, 2), ["RESHAPE"]),
    ("transpose", {"permutation": [0, 2, 1, 3]}, lambda x: x.transpose(0, 2, 1, 3), ["TRANSPOSE"]),
    ("slice", {"starts": [0, 1, 1, 0], "sizes": [1, 2, 3, 1]}, lambda x: x[:, 1:3, 1:4, :1], ["SLICE"]),
    (
        "pad",
        {"beginningPadding": [0, 1, 0, 0], "endingPadding": [0, 0, 2, 0]},
        lambda x: np.pad(x, ((0, 0), (1, 0), (0, 2), (0, 0))),
        ["PAD"],
    ),
    (
        "maxPool2d",
        {"windowDimensions": [2, 2], "strides": [2, 2], "layout": "nhwc"},
        lambda x: x.reshape(1, 2, 2, 2, 2, 2).max((2, 4)),
        ["MAX_POOL_2D"],
    ),
    (
        "averagePool2d",
        {"windowDimensions": [2, 2], "strides": [2, 2], "layout": "nhwc"},
        lambda x: x.reshape(1, 2, 2, 2, 2, 2).mean((2, 4)),
        ["AVERAGE_POOL_2D"],
    ),
    ("reduceMean", {"axes": [1, 2]}, lambda x: x.mean((1, 2)), ["MEAN"]),
]


@pytest.mark.parametrize(("operation", "options", "function", "operators"), MOVES)
def test_what_keeps_its_scale(operation: str, options: Any, function: Any, operators: list[str]) -> None:
    make = Quantized()
    x = make.given("x", integers((1, 4, 4, 2)), 0.1, 20)
    program = make.ended(getattr(make.builder, operation)(x, **options), 0.1, 20)
    ties = 0.2 if operation == "averagePool2d" else 0.0  # half a step is rounded another way
    make.check(program, function(make.real["x"]), 0.1, 20, operators, ties)


def test_concat_is_one_kernel_where_scales_agree() -> None:
    make = Quantized()
    parts = [make.given(name, integers((2, 3), seed=n), 0.1, 5) for n, name in enumerate("ab")]
    program = make.ended(make.builder.concat(parts, 0), 0.1, 5)
    make.check(program, np.concatenate([make.real["a"], make.real["b"]]), 0.1, 5, ["CONCATENATION"])


@pytest.mark.parametrize(
    ("operation", "scale", "zero_point", "operators"),
    [("sigmoid", 1 / 256, -128, ["LOGISTIC"]), ("tanh", 1 / 128, 0, ["TANH"]), ("sigmoid", 0.01, 0, None)],
)
def test_what_gives_one_scale_only(operation: str, scale: float, zero_point: int, operators: Any) -> None:
    make = Quantized()
    x = make.given("x", integers((4, 50)), 0.05, 3)
    program = make.ended(getattr(make.builder, operation)(x), scale, zero_point)
    function: Any = {"sigmoid": lambda x: 1 / (1 + np.exp(-x)), "tanh": np.tanh}[operation]
    make.check(program, function(make.real["x"]), scale, zero_point, operators)


@pytest.mark.parametrize("broken", ["weights", "bias", "activation", "blocks"])
def test_what_no_kernel_computes_is_computed_in_real_numbers(broken: str) -> None:
    make = Quantized()
    x = make.given("x", integers((3, 16)), 0.02, 10)
    scale = np.array([[0.01], [0.02]], np.float32) if broken == "blocks" else 0.01
    w = make.given("w", integers((16, 4), seed=1), scale, 5 if broken == "weights" else 0, known=True)
    c = make.given("c", np.array([1, -2, 3, 0], np.int32), 0.5 if broken == "bias" else 0.0002, known=True)
    y = make.builder.gemm(x, w, c=c)
    y = make.builder.clamp(y, minValue=-2, maxValue=3) if broken == "activation" else y
    wanted = make.real["x"] @ make.real["w"] + make.real["c"]
    make.check(make.ended(y, 0.5, 1), np.clip(wanted, -2, 3) if broken == "activation" else wanted, 0.5, 1)


def test_a_change_of_scale_is_one_kernel() -> None:
    make = Quantized()
    program = make.ended(make.given("x", integers((5, 50)), 0.02, 10), 0.0471, -7)
    make.check(program, make.real["x"], 0.0471, -7, ["QUANTIZE"], share=0.1)  # LiteRT's factor has few digits


def test_integers_that_are_used_as_such_too() -> None:
    builder = webnn.MLGraphBuilder(webnn.create_context())
    x = builder.input("x", {"dataType": "int8", "shape": [4]})
    scale, zero_point = builder.constant(np.array([0.5], np.float32)), builder.constant(np.array([9], np.int8))
    padded = builder.pad(x, [1], [1])
    program = builder.record({"real": builder.dequantizeLinear(x, scale, zero_point), "padded": padded})
    found = run(program, {"x": np.array([1, 2, 3, 9], np.int8)})
    assert found[0].tolist() == [-4.0, -3.5, -3.0, 0.0]
    assert found[1].tolist() == [0, 1, 2, 3, 9, 0]


def test_a_chain_stays_quantized() -> None:
    make = Quantized()
    builder = make.builder
    x = make.given("x", integers((1, 4, 4, 2)), 0.1, 20)
    parameters = [builder.constant(value) for value in make.parameters(0.1, 20, 4)]
    middle = builder.dequantizeLinear(builder.quantizeLinear(builder.relu(x), *parameters), *parameters)
    program = make.ended(builder.add(middle, x), 0.231, 4)
    real = np.maximum(make.real["x"], 0) + make.real["x"]
    make.check(program, real, 0.231, 4, ["RELU", "ADD"])


@settings(deadline=None, max_examples=40)
@given(scales=st.tuples(*[st.floats(1e-4, 10)] * 3), points=st.tuples(*[st.integers(-128, 127)] * 3))
def test_any_scales(scales: Any, points: Any) -> None:
    make = Quantized()
    a, b = (make.given(name, integers((40,), seed=n), scales[n], points[n]) for n, name in enumerate("ab"))
    program = make.ended(make.builder.add(a, b), scales[2], points[2])
    found = run(program, make.values)[0]
    wanted = quantized(make.real["a"] + make.real["b"], *make.parameters(scales[2], points[2], 1))
    assert np.abs(found.astype(int) - wanted.astype(int)).max() <= 1


SINGLE: list[tuple[str, dict[str, Any], Callable[[Array], Array]]] = [
    ("relu", {}, lambda x: np.maximum(x, 0)),
    ("hardSwish", {}, lambda x: x * np.clip(x + 3, 0, 6) / 6),
    ("leakyRelu", {"alpha": 0.2}, lambda x: np.where(x < 0, 0.2 * x, x)),
    ("elu", {}, lambda x: np.where(x > 0, x, np.expm1(x))),
    ("reduceMean", {"axes": [1, 2], "keepDimensions": True}, lambda x: x.mean((1, 2), keepdims=True)),
    ("reduceSum", {"axes": [1]}, lambda x: x.sum(1)),
    ("reduceMax", {"axes": [2]}, lambda x: x.max(2)),
    ("reduceMin", {"axes": [0, 3]}, lambda x: x.min((0, 3))),
    ("clamp", {"minValue": 0, "maxValue": 6}, lambda x: np.clip(x, 0, 6)),
    ("clamp", {"minValue": -2, "maxValue": 1}, lambda x: np.clip(x, -2, 1)),
    ("expand", {"newShape": [2, 4, 4, 2]}, lambda x: np.broadcast_to(x, (2, 4, 4, 2))),
    ("reverse", {"axes": [1]}, lambda x: x[:, ::-1]),
    ("resample2d", {"sizes": [8, 8], "axes": [1, 2]}, lambda x: x.repeat(2, 1).repeat(2, 2)),
    ("softmax", {"axis": 3}, lambda x: np.exp(x) / np.exp(x).sum(3, keepdims=True)),
    (
        "pad",
        {"beginningPadding": [0, 1, 0, 0], "endingPadding": [0, 0, 1, 0], "value": 1.5},
        lambda x: np.pad(x, ((0, 0), (1, 0), (0, 1), (0, 0)), constant_values=1.5),
    ),
]


@pytest.mark.parametrize("data_type", ["int8", "uint8"])
@pytest.mark.parametrize("output", [(0.05, 3), (0.03, 9), (1 / 256, 0), (0.4713, 0)])
@pytest.mark.parametrize(("operation", "options", "function"), SINGLE)
def test_one_step_at_most_whoever_computes_it(
    operation: str, options: Any, function: Any, output: tuple[float, int], data_type: str
) -> None:
    make = Quantized(data_type)
    x = make.given("x", integers((1, 4, 4, 2), data_type), 0.05, 3)
    program = make.ended(getattr(make.builder, operation)(x, **options), *output)
    make.check(program, function(make.real["x"]), *output, share=0.15)
