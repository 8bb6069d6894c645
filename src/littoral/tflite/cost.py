"""How much work operators are."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from littoral.tflite.graph import Graph, Operator, Tensor
from littoral.tflite.options.dense import BatchMatMulOptions

_RECURRENT = (
    "RNN",
    "UNIDIRECTIONAL_SEQUENCE_RNN",
    "BIDIRECTIONAL_SEQUENCE_RNN",
    "LSTM",
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
    "BIDIRECTIONAL_SEQUENCE_LSTM",
    "SVDF",
)


def macs(graph: Graph, subgraph: int, operator: int) -> int:
    """The multiply-adds of one operator, from the shapes in the file.

    Counted are convolutions, matrix products and recurrent layers; 0 for others. Biases, activations and the subgraphs
    that an operator runs are left out, and so are custom operators, whose work nobody knows.
    """
    tensors = graph.subgraphs[subgraph].tensors
    op = graph.subgraphs[subgraph].operators[operator]
    count = _COUNTS.get(op.name)
    if count is None or not op.outputs:
        return 0
    inputs = [tensors[index] if index >= 0 else None for index in op.inputs]
    try:
        return count(op, inputs, tensors[op.outputs[0]].shape)
    except IndexError:
        return 0  # a shape that is only known when the model runs


def _conv(_: Operator, inputs: list[Tensor | None], output: tuple[int, ...]) -> int:
    return prod(output) * prod(_shape(inputs, 1)[1:])  # filter: out, height, width, in


def _depthwise(_: Operator, inputs: list[Tensor | None], output: tuple[int, ...]) -> int:
    return prod(output) * prod(_shape(inputs, 1)[1:3])  # filter: 1, height, width, out


def _transpose_conv(_: Operator, inputs: list[Tensor | None], __: tuple[int, ...]) -> int:
    return prod(_shape(inputs, 2)) * prod(_shape(inputs, 1)[:3])  # filter: out, height, width, in


def _conv_3d(_: Operator, inputs: list[Tensor | None], output: tuple[int, ...]) -> int:
    return prod(output) * prod(_shape(inputs, 1)[:4])  # filter: depth, height, width, in, out


def _conv_3d_transpose(_: Operator, inputs: list[Tensor | None], __: tuple[int, ...]) -> int:
    return prod(_shape(inputs, 2)) * prod(_shape(inputs, 1)[:4])  # filter: depth, height, width, out, in


def _fully_connected(_: Operator, inputs: list[Tensor | None], output: tuple[int, ...]) -> int:
    return prod(output) * _shape(inputs, 1)[-1]  # weights: out, in


def _batch_matmul(op: Operator, inputs: list[Tensor | None], output: tuple[int, ...]) -> int:
    transposed = isinstance(op.options, BatchMatMulOptions) and op.options.adj_x
    return prod(output) * _shape(inputs, 0)[-2 if transposed else -1]


def _recurrent(_: Operator, inputs: list[Tensor | None], __: tuple[int, ...]) -> int:
    """Every weight once a step and sample: the matrices among the constant inputs."""
    weights = sum(
        prod(tensor.shape) for tensor in inputs[1:] if tensor and tensor.is_constant and len(tensor.shape) == 2
    )
    return prod(_shape(inputs, 0)[:-1]) * weights


def _shape(inputs: list[Tensor | None], index: int) -> tuple[int, ...]:
    tensor = inputs[index]
    return tensor.shape if tensor else ()


_COUNTS: dict[str, Callable[[Operator, list[Tensor | None], tuple[int, ...]], int]] = {
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "TRANSPOSE_CONV": _transpose_conv,
    "CONV_3D": _conv_3d,
    "CONV_3D_TRANSPOSE": _conv_3d_transpose,
    "FULLY_CONNECTED": _fully_connected,
    "BATCH_MATMUL": _batch_matmul,
    **dict.fromkeys(_RECURRENT, _recurrent),
}
