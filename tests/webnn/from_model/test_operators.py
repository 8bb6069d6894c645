"""Each operator alone, with all that its options change: LiteRT's answer is the program's, here and in a browser."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from tests.webnn.from_model.conftest import Given, Replay, Result, assert_same, known, litert, model, round_trip, values

from littoral.tflite import TensorType
from littoral.tflite.enums import ActivationFunction, MirrorPadMode, Padding
from littoral.tflite.options import activation, convolution, dense, elementwise, reduction, selection, shape
from littoral.tflite.options.conversion import CastOptions
from littoral.tflite.options.recurrent import BidirectionalSequenceLSTMOptions, UnidirectionalSequenceLSTMOptions
from littoral.webnn import from_model

RELU6, RELU, TANH, N1 = (ActivationFunction[name] for name in ("RELU6", "RELU", "TANH", "RELU_N1_TO_1"))
rng = np.random.default_rng(7)


class Case(NamedTuple):
    """An operator by name, inputs (None: absent), output types, options."""

    id: str
    operator: str
    inputs: tuple[Given | None, ...]
    options: Any = None
    outputs: tuple[Result, ...] = (Result(),)


def f(*sizes: int) -> Given:
    return Given(sizes)


def i(*sizes: int, high: int = 3, kind: TensorType = TensorType.INT32) -> Given:
    return Given(sizes, kind, high=high)


def b(*sizes: int) -> Given:
    return Given(sizes, TensorType.BOOL)


def q(*sizes: int, scale: float = 0.02, zero: int = 3, kind: TensorType = TensorType.INT8) -> Given:
    return Given(sizes, kind, scale=(scale,), zero=zero)


def c(value: Any, dtype: Any = np.int32) -> Given:
    return known(np.asarray(value, dtype))


def w(*sizes: int) -> Given:
    return known(rng.normal(size=sizes).astype(np.float32))


def qw(*sizes: int, axis: int | None = None, scale: float = 0.01, kind: TensorType = TensorType.INT8) -> Given:
    """Quantized weights, with one scale or one for each index of an axis."""
    count = 1 if axis is None else sizes[axis]
    zero = 128 if kind is TensorType.UINT8 else 0
    stored = (rng.integers(-127, 128, sizes) + zero).astype("uint8" if zero else "int8")
    return known(stored, kind, scale=tuple(scale * (1 + n) for n in range(count)), zero=zero, axis=axis or 0)


def qb(count: int, scales: tuple[float, ...]) -> Given:
    """A bias in the scale of the product."""
    return known(rng.integers(-2000, 2000, count).astype(np.int32), scale=scales)


def rq(scale: float = 0.05, zero: int = -7, kind: TensorType = TensorType.INT8) -> tuple[Result, ...]:
    return (Result(kind, scale, zero),)


def conv(
    same: bool = True, stride: int = 1, dilation: int = 1, fused: ActivationFunction = ActivationFunction.NONE
) -> Any:
    return convolution.Conv2DOptions(
        padding=Padding.SAME if same else Padding.VALID,
        stride_w=stride,
        stride_h=stride,
        dilation_w_factor=dilation,
        dilation_h_factor=dilation,
        fused_activation_function=fused,
    )


def depthwise(same: bool = True, stride: int = 1, multiplier: int = 1) -> Any:
    padding = Padding.SAME if same else Padding.VALID
    return convolution.DepthwiseConv2DOptions(
        padding=padding, stride_w=stride, stride_h=stride, depth_multiplier=multiplier
    )


def transposed(same: bool) -> Any:
    return convolution.TransposeConvOptions(padding=Padding.SAME if same else Padding.VALID, stride_w=2, stride_h=2)


def pool(same: bool, window: int = 3, stride: int = 2, fused: ActivationFunction = ActivationFunction.NONE) -> Any:
    return convolution.Pool2DOptions(
        padding=Padding.SAME if same else Padding.VALID,
        stride_w=stride,
        stride_h=stride,
        filter_width=window,
        filter_height=window,
        fused_activation_function=fused,
    )


INT32, BOOL, FLOAT16 = (Result(TensorType.INT32),), (Result(TensorType.BOOL),), TensorType.FLOAT16
CONVOLUTIONS = [
    Case("same", "CONV_2D", (f(1, 7, 6, 3), w(4, 3, 3, 3), w(4)), conv()),
    Case("same-stride", "CONV_2D", (f(2, 7, 6, 3), w(4, 3, 2, 3), w(4)), conv(stride=2, fused=RELU6)),
    Case("valid-dilated", "CONV_2D", (f(1, 9, 8, 3), w(4, 3, 3, 3), w(4)), conv(same=False, dilation=2, fused=RELU)),
    Case("same-dilated", "CONV_2D", (f(1, 9, 8, 3), w(4, 3, 3, 3), w(4)), conv(dilation=3, fused=N1)),
    Case("grouped", "CONV_2D", (f(1, 5, 5, 4), w(6, 3, 3, 2), w(6)), conv()),
    Case("depthwise", "DEPTHWISE_CONV_2D", (f(1, 7, 6, 3), w(1, 3, 3, 3), w(3)), depthwise(stride=2)),
    Case("multiplied", "DEPTHWISE_CONV_2D", (f(1, 7, 6, 3), w(1, 3, 3, 6), w(6)), depthwise(same=False, multiplier=2)),
    Case("same", "TRANSPOSE_CONV", (c([1, 9, 8, 2]), w(2, 3, 3, 3), f(1, 5, 4, 3), w(2)), transposed(True)),
    Case("valid", "TRANSPOSE_CONV", (c([1, 11, 9, 2]), w(2, 3, 3, 3), f(1, 5, 4, 3), w(2)), transposed(False)),
    Case("int8", "CONV_2D", (q(1, 7, 6, 3), qw(4, 3, 3, 3), qb(4, (0.0002,))), conv(fused=RELU), rq()),
    Case(
        "int8 by channel",
        "CONV_2D",
        (q(1, 7, 6, 3), qw(4, 3, 3, 3, axis=0), qb(4, (2e-4, 4e-4, 6e-4, 8e-4))),
        conv(stride=2, fused=RELU6),
        rq(),
    ),
    Case(
        "int8 by channel",
        "DEPTHWISE_CONV_2D",
        (q(1, 7, 6, 3), qw(1, 3, 3, 3, axis=3), qb(3, (2e-4, 4e-4, 6e-4))),
        depthwise(),
        rq(),
    ),
    Case(
        "uint8",
        "CONV_2D",
        (q(1, 7, 6, 3, zero=120, kind=TensorType.UINT8), qw(4, 3, 3, 3, kind=TensorType.UINT8), qb(4, (0.0002,))),
        conv(),
        rq(zero=130, kind=TensorType.UINT8),
    ),
    Case("same", "AVERAGE_POOL_2D", (f(1, 7, 6, 3),), pool(True, fused=RELU6)),
    Case("valid", "AVERAGE_POOL_2D", (f(1, 7, 6, 3),), pool(False)),
    Case("same", "MAX_POOL_2D", (f(1, 7, 6, 3),), pool(True, fused=RELU)),
    Case("valid", "L2_POOL_2D", (f(1, 7, 6, 3),), pool(False)),
    Case("int8", "AVERAGE_POOL_2D", (q(1, 6, 6, 3),), pool(False), rq(0.02, 3)),
    Case("int8", "MAX_POOL_2D", (q(1, 6, 6, 3),), pool(False, stride=1), rq(0.02, 3)),
    Case("dense", "FULLY_CONNECTED", (f(2, 5), w(3, 5), w(3)), dense.FullyConnectedOptions()),
    Case("no bias", "FULLY_CONNECTED", (f(2, 5), w(3, 5), None), dense.FullyConnectedOptions()),
    Case("flat", "FULLY_CONNECTED", (f(2, 2, 2), w(3, 4), w(3)), dense.FullyConnectedOptions()),
    Case("kept", "FULLY_CONNECTED", (f(2, 4, 5), w(3, 5), w(3)), dense.FullyConnectedOptions(keep_num_dims=True)),
    Case("int8", "FULLY_CONNECTED", (q(2, 5), qw(3, 5), qb(3, (2e-4,))), dense.FullyConnectedOptions(), rq()),
    Case("plain", "BATCH_MATMUL", (f(2, 3, 4), f(2, 4, 5)), dense.BatchMatMulOptions()),
    Case("both turned", "BATCH_MATMUL", (f(2, 4, 3), f(2, 5, 4)), dense.BatchMatMulOptions(adj_x=True, adj_y=True)),
    Case(
        "band",
        "LOCAL_RESPONSE_NORMALIZATION",
        (f(1, 3, 3, 6),),
        activation.LocalResponseNormalizationOptions(radius=2, bias=1.0, alpha=0.5, beta=0.75),
    ),
]
POSITIVE = ("LOG", "SQRT", "RSQRT")
ELEMENTWISE = [
    *(
        Case("float", name, (f(2, 3),))
        for name in ["ABS", "CEIL", "COS", "EXP", "FLOOR", "NEG", "ROUND", "SIN", "SIGN", "TANH", "LOGISTIC", "ELU"]
    ),
    *(Case("float", name, (Given((2, 3), low=0.1),)) for name in POSITIVE),
    *(Case("float", name, (f(2, 3),)) for name in ("RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "SQUARE")),
    *(Case("int32", name, (i(2, 3),), None, INT32) for name in ("ABS", "NEG")),
    Case("float", "HARD_SWISH", (f(3, 4),), activation.HardSwishOptions()),
    Case("float", "LEAKY_RELU", (f(3, 4),), activation.LeakyReluOptions(alpha=0.3)),
    Case("float", "PRELU", (f(1, 3, 2, 4), w(1, 1, 4))),
    Case("exact", "GELU", (f(3, 4),), activation.GeluOptions()),
    Case("approximate", "GELU", (f(3, 4),), activation.GeluOptions(approximate=True)),
    Case("float", "SOFTMAX", (f(2, 5),), activation.SoftmaxOptions(beta=1.0)),
    Case("beta", "SOFTMAX", (f(2, 5),), activation.SoftmaxOptions(beta=0.3)),
    Case("int8", "SOFTMAX", (q(2, 5),), activation.SoftmaxOptions(beta=1.0), rq(1 / 256, -128)),
    Case("int8", "LOGISTIC", (q(2, 5),), None, rq(1 / 256, -128)),
    Case("int8", "TANH", (q(2, 5),), None, rq(1 / 128, 0)),
    Case("int8", "HARD_SWISH", (q(2, 5),), activation.HardSwishOptions(), rq(0.02, -10)),
    Case("float", "LOG_SOFTMAX", (f(2, 5),), activation.LogSoftmaxOptions()),
    Case("float", "L2_NORMALIZATION", (f(2, 5),), activation.L2NormOptions()),
    Case("relu6", "ADD", (f(2, 3), f(3)), elementwise.AddOptions(fused_activation_function=RELU6)),
    Case("int32", "ADD", (i(2, 3), c(2)), elementwise.AddOptions(), INT32),
    Case("int8", "ADD", (q(2, 3), q(2, 3, scale=0.03, zero=-4)), elementwise.AddOptions(), rq()),
    Case("int8 scalar", "ADD", (q(2, 3), known(np.array(9, np.int8), scale=(0.1,))), elementwise.AddOptions(), rq()),
    Case("int8", "MUL", (q(2, 3), q(2, 3)), elementwise.MulOptions(), rq(0.02)),
    Case("int8", "SUB", (q(2, 3), q(2, 3)), elementwise.SubOptions(), rq(0.06)),
    Case("float", "SUB", (f(2, 3), w(1)), elementwise.SubOptions(fused_activation_function=RELU)),
    Case("float", "MUL", (f(2, 3), f(2, 1)), elementwise.MulOptions()),
    Case("float", "DIV", (f(2, 3), Given((2, 3), low=0.5)), elementwise.DivOptions()),
    Case("int32", "DIV", (i(4, 9, high=20), c([-7, -3, -1, 1, 2, 3, 7, 5, -5])), elementwise.DivOptions(), INT32),
    Case("int32", "FLOOR_DIV", (i(4, 9, high=20), c([-7, -3, -1, 1, 2, 3, 7, 5, -5])), None, INT32),
    Case("int32", "FLOOR_MOD", (i(4, 9, high=20), c([-7, -3, -1, 1, 2, 3, 7, 5, -5])), None, INT32),
    Case("float", "FLOOR_DIV", (f(4, 3), c([0.3, -0.7, 2], np.float32))),
    Case("float", "FLOOR_MOD", (f(4, 3), c([0.3, -0.7, 2], np.float32))),
    Case("float", "MAXIMUM", (f(2, 3), f(2, 3))),
    Case("int32", "MINIMUM", (i(2, 3), i(3)), None, INT32),
    Case("float", "POW", (Given((2, 3), low=0.1), f(2, 3))),
    Case("float", "SQUARED_DIFFERENCE", (f(2, 3), f(3))),
    Case("three", "ADD_N", (f(2, 3), f(2, 3), f(2, 3))),
    *(
        Case("int32", name, (i(4, 5), i(4, 5)), None, BOOL)
        for name in ("EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL")
    ),
    Case("float", "LESS", (f(4, 5), c(0.1, np.float32)), None, BOOL),
    *(Case("bool", name, (b(4, 5), b(5)), None, BOOL) for name in ("LOGICAL_AND", "LOGICAL_OR")),
    Case("bool", "LOGICAL_NOT", (b(4, 5),), None, BOOL),
    Case("rows", "SELECT", (b(4), f(4, 5), f(4, 5))),
    Case("broadcast", "SELECT_V2", (b(4, 1), f(5), f(4, 5))),
    Case("down", "CAST", (Given((3, 4), high=9.0),), CastOptions(out_data_type=TensorType.INT32), INT32),
    Case("up", "CAST", (b(3, 4),), CastOptions(in_data_type=TensorType.BOOL)),
    Case("truth", "CAST", (i(3, 4),), CastOptions(in_data_type=TensorType.INT32, out_data_type=TensorType.BOOL), BOOL),
    Case("float", "QUANTIZE", (f(3, 4),), None, rq()),
    Case("other scale", "QUANTIZE", (q(3, 4),), None, rq()),
    Case("other type", "QUANTIZE", (q(3, 4),), None, rq(0.02, 131, TensorType.UINT8)),
    Case("int8", "DEQUANTIZE", (q(3, 4),)),
    Case("float", "ZEROS_LIKE", (f(3, 4),)),
]
SHAPES = [
    Case("by tensor", "RESHAPE", (f(2, 6), c([3, -1])), shape.ReshapeOptions()),
    Case("by options", "RESHAPE", (f(2, 6),), shape.ReshapeOptions(new_shape=(4, 3))),
    Case("int8", "RESHAPE", (q(2, 6), c([12])), shape.ReshapeOptions(), rq(0.02, 3)),
    Case("all", "SQUEEZE", (f(1, 3, 1, 2),), shape.SqueezeOptions()),
    Case("one", "SQUEEZE", (f(1, 3, 1, 2),), shape.SqueezeOptions(squeeze_dims=(-2,))),
    Case("end", "EXPAND_DIMS", (f(3, 2), c(-1)), shape.ExpandDimsOptions()),
    Case("moved", "TRANSPOSE", (f(2, 3, 4), c([2, 0, 1])), shape.TransposeOptions()),
    Case("axis", "CONCATENATION", (f(2, 3), f(2, 1), w(2, 2)), shape.ConcatenationOptions(axis=-1)),
    Case(
        "uint8 of several scales",
        "CONCATENATION",
        tuple(q(2, 3, scale=scale, zero=100, kind=TensorType.UINT8) for scale in (0.02, 0.04)),
        shape.ConcatenationOptions(axis=1),
        rq(0.04, 100, TensorType.UINT8),
    ),
    Case("axis", "PACK", (f(2, 3), f(2, 3)), shape.PackOptions(values_count=2, axis=-1)),
    Case("int8", "PACK", (q(2, 3), q(2, 3)), shape.PackOptions(values_count=2, axis=1), rq(0.02, 3)),
    Case("axis", "UNPACK", (f(2, 3),), shape.UnpackOptions(num=3, axis=1), (Result(),) * 3),
    Case("axis", "SPLIT", (c(1), f(2, 6)), shape.SplitOptions(num_splits=3), (Result(),) * 3),
    Case("whole", "SPLIT", (c(1), f(2, 6)), shape.SplitOptions(num_splits=1)),
    Case("rest", "SPLIT_V", (f(2, 6), c([1, -1, 2]), c(1)), shape.SplitVOptions(num_splits=3), (Result(),) * 3),
    Case("float", "TILE", (f(2, 3), c([2, 3])), shape.TileOptions()),
    Case("int8", "TILE", (q(2, 3), c([2, 3])), shape.TileOptions(), rq(0.02, 3)),
    Case("rows", "BROADCAST_TO", (f(1, 3), c([4, 2, 3])), shape.BroadcastToOptions()),
    Case("axis", "REVERSE_V2", (f(2, 3, 2), c([1])), shape.ReverseV2Options()),
    Case("two", "SPACE_TO_DEPTH", (f(1, 4, 6, 3),), shape.SpaceToDepthOptions(block_size=2)),
    Case("two", "DEPTH_TO_SPACE", (f(1, 2, 3, 12),), shape.DepthToSpaceOptions(block_size=2)),
    Case("padded", "SPACE_TO_BATCH_ND", (f(1, 5, 6, 2), c([2, 3]), c([[1, 0], [0, 3]]))),
    Case("one axis", "SPACE_TO_BATCH_ND", (f(2, 6, 3), c([2]), c([[0, 0]]))),
    Case("cropped", "BATCH_TO_SPACE_ND", (f(6, 3, 2, 2), c([2, 3]), c([[1, 0], [0, 2]]))),
    Case("float", "PAD", (f(2, 3), c([[1, 0], [2, 1]])), shape.PadOptions()),
    Case("int8", "PAD", (q(2, 3), c([[1, 0], [2, 1]])), shape.PadOptions(), rq(0.02, 3)),
    Case("value", "PADV2", (f(2, 3), c([[1, 0], [2, 1]]), c(1.5, np.float32)), shape.PadV2Options()),
    Case("reflect", "MIRROR_PAD", (f(3, 4), c([[1, 2], [3, 0]])), shape.MirrorPadOptions()),
    Case("repeat", "MIRROR_PAD", (f(3, 4), c([[1, 2], [4, 0]])), shape.MirrorPadOptions(mode=MirrorPadMode.SYMMETRIC)),
    Case("rest", "SLICE", (f(4, 5), c([1, 2]), c([2, -1])), selection.SliceOptions()),
    Case("float", "MEAN", (f(2, 3, 4), c([1, -1])), reduction.ReducerOptions()),
    Case("kept", "SUM", (f(2, 3, 4), c(1)), reduction.ReducerOptions(keep_dims=True)),
    Case("int8", "MEAN", (q(2, 3, 4), c([1])), reduction.ReducerOptions(), rq(0.02, 3)),
    *(
        Case("float", f"REDUCE_{name}", (f(2, 3), c([1])), reduction.ReducerOptions())
        for name in ("MAX", "MIN", "PROD")
    ),
    *(Case("bool", f"REDUCE_{name}", (b(9, 2), c([1])), reduction.ReducerOptions(), BOOL) for name in ("ANY", "ALL")),
    *(
        Case("int32", f"ARG_{name}", (f(3, 7), c(1)), options(output_type=TensorType.INT32), INT32)
        for name, options in (("MAX", reduction.ArgMaxOptions), ("MIN", reduction.ArgMinOptions))
    ),
    Case("float", "CUMSUM", (f(3, 4), c(1)), reduction.CumsumOptions()),
    Case("backward", "CUMSUM", (f(3, 4), c(0)), reduction.CumsumOptions(exclusive=True, reverse=True)),
    Case("axis", "GATHER", (f(3, 4), i(2, 2)), selection.GatherOptions(axis=1)),
    Case("batches", "GATHER", (f(2, 3, 4), i(2, 5)), selection.GatherOptions(axis=1, batch_dims=1)),
    Case("places", "GATHER_ND", (f(3, 4), c([[0, 1], [2, 3]])), selection.GatherNdOptions()),
    Case("rows", "EMBEDDING_LOOKUP", (i(5), w(4, 3))),
    Case("places", "SCATTER_ND", (c([[0], [2]]), f(2, 3), c([4, 3])), selection.ScatterNdOptions()),
    Case("last", "ONE_HOT", (i(2, 3), c(4), c(1, np.float32), c(-1, np.float32)), selection.OneHotOptions(axis=-1)),
    Case("first", "ONE_HOT", (i(2, 3), c(4), c(1, np.float32), c(0, np.float32)), selection.OneHotOptions(axis=0)),
]
SIZES = [
    Case(
        f"{name} {before} {after} {half} {aligned}",
        operator,
        (f(1, *before, 2), c(after)),
        options(half_pixel_centers=half, align_corners=aligned),
    )
    for name, operator, options in (
        ("linear", "RESIZE_BILINEAR", shape.ResizeBilinearOptions),
        ("nearest", "RESIZE_NEAREST_NEIGHBOR", shape.ResizeNearestNeighborOptions),
    )
    for before, after in (((4, 3), (8, 6)), ((5, 6), (3, 4)), ((1, 1), (3, 2)), ((3, 4), (7, 4)))
    for half, aligned in ((False, False), (True, False), (False, True))
] + [
    Case(
        f"int8 {half}",
        "RESIZE_BILINEAR",
        (q(1, 4, 3, 2), c([7, 6])),
        shape.ResizeBilinearOptions(half_pixel_centers=half, align_corners=not half),
        rq(0.02, 3),
    )
    for half in (False, True)
]


def lstm_weights(size: int, hidden: int) -> tuple[Given | None, ...]:
    return (
        *(w(hidden, size) for _ in range(4)),
        *(w(hidden, hidden) for _ in range(4)),
        *(None,) * 3,
        *(w(hidden) for _ in range(4)),
        None,
        None,
    )


def state(batch: int, hidden: int) -> Given:
    return Given((batch, hidden), variable=True)


RECURRENT = [
    Case(
        word,
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        (f(2, 12, 3) if not major else f(12, 2, 3), *lstm_weights(3, 4), state(2, 4), state(2, 4), *(None,) * 4),
        UnidirectionalSequenceLSTMOptions(fused_activation_function=TANH, time_major=major, cell_clip=clip),
    )
    for word, major, clip in (
        ("batch first", False, 0.0),
        ("time first", True, 9.5),
        ("clip out of reach", False, 20.0),
    )
] + [
    Case(
        "merged",
        "BIDIRECTIONAL_SEQUENCE_LSTM",
        (f(5, 2, 3), *lstm_weights(3, 4), *lstm_weights(3, 4), *(state(2, 4) for _ in range(4)), *(None,) * 9),
        BidirectionalSequenceLSTMOptions(fused_activation_function=TANH, time_major=True, merge_outputs=True),
    )
]
CASES = {f"{case.operator} {case.id}": case for case in (*CONVOLUTIONS, *ELEMENTWISE, *SHAPES, *SIZES, *RECURRENT)}


@pytest.mark.parametrize("name", CASES)
def test_like_litert(name: str) -> None:
    case = CASES[name]
    graph = model(case.operator, case.inputs, case.outputs, case.options)
    given = values(case.inputs)
    assert_same(graph, round_trip(from_model.lower(graph), given), litert(graph, given))


def test_a_fused_tanh_is_computed() -> None:
    """LiteRT's kernels leave it out, whatever the format says."""
    x, weights = np.array([[1, -2]], np.float32), np.array([[3, 4]], np.float32)
    graph = model(
        "FULLY_CONNECTED",
        (f(1, 2), known(weights), None),
        (Result(),),
        dense.FullyConnectedOptions(fused_activation_function=TANH),
    )
    (answer,) = round_trip(from_model.lower(graph), {"x0": x}).values()
    np.testing.assert_allclose(answer, np.tanh(x @ weights.T), rtol=1e-6)


def test_like_litert_in_a_browser(replay: Replay) -> None:
    """All at once, as starting a browser takes longer than all of them."""
    different = {}
    for name, case in CASES.items():
        graph = model(case.operator, case.inputs, case.outputs, case.options)
        given = values(case.inputs)
        try:
            assert_same(graph, replay(from_model.lower(graph), given), litert(graph, given))
        except Exception as error:
            different[name] = str(error)
    assert not different
