"""gather, gatherElements, gatherND, scatterElements, scatterND.

All but gather are one GATHER of rows: indices become positions in the flat input. What scatters is then a table of the
input and the updates, and for each place the row that it has in the end.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from littoral.tflite.options.reduction import ReducerOptions, UnsortedSegmentMaxOptions
from littoral.tflite.options.selection import GatherOptions
from littoral.webnn.program import Call
from littoral.webnn.to_model.emitter import NUMPY, Emitter
from littoral.webnn.to_model.kernels import Binary, add, floor_modulo, maximum, minimum, multiply
from littoral.webnn.to_model.moves import around, join, move, number, rows
from littoral.webnn.to_model.shapes import Shape
from littoral.webnn.to_model.types import I32, I64, U32

if TYPE_CHECKING:
    from littoral.webnn.to_model import Lowering


def _gather(emitter: Emitter, call: Call) -> int:
    source, axis = emitter.take(call.arguments["input"]), number(call, "axis")
    indices = _in_range(emitter, emitter.take(call.arguments["indices"]), emitter.shape(source)[axis])
    shape = emitter.described(call.outputs[0]).shape
    return move(emitter, "GATHER", (source, indices), shape, GatherOptions(axis=axis))


def _gather_elements(emitter: Emitter, call: Call) -> int:
    source = emitter.take(call.arguments["input"])
    flat = emitter.reshape(source, (prod(emitter.shape(source)),))
    return rows(emitter, flat, emitter.reshape(_places(emitter, call), emitter.described(call.outputs[0]).shape))


def _gather_nd(emitter: Emitter, call: Call) -> int:
    table, places = _slices(emitter, call)
    return emitter.reshape(rows(emitter, table, places), emitter.described(call.outputs[0]).shape)


def _scatter_elements(emitter: Emitter, call: Call) -> int:
    source, updates = emitter.take(call.arguments["input"]), emitter.take(call.arguments["updates"])
    flat = emitter.reshape(source, (prod(emitter.shape(source)),))
    updates = emitter.reshape(updates, (prod(emitter.shape(updates)),))
    return emitter.reshape(_scatter(emitter, flat, _places(emitter, call), updates), emitter.shape(source))


def _scatter_nd(emitter: Emitter, call: Call) -> int:
    table, places = _slices(emitter, call)
    updates = emitter.take(call.arguments["updates"])
    updates = emitter.reshape(updates, (*emitter.shape(places), *emitter.shape(table)[1:]))
    return emitter.reshape(_scatter(emitter, table, places, updates), emitter.described(call.outputs[0]).shape)


def _scatter(emitter: Emitter, table: int, places: int, updates: int) -> int:
    """A table with the rows at some places updated; of several updates of one place, the last."""
    count, changes = emitter.shape(table)[0], emitter.shape(updates)[0]
    kept, new = np.arange(count, dtype=np.int32), np.arange(count, count + changes, dtype=np.int32)
    known = emitter.value(places)
    if known is not None:
        kept[known] = new
        final = emitter.constant(kept)
    else:
        inputs = (emitter.constant(new), places, emitter.number(count, I32))
        latest = emitter.emit("UNSORTED_SEGMENT_MAX", inputs, (count,), options=UnsortedSegmentMaxOptions())
        final = _compute(emitter, maximum, latest, kept)  # without an update, the latest is the least integer
    return rows(emitter, join(emitter, (table, updates), 0), final)


def _places(emitter: Emitter, call: Call) -> int:
    """Where in the flat input the elements are that indices along one axis name; flat too."""
    shape, axis = emitter.shape(emitter.take(call.arguments["input"])), number(call, "axis")
    before, size, after = around(shape, axis)
    indices = emitter.take(call.arguments["indices"])
    indices = _in_range(emitter, emitter.reshape(indices, around(emitter.shape(indices), axis)), size)
    origins = np.arange(before)[:, None, None] * size * after + np.arange(after)
    places = _compute(emitter, add, _compute(emitter, multiply, indices, after), origins)
    return emitter.reshape(places, (prod(emitter.shape(places)),))


def _slices(emitter: Emitter, call: Call) -> tuple[int, int]:
    """The input as a table of the slices that coordinates name, and the rows that they name."""
    source, indices = emitter.take(call.arguments["input"]), emitter.take(call.arguments["indices"])
    shape, many = emitter.shape(source), emitter.shape(indices)
    sizes, inner = shape[: many[-1]], shape[many[-1] :]
    indices = _in_range(emitter, emitter.reshape(indices, (prod(many[:-1]), many[-1])), sizes)
    steps = [prod(sizes[axis + 1 :]) for axis in range(len(sizes))]
    places = _total(emitter, _compute(emitter, multiply, indices, steps))
    return emitter.reshape(source, (prod(sizes), prod(inner)) if inner else (prod(sizes),)), places


def _in_range(emitter: Emitter, indices: int, sizes: int | Shape) -> int:
    """Indices as int32: negative ones count from the end, those beyond are clamped, as the standard has it."""
    if emitter.type(indices) == U32:
        indices = emitter.cast(indices, I64)
    dtype = np.dtype(NUMPY[emitter.type(indices)])
    limits = np.asarray(sizes, dtype)
    indices = _compute(emitter, maximum, indices, -limits)
    indices = emitter.cast(_compute(emitter, minimum, indices, limits - 1), I32)
    return _compute(emitter, floor_modulo, indices, limits)


_NUMPY = {
    add: np.add,
    floor_modulo: np.mod,
    maximum: np.maximum,
    minimum: np.minimum,
    multiply: np.multiply,
}


def _compute(emitter: Emitter, kernel: Binary, tensor: int, operand: Any) -> int:
    """Arithmetic of indices with what is known; now, where the indices are known."""
    value = emitter.value(tensor)
    operand = np.asarray(operand, NUMPY[emitter.type(tensor)])
    if value is not None:
        return emitter.constant(_NUMPY[kernel](value, operand))
    return kernel(emitter, tensor, emitter.constant(operand))


def _total(emitter: Emitter, tensor: int) -> int:
    """The sums of the rows of a matrix."""
    value = emitter.value(tensor)
    if value is not None:
        return emitter.constant(value.sum(1, dtype=np.int32))
    inputs = (tensor, emitter.indices([1]))
    return emitter.emit("SUM", inputs, emitter.shape(tensor)[:1], options=ReducerOptions())


LOWERINGS: dict[str, Lowering] = {
    "gather": _gather,
    "gatherElements": _gather_elements,
    "gatherND": _gather_nd,
    "scatterElements": _scatter_elements,
    "scatterND": _scatter_nd,
}
