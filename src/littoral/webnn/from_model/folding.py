"""Operators whose result is known before any run: of shapes, and of constants. They leave no call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TypeAlias

import numpy as np

from littoral.webnn.from_model.node import Node, checked_axis
from littoral.webnn.from_model.quantized import is_integer_quantized
from littoral.webnn.from_model.shaping import squeezed, wanted_shape
from littoral.webnn.from_model.slicing import fold_slice
from littoral.webnn.from_model.unmapped import Unmapped
from littoral.webnn.program import Array

Fold: TypeAlias = Callable[[Node, Sequence[Array]], Array | Sequence[Array]]
"""Outputs of the values of inputs."""

_MOST = 1 << 24  # elements that a result may have: more are left to run time, so that no file makes lowering slow


def folded(node: Node) -> Sequence[Array] | None:
    """The values of an operator's outputs; None where only a run knows them."""
    if node.name in ("SHAPE", "RANK"):
        shape = node.shape(0)
        return [np.array(shape if node.name == "SHAPE" else len(shape), node.result().dtype)]
    fold = _FOLDS.get(node.name)
    if fold is None or not _is_plain(node):
        return None
    values = [node.known(position) for position in range(node.count) if node.has(position)]
    known = [value for value in values if value is not None]
    if len(known) != len(values) or (prod(value.size for value in known) > _MOST and node.name != "DEQUANTIZE"):
        return None
    made = fold(node, known)
    return [made] if isinstance(made, np.ndarray) else made


def _is_plain(node: Node) -> bool:
    """Whether stored values are what they are: nothing is quantized, and no activation is fused."""
    tensors = [node.tensor(position) for position in range(node.count) if node.has(position)]
    quantized = any(is_integer_quantized(tensor) for tensor in (*tensors, node.result()))
    return not quantized and not node.option("fused_activation_function")


def _elementwise(function: Callable[..., Array]) -> Fold:
    def fold(node: Node, values: Sequence[Array]) -> Array:
        return np.asarray(function(*values)).astype(node.result().dtype, copy=False)

    return fold


def _division(a: Array, b: Array) -> Array:
    """Integers are cut off towards zero."""
    if a.dtype.kind == "f":
        return np.asarray(a / b)
    quotient = np.floor_divide(a, b)
    return np.asarray(quotient + ((quotient * b != a) & ((a < 0) != (b < 0))))


def _reduction(function: Callable[..., Array]) -> Fold:
    def fold(node: Node, values: Sequence[Array]) -> Array:
        axes = tuple({checked_axis(int(axis), values[0].ndim) for axis in values[1].ravel()})
        made = function(values[0], axis=axes, keepdims=bool(node.option("keep_dims")))
        return np.asarray(made).astype(values[0].dtype, copy=False)

    return fold


def _fill(_: Node, values: Sequence[Array]) -> Array:
    return np.broadcast_to(values[1], tuple(int(size) for size in values[0].ravel()))


def _range(_: Node, values: Sequence[Array]) -> Array:
    start, limit, delta = (value.ravel()[0] for value in values)
    if not delta or abs((limit - start) / delta) > _MOST:
        raise Unmapped(f"its range from {start} to {limit} by {delta} is too long", "Convert the model again")
    return np.arange(start, limit, delta, dtype=values[0].dtype)


def _gather(node: Node, values: Sequence[Array]) -> Array:
    if node.option("batch_dims"):
        raise Unmapped("it gathers constants in batches", "Convert the model again")
    return np.take(values[0], values[1], axis=node.option("axis"), mode="clip")


def _unpack(node: Node, values: Sequence[Array]) -> list[Array]:
    return list(np.moveaxis(values[0], node.option("axis"), 0))


def _split(node: Node, values: Sequence[Array]) -> list[Array]:
    return list(np.split(values[1], node.option("num_splits"), int(values[0].ravel()[0])))


_FOLDS: dict[str, Fold] = {
    "ADD": _elementwise(np.add),
    "CAST": _elementwise(lambda value: value),
    "CONCATENATION": lambda node, values: np.concatenate(values, node.option("axis")),
    "DEQUANTIZE": _elementwise(lambda value: value),
    "DIV": _elementwise(_division),
    "EQUAL": _elementwise(np.equal),
    "EXPAND_DIMS": lambda _, values: np.expand_dims(values[0], int(values[1].ravel()[0])),
    "FILL": _fill,
    "FLOOR_DIV": _elementwise(np.floor_divide),
    "FLOOR_MOD": _elementwise(np.mod),
    "GATHER": _gather,
    "GREATER": _elementwise(np.greater),
    "LESS": _elementwise(np.less),
    "LOGICAL_AND": _elementwise(np.logical_and),
    "LOGICAL_NOT": _elementwise(np.logical_not),
    "LOGICAL_OR": _elementwise(np.logical_or),
    "MAXIMUM": _elementwise(np.maximum),
    "MINIMUM": _elementwise(np.minimum),
    "MUL": _elementwise(np.multiply),
    "NEG": _elementwise(np.negative),
    "NOT_EQUAL": _elementwise(np.not_equal),
    "PACK": lambda node, values: np.stack(values, node.option("axis")),
    "RANGE": _range,
    "REDUCE_PROD": _reduction(np.prod),
    "RESHAPE": lambda node, values: values[0].reshape(wanted_shape(node)),
    "SELECT_V2": _elementwise(np.where),
    "SLICE": fold_slice,
    "SPLIT": _split,
    "STRIDED_SLICE": fold_slice,
    "SQUEEZE": lambda node, values: values[0].reshape(squeezed(values[0].shape, node.option("squeeze_dims", ()))),
    "SUB": _elementwise(np.subtract),
    "SUM": _reduction(np.sum),
    "TRANSPOSE": lambda _, values: values[0].transpose([int(axis) for axis in values[1].ravel()]),
    "UNPACK": _unpack,
}
