"""What kernels rely on in one operator: how many tensors it has, its options, and the numbers that they divide by."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import NamedTuple

from littoral.errors import ModelFileError
from littoral.tflite.enums import LSTMKernelType
from littoral.tflite.flexbuffer import read_map
from littoral.tflite.graph import CUSTOM, Operator, Subgraph
from littoral.tflite.options.control import CallOnceOptions, CallOptions, IfOptions, WhileOptions
from littoral.tflite.options.convolution import (
    Conv2DOptions,
    Conv3DOptions,
    DepthwiseConv2DOptions,
    Pool2DOptions,
    TransposeConvOptions,
)
from littoral.tflite.options.dense import FullyConnectedOptions
from littoral.tflite.options.recurrent import LSTMOptions
from littoral.tflite.options.shape import (
    DepthToSpaceOptions,
    PackOptions,
    SpaceToDepthOptions,
    SplitOptions,
    SplitVOptions,
    UnpackOptions,
)
from littoral.tflite.wire import Table

_LARGEST_STEP = 2**20  # more than any stride, dilation or window; products of two must not overflow


class _Counts(NamedTuple):
    """So many inputs and outputs at least."""

    inputs: int
    outputs: int


class _Needs(NamedTuple):
    """Options of this kind, of which these are positive."""

    options: type[Table]
    positive: tuple[str, ...] = ()


class _Weights(NamedTuple):
    """Inputs that are a picture, a filter of some rank, and a bias with as many values as a dimension of the filter."""

    picture: int
    filter: int
    rank: int
    bias: int
    channels: int


_WINDOW = ("stride_w", "stride_h", "filter_width", "filter_height")
_STRIDES = ("stride_w", "stride_h")
_STEPS = (*_STRIDES, "dilation_w_factor", "dilation_h_factor")
_STEPS_3D = (*_STEPS, "stride_d", "dilation_d_factor")
_NEEDS = {
    "CONV_2D": _Needs(Conv2DOptions, _STEPS),
    "DEPTHWISE_CONV_2D": _Needs(DepthwiseConv2DOptions, _STEPS),
    "TRANSPOSE_CONV": _Needs(TransposeConvOptions, _STRIDES),
    "CONV_3D": _Needs(Conv3DOptions, _STEPS_3D),
    "CONV_3D_TRANSPOSE": _Needs(Conv3DOptions, _STEPS_3D),
    "AVERAGE_POOL_2D": _Needs(Pool2DOptions, _WINDOW),
    "MAX_POOL_2D": _Needs(Pool2DOptions, _WINDOW),
    "L2_POOL_2D": _Needs(Pool2DOptions, _WINDOW),
    "FULLY_CONNECTED": _Needs(FullyConnectedOptions),
    "SPACE_TO_DEPTH": _Needs(SpaceToDepthOptions, ("block_size",)),
    "DEPTH_TO_SPACE": _Needs(DepthToSpaceOptions, ("block_size",)),
    "SPLIT": _Needs(SplitOptions, ("num_splits",)),
    "SPLIT_V": _Needs(SplitVOptions, ("num_splits",)),
    "PACK": _Needs(PackOptions, ("values_count",)),
    "UNPACK": _Needs(UnpackOptions),
    "IF": _Needs(IfOptions),
    "WHILE": _Needs(WhileOptions),
    "CALL": _Needs(CallOptions),
    "CALL_ONCE": _Needs(CallOnceOptions),
}
_WEIGHTS = {
    "CONV_2D": _Weights(0, 1, 4, 2, 0),
    "DEPTHWISE_CONV_2D": _Weights(0, 1, 4, 2, 3),
    "TRANSPOSE_CONV": _Weights(2, 1, 4, 3, 0),
    "CONV_3D": _Weights(0, 1, 5, 2, 4),
    "CONV_3D_TRANSPOSE": _Weights(2, 1, 5, 3, 3),
    "FULLY_CONNECTED": _Weights(0, 1, 2, 2, 0),
}
_MAPPED = ("TFLite_Detection_PostProcess",)
_SAME_SHAPE = ("QUANTIZE", "DEQUANTIZE", "DENSIFY")

_BY_COUNT = {
    _Counts(0, 0): """CUSTOM DELEGATE CALL CALL_ONCE WHILE VAR_HANDLE HASHTABLE STABLEHLO_CUSTOM_CALL
        STABLEHLO_COMPOSITE STABLEHLO_CASE STABLEHLO_WHILE STABLEHLO_IOTA""",
    _Counts(1, 0): "IF UNPACK",
    _Counts(2, 0): "ASSIGN_VARIABLE",
    _Counts(3, 0): "HASHTABLE_IMPORT",
    _Counts(2, 1): """CONV_3D FULLY_CONNECTED BATCH_MATMUL EMBEDDING_LOOKUP SPLIT ADD SUB MUL DIV
        FLOOR_DIV FLOOR_MOD POW SQUARED_DIFFERENCE MAXIMUM MINIMUM ATAN2 BITWISE_XOR RIGHT_SHIFT LOGICAL_OR LOGICAL_AND
        EQUAL NOT_EQUAL GREATER GREATER_EQUAL LESS LESS_EQUAL PRELU GATHER GATHER_ND PAD TILE BROADCAST_TO
        BROADCAST_ARGS TRANSPOSE MIRROR_PAD REVERSE_V2 REVERSE_SEQUENCE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR CUMSUM
        EXPAND_DIMS MEAN SUM REDUCE_PROD REDUCE_MAX REDUCE_MIN REDUCE_ANY REDUCE_ALL ARG_MAX ARG_MIN FILL
        MATRIX_SET_DIAG SEGMENT_SUM RFFT2D MULTINOMIAL LSH_PROJECTION STABLEHLO_ADD STABLEHLO_DIVIDE STABLEHLO_MULTIPLY
        STABLEHLO_MAXIMUM STABLEHLO_MINIMUM STABLEHLO_SUBTRACT STABLEHLO_AND STABLEHLO_OR STABLEHLO_POWER
        STABLEHLO_REMAINDER STABLEHLO_COMPARE STABLEHLO_CONVOLUTION STABLEHLO_DYNAMIC_SLICE STABLEHLO_PAD
        STABLEHLO_DOT_GENERAL STABLEHLO_REDUCE STABLEHLO_REDUCE_WINDOW STABLEHLO_GATHER STABLEHLO_SHIFT_LEFT""",
    _Counts(2, 2): "TOPK_V2",
    _Counts(1, 2): "UNIQUE STABLEHLO_RNG_BIT_GENERATOR",
    _Counts(3, 1): """CONV_2D DEPTHWISE_CONV_2D TRANSPOSE_CONV CONV_3D_TRANSPOSE SPLIT_V SLICE SELECT SELECT_V2 PADV2
        RANGE SCATTER_ND
        BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND DYNAMIC_UPDATE_SLICE UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX DILATE
        UNSORTED_SEGMENT_MIN UNSORTED_SEGMENT_SUM HASHTABLE_FIND STABLEHLO_CLAMP STABLEHLO_SELECT STABLEHLO_SCATTER
        STABLEHLO_DYNAMIC_UPDATE_SLICE""",
    _Counts(3, 2): "HASHTABLE_LOOKUP",
    _Counts(4, 1): "STRIDED_SLICE SPARSE_TO_DENSE ONE_HOT SVDF",
    _Counts(5, 1): "EMBEDDING_LOOKUP_SPARSE LSTM RNN UNIDIRECTIONAL_SEQUENCE_RNN REDUCE_WINDOW",
    _Counts(5, 2): "NON_MAX_SUPPRESSION_V4",
    _Counts(6, 3): "NON_MAX_SUPPRESSION_V5",
    _Counts(12, 1): "BIDIRECTIONAL_SEQUENCE_RNN",
    _Counts(20, 1): "UNIDIRECTIONAL_SEQUENCE_LSTM",
    _Counts(48, 1): "BIDIRECTIONAL_SEQUENCE_LSTM",
}
_COUNTS = {name: counts for counts, names in _BY_COUNT.items() for name in names.split()}
_OTHER_COUNTS = _Counts(1, 1)
_FULL_LSTM_INPUTS = 20

_LSTM_GAPS = frozenset({1, 5, *range(9, 13), 16, 17, *range(20, 24)})
_GAPS = {
    **dict.fromkeys(("CONV_3D", "FULLY_CONNECTED"), frozenset({2})),
    **dict.fromkeys(("TRANSPOSE_CONV", "CONV_3D_TRANSPOSE", "SVDF"), frozenset({3})),
    **dict.fromkeys(("LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM"), _LSTM_GAPS),
    "BIDIRECTIONAL_SEQUENCE_RNN": frozenset(range(9, 12)),
    "BIDIRECTIONAL_SEQUENCE_LSTM": frozenset(
        {1, 5, *range(9, 13), 16, 17, 18, 22, *range(26, 30), 33, 34, *range(39, 48)}
    ),
}
"""Inputs that may be absent: biases, peepholes, projections, auxiliary inputs."""


def may_be_absent(operator: Operator, position: int) -> bool:
    """Whether an input of an operator may be -1."""
    return operator.code.number == CUSTOM or position in _GAPS.get(operator.name, ())


def operator_problems(subgraph: Subgraph, operator: Operator) -> Iterator[str]:
    """What is wrong with an operator whose tensors are there."""
    if operator.code.number == CUSTOM:
        yield from _custom_problems(operator)
        return
    counts = _COUNTS.get(operator.name, _OTHER_COUNTS)
    full_lstm = isinstance(operator.options, LSTMOptions) and operator.options.kernel_type is LSTMKernelType.FULL
    least = _FULL_LSTM_INPUTS if operator.name == "LSTM" and full_lstm else counts.inputs
    if len(operator.inputs) < least:
        yield f"it has {len(operator.inputs)} inputs, and needs {least}"
        return
    if len(operator.outputs) < counts.outputs:
        yield f"it has {len(operator.outputs)} outputs, and needs {counts.outputs}"
    if operator.name in _NEEDS:
        yield from _option_problems(operator, _NEEDS[operator.name])
    if operator.name in _WEIGHTS:
        yield from _weight_problems(subgraph, operator, _WEIGHTS[operator.name])
    if operator.name in _SAME_SHAPE:
        source, result = (subgraph.tensors[index] for index in (operator.inputs[0], operator.outputs[0]))
        if source.is_constant and source.shape != result.shape:
            yield f"it makes {result.shape} of a constant of {source.shape}"


def _custom_problems(operator: Operator) -> Iterator[str]:
    """LiteRT's own custom kernels read their options without a check, and crash over damaged ones."""
    if operator.name in _MAPPED:
        try:
            read_map(operator.custom_options or b"", "its custom options")
        except ModelFileError as error:
            yield error.cause


def _option_problems(operator: Operator, needs: _Needs) -> Iterator[str]:
    if not isinstance(operator.options, needs.options):
        yield f"it lacks its {needs.options.__name__}"
        return
    for name in needs.positive:
        value = getattr(operator.options, name)
        if not 1 <= value <= _LARGEST_STEP:
            yield f"its {name} is {value}, and 1 to {_LARGEST_STEP} is possible"


def _weight_problems(subgraph: Subgraph, operator: Operator, weights: _Weights) -> Iterator[str]:
    """XNNPACK takes the shapes of filters and biases as they are in the file, and reads so much."""
    shapes = [subgraph.tensors[index].shape if index >= 0 else None for index in operator.inputs]
    filter_shape = shapes[weights.filter]
    if filter_shape is None or len(filter_shape) != weights.rank or 0 in filter_shape:
        yield f"its filter of shape {filter_shape} should have {weights.rank} dimensions, none of them 0"
        return
    if 0 in (shapes[weights.picture] or ()):
        yield f"its input {weights.picture} has no elements"
    bias = shapes[weights.bias] if len(shapes) > weights.bias else None
    channels = filter_shape[weights.channels]
    if bias is not None and prod(bias) != channels:
        yield f"its bias of shape {bias} should have {channels} values"
