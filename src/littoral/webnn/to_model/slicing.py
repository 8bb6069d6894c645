"""Parts and surroundings: pad, reverse, slice, triangular."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from littoral.tflite import TensorType
from littoral.tflite.options.elementwise import SelectV2Options
from littoral.tflite.options.selection import SliceOptions, StridedSliceOptions
from littoral.tflite.options.shape import PadOptions, PadV2Options, ReverseV2Options
from littoral.webnn.program import Array, Call
from littoral.webnn.to_model.emitter import NUMPY, Emitter
from littoral.webnn.to_model.moves import around, int32, move, number, numbers, pick, resized

if TYPE_CHECKING:
    from littoral.webnn.to_model import Lowering

_MOST_AXES = 5
"""Of PAD, and of SELECT_V2 when it broadcasts."""

_NUMPY_MODES = {"edge": "edge", "reflection": "reflect"}


def cut(
    emitter: Emitter, tensor: int, starts: Sequence[int], sizes: Sequence[int], strides: Sequence[int] | None = None
) -> int:
    """A part of a tensor; of a constant, a constant.

    Args:
        emitter: What is written to.
        tensor: The whole.
        starts: Where the part begins, for each axis.
        sizes: How far it reaches from there.
        strides: Each how many-th of these is taken; all by default.
    """
    strides = strides or [1] * len(sizes)
    ends = [start + size for start, size in zip(starts, sizes, strict=True)]
    value = emitter.value(tensor)
    if value is not None and sizes:
        part = value[tuple(map(slice, starts, ends, strides))]
        return emitter.constant(part, emitter.type(tensor), emitter.tensors[tensor].quantization)
    if set(strides) <= {1}:
        if tuple(sizes) == emitter.shape(tensor):
            return tensor
        inputs = (tensor, int32(emitter, starts), int32(emitter, sizes))
        return move(emitter, "SLICE", inputs, sizes, SliceOptions())
    shape = [-(-size // stride) for size, stride in zip(sizes, strides, strict=True)]
    limits = [int32(emitter, each) for each in (starts, ends, strides)]
    return move(emitter, "STRIDED_SLICE", (tensor, *limits), shape, StridedSliceOptions())


def _slice(emitter: Emitter, call: Call) -> int:
    source = emitter.take(call.arguments["input"])
    return cut(emitter, source, numbers(call, "starts"), numbers(call, "sizes"), numbers(call, "strides"))


def _pad(emitter: Emitter, call: Call) -> int:
    tensor = emitter.take(call.arguments["input"])
    amounts = list(zip(numbers(call, "beginningPadding"), numbers(call, "endingPadding"), strict=True))
    padded = [axis for axis, amount in enumerate(amounts) if any(amount)]
    if call.options["mode"] != "constant":
        mode = cast(Any, _NUMPY_MODES[str(call.options["mode"])])
        for axis in padded:
            positions = np.arange(emitter.shape(tensor)[axis])
            tensor = pick(emitter, tensor, np.pad(positions, amounts[axis], mode=mode), axis)
        return tensor
    value = _filling(emitter, tensor, call.options["value"])
    if len(amounts) <= _MOST_AXES:
        return _surround(emitter, tensor, amounts, value) if padded else tensor
    for axis in padded:
        shape = emitter.shape(tensor)
        thin = _surround(emitter, emitter.reshape(tensor, around(shape, axis)), [(0, 0), amounts[axis], (0, 0)], value)
        tensor = emitter.reshape(thin, resized(shape, axis, emitter.shape(thin)[1]))
    return tensor


def _filling(emitter: Emitter, tensor: int, value: Any) -> Array:
    """A number in the type of a tensor; integers that do not fit are the nearest that do."""
    dtype = np.dtype(NUMPY[emitter.type(tensor)])
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        value = 0 if value != value else min(max(value, int(limits.min)), int(limits.max))
        return np.array([int(value)], dtype)
    with np.errstate(over="ignore"):
        return np.array([value], dtype)


def _surround(emitter: Emitter, tensor: int, amounts: Sequence[tuple[int, int]], value: Array) -> int:
    shape = [low + size + high for size, (low, high) in zip(emitter.shape(tensor), amounts, strict=True)]
    if not value.any():
        return move(emitter, "PAD", (tensor, int32(emitter, amounts)), shape, PadOptions())
    inputs = (tensor, int32(emitter, amounts), emitter.constant(value, emitter.type(tensor)))
    return move(emitter, "PADV2", inputs, shape, PadV2Options())


def _reverse(emitter: Emitter, call: Call) -> int:
    tensor = emitter.take(call.arguments["input"])
    shape = emitter.shape(tensor)
    for axes in _neighbours(axis for axis in numbers(call, "axes") if shape[axis] > 1):
        tensor = move(emitter, "REVERSE_V2", (tensor, int32(emitter, axes)), shape, ReverseV2Options())
    return tensor


def _neighbours(axes: Iterable[int]) -> list[list[int]]:
    """Axes in groups of consecutive ones: the kernel takes no others."""
    groups: list[list[int]] = []
    for axis in sorted(axes):
        if groups and groups[-1][-1] == axis - 1:
            groups[-1].append(axis)
        else:
            groups.append([axis])
    return groups


def _triangular(emitter: Emitter, call: Call) -> int:
    tensor = emitter.take(call.arguments["input"])
    shape = emitter.shape(tensor)
    rows, columns = shape[-2:]
    diagonal = number(call, "diagonal")
    above = np.arange(columns) - np.arange(rows)[:, None]
    kept = above >= diagonal if call.options["upper"] else above <= diagonal
    if len(shape) > _MOST_AXES:
        tensor = emitter.reshape(tensor, (prod(shape[:-2]), rows, columns))
    zero = emitter.constant(np.zeros((), NUMPY[emitter.type(tensor)]), emitter.type(tensor))
    inputs = (emitter.constant(kept, TensorType.BOOL), tensor, zero)
    part = emitter.emit("SELECT_V2", inputs, emitter.shape(tensor), emitter.type(tensor), SelectV2Options())
    return emitter.reshape(part, shape)


LOWERINGS: dict[str, Lowering] = {
    "pad": _pad,
    "reverse": _reverse,
    "slice": _slice,
    "triangular": _triangular,
}
