"""Over axes: reductions, places of extremes, sums so far, softmax."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from littoral.tflite import TensorType
from littoral.tflite.options.activation import SoftmaxOptions
from littoral.tflite.options.elementwise import AbsOptions, NegOptions
from littoral.tflite.options.reduction import ArgMaxOptions, ArgMinOptions, CumsumOptions, ReducerOptions
from littoral.webnn.program import Call
from littoral.webnn.to_model.emitter import TYPES, Emitter
from littoral.webnn.to_model.kernels import (
    add,
    equal,
    exponential,
    logarithm,
    maximum,
    minimum,
    multiply,
    square_root,
    subtract,
)
from littoral.webnn.to_model.shapes import Shape, composed
from littoral.webnn.to_model.types import I32, I64, U64, from_ordered, ordered, widened

if TYPE_CHECKING:
    from littoral.webnn.to_model import Lowering

_MOST_AXES = 4


def reduce(emitter: Emitter, name: str, x: int, axes: Shape, keep: bool = True) -> int:
    """A reducing operator over axes; over none it gives what it is given."""
    if not axes:
        return x
    shape = emitter.shape(x)
    kept = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    if (before := emitter.before_transposes((x,), shape)) is not None:
        (source,), order, _ = before
        made = emitter.transpose(reduce(emitter, name, source, composed(order, axes)), order)
        return made if keep else emitter.reshape(made, _without(shape, axes))
    if len(shape) > _MOST_AXES:
        return _reduce_merged(emitter, name, x, axes, kept if keep else _without(shape, axes))
    output = kept if keep else _without(shape, axes)
    return emitter.emit(name, (x, emitter.indices(sorted(axes))), output, None, ReducerOptions(keep_dims=keep))


def _without(shape: Shape, axes: Shape) -> Shape:
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def _reduce_merged(emitter: Emitter, name: str, x: int, axes: Shape, output: Shape) -> int:
    """With those that go moved to the end, there are two axes."""
    shape = emitter.shape(x)
    left = tuple(axis for axis in range(len(shape)) if axis not in axes)
    moved = emitter.transpose(x, left + tuple(sorted(axes)))
    flat = emitter.reshape(moved, (prod(shape[axis] for axis in left), prod(shape[axis] for axis in axes)))
    return emitter.reshape(reduce(emitter, name, flat, (1,), False), output)


def _simple(name: str, before: str = "", after: str = "") -> Callable[[Emitter, Call], int]:
    """A reduction, of something of the input, and something of that."""

    def lowering(emitter: Emitter, call: Call) -> int:
        x = widened(emitter, emitter.take(call.arguments["input"]))
        if before:
            x = _STEPS[before](emitter, x)
        y = reduce(emitter, name, x, _axes(call), bool(call.options["keepDimensions"]))
        return emitter.give(call, _STEPS[after](emitter, y) if after else y)

    return lowering


def _absolute(emitter: Emitter, x: int) -> int:
    if emitter.type(x) == I64:
        return maximum(emitter, x, emitter.apply("NEG", (x,), NegOptions()))
    return emitter.apply("ABS", (x,), AbsOptions())


_STEPS = {
    "absolute": _absolute,
    "square": lambda emitter, x: multiply(emitter, x, x),
    "root": square_root,
    "logarithm": logarithm,
}


def _axes(call: Call) -> Shape:
    axes = call.options["axes"]
    assert isinstance(axes, tuple)
    return tuple(axis for axis in axes if isinstance(axis, int))


def _sum_of_sizes(emitter: Emitter, call: Call) -> int:
    x = emitter.take(call.arguments["input"])
    return _simple("SUM", "" if emitter.type(x) in (U64, TYPES["uint32"]) else "absolute")(emitter, call)


def _extreme(name: str) -> Lowering:
    def lowering(emitter: Emitter, call: Call) -> int:
        x = emitter.take(call.arguments["input"])
        y = reduce(emitter, name, ordered(emitter, x), _axes(call), bool(call.options["keepDimensions"]))
        return from_ordered(emitter, y, emitter.type(x))

    return lowering


def _log_sum_exp(emitter: Emitter, call: Call) -> int:
    """log(sum(e ** (x - m))) + m with m the largest, as far as it is finite."""
    x, axes = emitter.take_float(call.arguments["input"]), _axes(call)
    largest = float(np.finfo(np.float32).max)
    top = minimum(emitter, emitter.number(largest), reduce(emitter, "REDUCE_MAX", x, axes))
    top = maximum(emitter, emitter.number(-largest), top)
    total = reduce(emitter, "SUM", exponential(emitter, subtract(emitter, x, top)), axes)
    y = add(emitter, logarithm(emitter, total), top)
    return emitter.give(call, emitter.reshape(y, emitter.described(call.outputs[0]).shape))


def _arg(name: str, options: type[ArgMaxOptions] | type[ArgMinOptions], extreme: str) -> Lowering:
    def lowering(emitter: Emitter, call: Call) -> int:
        x, axis = ordered(emitter, emitter.take(call.arguments["input"])), call.arguments["axis"]
        assert isinstance(axis, int)
        kernel, settings = name, options(output_type=_output_type(call))
        if emitter.type(x) == I64:  # no kernel: the first that equals the extreme
            x = emitter.cast(equal(emitter, x, reduce(emitter, extreme, x, (axis,))), I32)
            kernel, settings = "ARG_MAX", ArgMaxOptions(output_type=_output_type(call))
        shape = _without(emitter.shape(x), (axis,))
        y = emitter.emit(kernel, (x, emitter.indices([axis])), shape, _output_type(call), settings)
        return emitter.reshape(y, emitter.described(call.outputs[0]).shape)

    return lowering


def _output_type(call: Call) -> TensorType:
    return TYPES[str(call.options["outputDataType"])]


def _cumulative_sum(emitter: Emitter, call: Call) -> int:
    x, axis = widened(emitter, emitter.take(call.arguments["input"])), call.arguments["axis"]
    assert isinstance(axis, int)
    options = CumsumOptions(exclusive=bool(call.options["exclusive"]), reverse=bool(call.options["reversed"]))
    return emitter.give(call, emitter.emit("CUMSUM", (x, emitter.number(axis, I32)), emitter.shape(x), None, options))


def _softmax(emitter: Emitter, call: Call) -> int:
    """Over the last axis, where the kernel wants it."""
    x, axis = emitter.take_float(call.arguments["input"]), call.arguments["axis"]
    assert isinstance(axis, int)
    rank = len(emitter.shape(x))
    order = (*(other for other in range(rank) if other != axis), axis)
    moved = emitter.transpose(x, order)
    shape = emitter.shape(moved)
    flat = moved if rank <= _MOST_AXES else emitter.reshape(moved, (prod(shape[:-1]), shape[-1]))
    y = emitter.emit("SOFTMAX", (flat,), emitter.shape(flat), None, SoftmaxOptions(beta=1.0))
    back = tuple(sorted(range(rank), key=order.__getitem__))
    return emitter.give(call, emitter.transpose(emitter.reshape(y, shape), back))


LOWERINGS: dict[str, Lowering] = {
    "reduceSum": _simple("SUM"),
    "reduceMean": _simple("MEAN"),
    "reduceProduct": _simple("REDUCE_PROD"),
    "reduceL1": _sum_of_sizes,
    "reduceL2": _simple("SUM", "square", "root"),
    "reduceSumSquare": _simple("SUM", "square"),
    "reduceLogSum": _simple("SUM", "", "logarithm"),
    "reduceLogSumExp": _log_sum_exp,
    "reduceMax": _extreme("REDUCE_MAX"),
    "reduceMin": _extreme("REDUCE_MIN"),
    "argMax": _arg("ARG_MAX", ArgMaxOptions, "REDUCE_MAX"),
    "argMin": _arg("ARG_MIN", ArgMinOptions, "REDUCE_MIN"),
    "cumulativeSum": _cumulative_sum,
    "softmax": _softmax,
}
