"""Parts and surroundings: pad, reverse, slice, triangular."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from littoral.tflite.options.selection import SliceOptions, StridedSliceOptions
from littoral.tflite.options.shape import PadOptions, PadV2Options, ReverseV2Options
from littoral.webnn.program import Array, Call
from littoral.webnn.to_model.emitter import NUMPY, Emitter
from littoral.webnn.to_model.kernels import select
from littoral.webnn.to_model.moves import around, move, number, numbers, pick, resized
from littoral.webnn.to_model.types import BOOL

if TYPE_CHECKING:
    from littoral.webnn.to_model import Lowering

_MOST_AXES = 5
"""Of PAD."""

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
        inputs = (tensor, emitter.indices(starts), emitter.indices(sizes))
        return move(emitter, "SLICE", inputs, sizes, SliceOptions())
    shape = [-(-size // stride) for size, stride in zip(sizes, strides, strict=True)]
    limits = [emitter.indices(each) for each in (starts, ends, strides)]
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
    value = np.array([call.options["value"]], NUMPY[emitter.type(tensor)])
    if len(amounts) <= _MOST_AXES:
        return _surround(emitter, tensor, amounts, value) if padded else tensor
    for axis in padded:
        shape = emitter.shape(tensor)
        thin = _surround(emitter, emitter.reshape(tensor, around(shape, axis)), [(0, 0), amounts[axis], (0, 0)], value)
        tensor = emitter.reshape(thin, resized(shape, axis, emitter.shape(thin)[1]))
    return tensor


def _surround(emitter: Emitter, tensor: int, amounts: Sequence[tuple[int, int]], value: Array) -> int:
    shape = [low + size + high for size, (low, high) in zip(emitter.shape(tensor), amounts, strict=True)]
    pads = emitter.constant(np.array(amounts, np.int32))
    kept = emitter.tensors[tensor].quantization
    if not value.any() and (kept is None or emitter.quantizing):  # of quantized ones, PAD writes the zero point
        return move(emitter, "PAD", (tensor, pads), shape, PadOptions())
    inputs = (tensor, pads, emitter.constant(value, emitter.type(tensor), kept))
    return move(emitter, "PADV2", inputs, shape, PadV2Options())


def _reverse(emitter: Emitter, call: Call) -> int:
    tensor = emitter.take(call.arguments["input"])
    shape = emitter.shape(tensor)
    for axes in _neighbours(axis for axis in numbers(call, "axes") if shape[axis] > 1):
        tensor = move(emitter, "REVERSE_V2", (tensor, emitter.indices(axes)), shape, ReverseV2Options())
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
    rows, columns = emitter.shape(tensor)[-2:]
    diagonal = number(call, "diagonal")
    above = np.arange(columns) - np.arange(rows)[:, None]
    kept = above >= diagonal if call.options["upper"] else above <= diagonal
    zero = emitter.number(0, emitter.type(tensor))
    return select(emitter, emitter.constant(kept, BOOL), tensor, zero)


LOWERINGS: dict[str, Lowering] = {
    "pad": _pad,
    "reverse": _reverse,
    "slice": _slice,
    "triangular": _triangular,
}
