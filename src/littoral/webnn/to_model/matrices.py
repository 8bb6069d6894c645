"""Matrix products."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from littoral.tflite.options.dense import BatchMatMulOptions, FullyConnectedOptions
from littoral.webnn.program import Call
from littoral.webnn.to_model.emitter import Emitter
from littoral.webnn.to_model.kernels import add, multiply
from littoral.webnn.to_model.moves import real

if TYPE_CHECKING:
    from littoral.webnn.to_model import Lowering


def fully_connected(emitter: Emitter, x: int, weights: int, bias: int | None = None) -> int:
    """X @ weights.T + bias: x is [rows, depth], weights are [columns, depth], bias is [columns]."""
    inputs = (x, weights) if bias is None else (x, weights, bias)
    shape = (emitter.shape(x)[0], emitter.shape(weights)[0])
    return emitter.emit("FULLY_CONNECTED", inputs, shape, None, FullyConnectedOptions())


def product(emitter: Emitter, a: int, b: int, transpose_a: bool = False, transpose_b: bool = False) -> int:
    """The product of two stacks of matrices, which broadcast."""
    left, right = emitter.shape(a), emitter.shape(b)
    stack = np.broadcast_shapes(left[:-2], right[:-2])
    shape = (*stack, left[-1] if transpose_a else left[-2], right[-2] if transpose_b else right[-1])
    return emitter.emit("BATCH_MATMUL", (a, b), shape, None, BatchMatMulOptions(adj_x=transpose_a, adj_y=transpose_b))


def _matmul(emitter: Emitter, call: Call) -> int:
    a, b = (emitter.take_float(call.arguments[name]) for name in "ab")
    shape = emitter.described(call.outputs[0]).shape
    if len(emitter.shape(b)) == 2 and emitter.value(b) is not None:
        rows = emitter.reshape(a, (-1 if not shape else int(np.prod(shape[:-1])), emitter.shape(a)[-1]))
        y = fully_connected(emitter, rows, emitter.transpose(b, (1, 0)))
        return emitter.give(call, emitter.reshape(y, shape))
    if len(shape) > _MOST_AXES:
        a, b = _stacked(emitter, a, shape), _stacked(emitter, b, shape)
    return emitter.give(call, emitter.reshape(product(emitter, a, b), shape))


_MOST_AXES = 5


def _stacked(emitter: Emitter, x: int, shape: tuple[int, ...]) -> int:
    """A stack of matrices written out, with one axis for all of the stack."""
    matrix = emitter.shape(x)[-2:]
    return emitter.reshape(emitter.broadcast(x, (*shape[:-2], *matrix)), (int(np.prod(shape[:-2])), *matrix))


def _gemm(emitter: Emitter, call: Call) -> int:
    a, b = (emitter.take_float(call.arguments[name]) for name in "ab")
    alpha, beta = (real(call, name) for name in ("alpha", "beta"))
    transpose_a, transpose_b = bool(call.options["aTranspose"]), bool(call.options["bTranspose"])
    c = emitter.take_float(call.options["c"]) if "c" in call.options else None
    if c is not None and beta != 1:
        c = scaled(emitter, c, beta)
    columns = emitter.shape(b)[0 if transpose_b else 1]
    if emitter.value(b) is None:
        y = scaled(emitter, product(emitter, a, b, transpose_a, transpose_b), alpha)
    else:
        weights = scaled(emitter, b if transpose_b else emitter.transpose(b, (1, 0)), alpha)
        bias = None if c is None else _bias(emitter, c, columns)
        y = fully_connected(emitter, emitter.transpose(a, (1, 0)) if transpose_a else a, weights, bias)
        c = c if bias is None else None
    return emitter.give(call, y if c is None else add(emitter, y, c))


def scaled(emitter: Emitter, x: int, factor: float) -> int:
    """A float32 tensor times a number; constants are multiplied now."""
    if factor == 1:
        return x
    value = emitter.value(x)
    if value is not None:
        return emitter.constant(value * np.float32(factor))
    return multiply(emitter, x, emitter.number(factor))


def _bias(emitter: Emitter, c: int, columns: int) -> int | None:
    """What is added, where it is constant and the same for all rows, as one number a column."""
    value = emitter.value(c)
    if emitter.quantizing and emitter.shape(c) == (columns,):
        return c
    if value is None or value.size not in (1, columns) or (value.ndim == 2 and value.shape[0] != 1):
        return None
    return emitter.constant(np.broadcast_to(value.reshape(-1), (columns,)))


LOWERINGS: dict[str, Lowering] = {"matmul": _matmul, "gemm": _gemm}
