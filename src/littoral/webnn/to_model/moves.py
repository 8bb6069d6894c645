"""Moving values about without computing on them: whatever their type, whatever LiteRT's kernels take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import cast

import numpy as np

from littoral.tflite import TensorType
from littoral.tflite.options.conversion import BitcastOptions
from littoral.tflite.options.selection import GatherOptions
from littoral.tflite.options.shape import ConcatenationOptions
from littoral.tflite.wire import Table
from littoral.webnn.program import Array, Call
from littoral.webnn.to_model.emitter import Emitter
from littoral.webnn.to_model.shapes import Shape
from littoral.webnn.to_model.types import I32, I64, U32, U64

_CARRIERS: Mapping[TensorType, TensorType] = {U32: I32, U64: I64}
"""Types that all the kernels take, of the same size."""

_LACKS: Mapping[str, frozenset[TensorType]] = {
    "CONCATENATION": frozenset({U64}),
    **dict.fromkeys(("GATHER", "PAD", "PADV2", "REVERSE_V2"), frozenset(_CARRIERS)),
}
"""What kernels of LiteRT 2.3 refuse, as tried; SLICE, STRIDED_SLICE, TILE and SELECT_V2 take all eight."""

_MOST_AXES = 6
"""XNNPACK takes CONCATENATION of more, and then fails."""


def move(
    emitter: Emitter,
    name: str,
    inputs: Sequence[int],
    shape: Sequence[int],
    options: Table | None = None,
    version: int = 1,
) -> int:
    """An operator that computes nothing; its output has the type and quantization of its first input.

    Types that its kernel lacks go through as integers of their size.
    """
    source = inputs[0]
    kind = emitter.type(source)
    if kind in _LACKS.get(name, ()):
        carried = [emitter.bitcast(each, _CARRIERS[kind]) if emitter.type(each) == kind else each for each in inputs]
        return emitter.bitcast(move(emitter, name, carried, shape, options, version), kind)
    output = emitter.tensor(kind, shape, quantization=emitter.tensors[source].quantization)
    emitter.write(name, inputs, (output,), options, version)
    return output


def around(shape: Shape, axis: int) -> tuple[int, int, int]:
    """A shape as three axes: what is before an axis, the axis, and what is after it."""
    return prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])


def resized(shape: Sequence[int], axis: int, size: int) -> Shape:
    """A shape with another size along one axis."""
    return (*shape[:axis], size, *shape[axis + 1 :])


def pick(emitter: Emitter, tensor: int, indices: Array, axis: int) -> int:
    """Known positions along one axis."""
    size = emitter.shape(tensor)[axis]
    if np.array_equal(indices, np.arange(size)):
        return tensor
    shape = resized(emitter.shape(tensor), axis, len(indices))
    return move(
        emitter, "GATHER", (tensor, emitter.constant(indices.astype(np.int32))), shape, GatherOptions(axis=axis)
    )


def rows(emitter: Emitter, table: int, indices: int) -> int:
    """The rows of a table (its first axis) that indices name; these are int32, and in range."""
    shape = (*emitter.shape(indices), *emitter.shape(table)[1:])
    return move(emitter, "GATHER", (table, indices), shape, GatherOptions(axis=0))


def join(emitter: Emitter, tensors: Sequence[int], axis: int) -> int:
    """Tensors one after the other along an axis."""
    if len(tensors) == 1:
        return tensors[0]
    if not emitter.quantizing:
        tensors = [_bare(emitter, tensor) for tensor in tensors]
    shapes = [emitter.shape(tensor) for tensor in tensors]
    shape = resized(shapes[0], axis, sum(each[axis] for each in shapes))
    if (before := emitter.before_transposes(tensors, shape)) is not None:
        sources, order, _ = before
        return emitter.transpose(join(emitter, sources, order[axis]), order)
    if len(shape) > _MOST_AXES:
        thin = [emitter.reshape(tensor, around(each, axis)) for tensor, each in zip(tensors, shapes, strict=True)]
        return emitter.reshape(join(emitter, thin, 1), shape)
    return move(emitter, "CONCATENATION", tensors, shape, ConcatenationOptions(axis=axis))


def _bare(emitter: Emitter, tensor: int) -> int:
    """Integers as such: of those that stand for real numbers, CONCATENATION wants all to stand for the same."""
    if emitter.tensors[tensor].quantization is None:
        return tensor
    bare = emitter.tensor(emitter.type(tensor), emitter.shape(tensor))
    emitter.write("BITCAST", (tensor,), (bare,), BitcastOptions())
    return bare


def numbers(call: Call, name: str) -> Shape:
    """An argument or option that is a list of integers."""
    return cast(Shape, call.arguments[name] if name in call.arguments else call.options[name])


def number(call: Call, name: str) -> int:
    """An argument or option that is an integer."""
    return cast(int, call.arguments[name] if name in call.arguments else call.options[name])


def real(call: Call, name: str) -> float:
    """An option that is a number."""
    return float(cast(float, call.options[name]))
