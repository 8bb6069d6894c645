"""One operator each, with the options that matter: what OpenVINO must understand as LiteRT does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from littoral.tflite import Buffer, Graph, Operator, OperatorCode, Subgraph, Tensor, TensorType, to_bytes
from littoral.tflite.enums import ActivationFunction, MirrorPadMode, Padding
from littoral.tflite.options.activation import GeluOptions, L2NormOptions, LeakyReluOptions, SoftmaxOptions
from littoral.tflite.options.conversion import CastOptions
from littoral.tflite.options.convolution import (
    Conv2DOptions,
    Conv3DOptions,
    DepthwiseConv2DOptions,
    Pool2DOptions,
    TransposeConvOptions,
)
from littoral.tflite.options.dense import BatchMatMulOptions, FullyConnectedOptions
from littoral.tflite.options.elementwise import AddOptions, DivOptions, MulOptions, SubOptions
from littoral.tflite.options.reduction import ArgMaxOptions, ArgMinOptions, CumsumOptions, ReducerOptions
from littoral.tflite.options.selection import GatherOptions, OneHotOptions, StridedSliceOptions
from littoral.tflite.options.shape import (
    ConcatenationOptions,
    DepthToSpaceOptions,
    MirrorPadOptions,
    PackOptions,
    ResizeBilinearOptions,
    ResizeNearestNeighborOptions,
    ReverseSequenceOptions,
    SpaceToDepthOptions,
    SplitOptions,
    SplitVOptions,
    SqueezeOptions,
    UnpackOptions,
)

Array = npt.NDArray[Any]
F, N, L, B = TensorType.FLOAT32, TensorType.INT32, TensorType.INT64, TensorType.BOOL
NUMPY: dict[TensorType, npt.DTypeLike] = {F: np.float32, N: np.int32, L: np.int64, B: np.bool_}
TYPES = {np.dtype(dtype): kind for kind, dtype in NUMPY.items()}


@dataclass(frozen=True)
class Case:
    """One operator: inputs are shapes of what is given, or constants."""

    name: str
    inputs: tuple[tuple[int, ...] | Array, ...]
    options: Any = None
    types: tuple[TensorType, ...] = ()
    outputs: tuple[TensorType, ...] = (F,)
    note: str = ""

    @property
    def label(self) -> str:
        return f"{self.name} {self.note}".strip()

    def graph(self) -> Graph:
        """A model of this operator; the shapes of its outputs are those that LiteRT finds."""
        from ai_edge_litert.interpreter import Interpreter

        draft = self._graph([()] * len(self.outputs))
        interpreter = Interpreter(model_content=to_bytes(draft))
        interpreter.allocate_tensors()
        return self._graph([tuple(map(int, each["shape"])) for each in interpreter.get_output_details()])

    def _graph(self, shapes: list[tuple[int, ...]]) -> Graph:
        tensors = [self._tensor(index, each) for index, each in enumerate(self.inputs)]
        given = tuple(index for index, each in enumerate(tensors) if not each.is_constant)
        made = tuple(range(len(tensors), len(tensors) + len(shapes)))
        tensors += [Tensor(name=f"y{i}", shape=shape, type=self.outputs[i]) for i, shape in enumerate(shapes)]
        operator = Operator(
            code=OperatorCode.of(self.name), inputs=tuple(range(len(self.inputs))), outputs=made, options=self.options
        )
        main = Subgraph(tensors=tensors, inputs=given, outputs=made, operators=[operator])
        return Graph(subgraphs=[main], metadata=[], signatures=[])

    def _tensor(self, index: int, what: tuple[int, ...] | Array) -> Tensor:
        if isinstance(what, np.ndarray):
            kind, data = TYPES[what.dtype], Buffer(data=what.tobytes())
            return Tensor(name=f"c{index}", shape=what.shape, type=kind, buffer=data)
        return Tensor(name=f"x{index}", shape=what, type=self.types[index] if self.types else F)


def ints(*values: Any) -> Array:
    return np.array(values, np.int32)


def floats(*shape: int) -> Array:
    return np.random.default_rng(7).normal(size=shape).astype(np.float32)


def _convolutions() -> Iterator[Case]:
    x = (1, 9, 10, 4)
    for padding in Padding:
        for stride, dilation in ((1, 1), (2, 1), (1, 2)):
            more: dict[str, Any] = {"padding": padding, "stride_w": stride, "stride_h": stride}
            wide: dict[str, Any] = {"dilation_w_factor": dilation, "dilation_h_factor": dilation}
            note = f"{padding.name} stride {stride} dilation {dilation}"
            yield Case("CONV_2D", (x, floats(5, 3, 3, 4), floats(5)), Conv2DOptions(**more, **wide), note=note)
            yield Case(
                "DEPTHWISE_CONV_2D",
                (x, floats(1, 3, 3, 8), floats(8)),
                DepthwiseConv2DOptions(depth_multiplier=2, **more, **wide),
                note=note,
            )
    for activation in set(ActivationFunction) - {ActivationFunction.TANH, ActivationFunction.SIGN_BIT}:
        fused = Conv2DOptions(stride_w=1, stride_h=1, fused_activation_function=activation)
        yield Case("CONV_2D", (x, floats(5, 1, 1, 4), floats(5)), fused, note=activation.name)
    grouped = Conv2DOptions(stride_w=1, stride_h=1)
    yield Case("CONV_2D", (x, floats(6, 3, 3, 2), floats(6)), grouped, note="two groups")
    for padding in Padding:
        size = ints(1, 18, 20, 3) if padding is Padding.SAME else ints(1, 19, 21, 3)
        twice = TransposeConvOptions(padding=padding, stride_w=2, stride_h=2)
        yield Case("TRANSPOSE_CONV", (size, floats(3, 3, 3, 4), x), twice, note=padding.name)
        yield Case("TRANSPOSE_CONV", (size, floats(3, 3, 3, 4), x, floats(3)), twice, note=f"{padding.name} bias")
    volume = Conv3DOptions(stride_d=1, stride_w=2, stride_h=1)
    yield Case("CONV_3D", ((1, 5, 6, 7, 2), floats(3, 3, 3, 2, 4), floats(4)), volume)
    for name in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        for padding in Padding:
            pool = Pool2DOptions(padding=padding, stride_w=2, stride_h=2, filter_width=3, filter_height=3)
            yield Case(name, (x,), pool, note=padding.name)


def _dense() -> Iterator[Case]:
    weights = floats(6, 8)
    yield Case("FULLY_CONNECTED", ((3, 8), weights, floats(6)), FullyConnectedOptions())
    yield Case("FULLY_CONNECTED", ((3, 8), weights), FullyConnectedOptions(), note="without bias")
    yield Case("FULLY_CONNECTED", ((2, 3, 8), weights), FullyConnectedOptions(keep_num_dims=True), note="3 dimensions")
    yield Case("FULLY_CONNECTED", ((2, 3, 8), weights), FullyConnectedOptions(), note="flattens")
    yield Case("FULLY_CONNECTED", ((3, 8), (6, 8)), FullyConnectedOptions(), note="computed weights")
    shapes = {(False, False): ((2, 3, 4), (2, 4, 5)), (True, False): ((2, 4, 3), (2, 4, 5))}
    shapes |= {(False, True): ((2, 3, 4), (2, 5, 4)), (True, True): ((2, 4, 3), (2, 5, 4))}
    for (left, right), operands in shapes.items():
        options = BatchMatMulOptions(adj_x=left, adj_y=right)
        yield Case("BATCH_MATMUL", operands, options, note=f"{left} {right}")
    yield Case("BATCH_MATMUL", ((2, 1, 3, 4), (5, 4, 6)), BatchMatMulOptions(), note="broadcast")


def _elementwise() -> Iterator[Case]:
    pairs = {"same": ((2, 3, 4), (2, 3, 4)), "broadcast": ((2, 3, 4), (3, 1)), "both": ((2, 1, 4), (3, 1))}
    fused = {"ADD": AddOptions, "SUB": SubOptions, "MUL": MulOptions, "DIV": DivOptions}
    for note, shapes in pairs.items():
        for name, options in fused.items():
            relu = options(fused_activation_function=ActivationFunction.RELU6)
            yield Case(name, shapes, relu, note=note)
        for name in ("MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", "FLOOR_DIV", "FLOOR_MOD"):
            yield Case(name, shapes, note=note)
        for name in ("EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL"):
            yield Case(name, shapes, outputs=(B,), note=note)


def _elements() -> Iterator[Case]:
    fused = {"ADD": AddOptions, "SUB": SubOptions, "MUL": MulOptions}
    yield Case("POW", ((2, 3), np.full((1,), 2, np.float32)))
    for name in ("ADD", "SUB", "MUL"):
        yield Case(name, ((4,), (4,)), fused[name](), types=(N, N), outputs=(N,), note="int32")
    for name in ("FLOOR_DIV", "FLOOR_MOD"):
        yield Case(name, ((9,), ints(-3)), types=(N,), outputs=(N,), note="int32")
    for name in ("LOGICAL_AND", "LOGICAL_OR"):
        yield Case(name, ((2, 3), (2, 3)), types=(B, B), outputs=(B,))
    yield Case("LOGICAL_NOT", ((2, 3),), types=(B,), outputs=(B,))
    for name in ("SELECT", "SELECT_V2"):
        yield Case(name, ((2, 3), (2, 3), (2, 3)), types=(B, F, F))
    yield Case("SELECT_V2", ((3,), (2, 3), (1,)), types=(B, F, F), note="broadcast")
    yield Case("ADD_N", ((2, 3), (2, 3), (2, 3)))


def _activations() -> Iterator[Case]:
    for name in ("ABS", "NEG", "EXP", "SQUARE", "SIN", "COS", "FLOOR", "CEIL", "ROUND", "SIGN", "TANH", "LOGISTIC"):
        yield Case(name, ((2, 3, 5),))
    for name in ("RELU", "RELU6", "RELU_0_TO_1", "ELU", "HARD_SWISH", "LOG_SOFTMAX", "ZEROS_LIKE"):
        yield Case(name, ((2, 3, 5),))
    for name in ("SQRT", "RSQRT", "LOG"):
        yield Case(name, ((2, 3, 5),), note="positive")
    yield Case("LEAKY_RELU", ((2, 7),), LeakyReluOptions(alpha=0.3))
    yield Case("PRELU", ((1, 4, 4, 3), floats(1, 1, 3)))
    yield Case("GELU", ((2, 7),), GeluOptions(approximate=False))
    yield Case("GELU", ((2, 7),), GeluOptions(approximate=True), note="approximate")
    yield Case("SOFTMAX", ((2, 7),), SoftmaxOptions(beta=1.0))
    yield Case("SOFTMAX", ((2, 3, 7),), SoftmaxOptions(beta=0.5), note="beta")
    yield Case("L2_NORMALIZATION", ((2, 7),), L2NormOptions())
    for source, target in ((N, F), (F, N), (B, F), (N, L), (F, B)):
        cast = CastOptions(in_data_type=source, out_data_type=target)
        yield Case("CAST", ((2, 3),), cast, types=(source,), outputs=(target,), note=f"{source.name} {target.name}")


def _shapes() -> Iterator[Case]:
    x = (2, 3, 4, 5)
    yield Case("RESHAPE", (x, ints(6, 20)))
    yield Case("RESHAPE", (x, ints(-1, 20)), note="-1")
    yield Case("SQUEEZE", ((1, 3, 1, 2),), SqueezeOptions(squeeze_dims=(0,)), note="one")
    yield Case("SQUEEZE", ((1, 3, 1, 2),), SqueezeOptions(squeeze_dims=()), note="all")
    yield Case("EXPAND_DIMS", (x, ints(1)))
    yield Case("TRANSPOSE", (x, ints(3, 0, 2, 1)))
    pads = ints((0, 0), (1, 2), (0, 1), (2, 0))
    yield Case("PAD", (x, pads))
    yield Case("PADV2", (x, pads, np.array(0.5, np.float32)))
    for mode in MirrorPadMode:
        yield Case("MIRROR_PAD", (x, pads), MirrorPadOptions(mode=mode), note=mode.name)
    yield Case("TILE", (x, ints(1, 2, 1, 3)))
    yield Case("CONCATENATION", (x, (2, 3, 2, 5)), ConcatenationOptions(axis=2))
    yield Case("CONCATENATION", (x, (2, 3, 4, 1)), ConcatenationOptions(axis=-1), note="-1")
    yield Case("PACK", ((2, 3), (2, 3)), PackOptions(values_count=2, axis=1))
    yield Case("UNPACK", ((2, 3),), UnpackOptions(num=2, axis=0), outputs=(F, F))
    yield Case("SPLIT", (ints(1)[0:1].reshape(()), (2, 6)), SplitOptions(num_splits=3), outputs=(F, F, F))
    yield Case("SPLIT_V", ((2, 6), ints(1, 5), np.array(1, np.int32)), SplitVOptions(num_splits=2), outputs=(F, F))
    yield Case("SPACE_TO_DEPTH", ((1, 4, 6, 3),), SpaceToDepthOptions(block_size=2))
    yield Case("DEPTH_TO_SPACE", ((1, 2, 3, 12),), DepthToSpaceOptions(block_size=2))
    yield Case("SPACE_TO_BATCH_ND", ((1, 4, 6, 3), ints(2, 2), ints((0, 0), (0, 0))))
    yield Case("BATCH_TO_SPACE_ND", ((4, 2, 3, 3), ints(2, 2), ints((0, 0), (0, 1))))
    yield Case("REVERSE_V2", (x, ints(1)))
    yield Case("REVERSE_SEQUENCE", (x, ints(2, 1)), ReverseSequenceOptions(seq_dim=1, batch_dim=0))
    for align, half in ((False, False), (True, False), (False, True)):
        note = "aligned" if align else "half pixels" if half else ""
        bilinear = ResizeBilinearOptions(align_corners=align, half_pixel_centers=half)
        nearest = ResizeNearestNeighborOptions(align_corners=align, half_pixel_centers=half)
        for size in (ints(8, 10), ints(3, 2)):
            yield Case("RESIZE_BILINEAR", ((1, 5, 4, 2), size), bilinear, note=f"{note} {size}")
            if not half:
                yield Case("RESIZE_NEAREST_NEIGHBOR", ((1, 5, 4, 2), size), nearest, note=f"{note} {size}")


def _selection() -> Iterator[Case]:
    x = (4, 5, 6)
    yield Case("SLICE", (x, ints(1, 0, 2), ints(2, -1, 3)))
    masks: dict[str, Any] = {"begin_mask": 1, "end_mask": 2, "shrink_axis_mask": 4}
    yield Case("STRIDED_SLICE", (x, ints(1, 0, 2), ints(3, 5, 6), ints(1, 2, 1)), StridedSliceOptions(**masks))
    more = StridedSliceOptions(ellipsis_mask=1, new_axis_mask=2)
    yield Case("STRIDED_SLICE", (x, ints(0, 0, 1), ints(0, 0, 4), ints(1, 1, 1)), more, note="ellipsis")
    back = StridedSliceOptions(begin_mask=7, end_mask=7)
    yield Case("STRIDED_SLICE", (x, ints(0, 0, 0), ints(0, 0, 0), ints(-1, 1, -2)), back, note="backwards")
    yield Case("GATHER", (x, ints(3, 0, 1)), GatherOptions(axis=1))
    yield Case("GATHER", (x, (2,)), GatherOptions(axis=0), types=(F, N), note="computed indices")
    yield Case("GATHER", ((2, 5, 6), ints((0, 1), (2, 0))), GatherOptions(axis=1, batch_dims=1), note="batches")
    yield Case("GATHER_ND", (x, ints((0, 1), (2, 3))))
    yield Case("SCATTER_ND", (ints((1,), (3,)), (2, 3), ints(5, 3)))
    yield Case("EMBEDDING_LOOKUP", ((3,), floats(4, 3)), types=(N, F))
    on, off = np.array(2, np.float32), np.array(-1, np.float32)
    yield Case("ONE_HOT", ((3,), np.array(4, np.int32), on, off), OneHotOptions(axis=-1), types=(N,))
    yield Case("TOPK_V2", ((2, 7), np.array(3, np.int32)), outputs=(F, N))
    for name, options in (("ARG_MAX", ArgMaxOptions), ("ARG_MIN", ArgMinOptions)):
        yield Case(name, ((2, 7), np.array(1, np.int32)), options(output_type=N), outputs=(N,))


def _reductions() -> Iterator[Case]:
    for name in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD"):
        yield Case(name, ((2, 3, 4, 5), ints(1, 2)), ReducerOptions(keep_dims=True), note="kept")
        yield Case(name, ((2, 3, 4, 5), ints(-1)), ReducerOptions(keep_dims=False), note="dropped")
    for name in ("REDUCE_ANY", "REDUCE_ALL"):
        yield Case(name, ((2, 3), ints(1)), ReducerOptions(), types=(B,), outputs=(B,))
    yield Case("CUMSUM", ((2, 7), np.array(1, np.int32)), CumsumOptions(exclusive=True, reverse=True))
    yield Case("CUMSUM", ((2, 7), np.array(0, np.int32)), CumsumOptions(), note="plain")


FAMILIES = (_convolutions, _dense, _elementwise, _elements, _activations, _shapes, _selection, _reductions)
CASES = tuple(case for family in FAMILIES for case in family())
