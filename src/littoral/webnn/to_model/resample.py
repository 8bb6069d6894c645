"""resample2d: coordinates are centres of pixels, "half-pixel", and sizes give the scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from littoral.tflite.options.shape import ResizeBilinearOptions, ResizeNearestNeighborOptions
from littoral.webnn.program import Array, Call
from littoral.webnn.to_model.emitter import Emitter
from littoral.webnn.to_model.moves import move, numbers, pick
from littoral.webnn.to_model.shapes import Shape, swapped
from littoral.webnn.to_model.types import F32, I8, U8

if TYPE_CHECKING:
    from littoral.webnn.to_model import Lowering

_RESIZED_AS_THEY_ARE = {F32, I8, U8}
"""What RESIZE_NEAREST_NEIGHBOR takes."""


def _resample(emitter: Emitter, call: Call) -> int:
    source = emitter.take(call.arguments["input"])
    shape = emitter.described(call.outputs[0]).shape
    if shape == emitter.shape(source):
        return source
    first, second = sorted(numbers(call, "axes"))
    if call.options["mode"] == "linear":
        return _linear(emitter, source, (first, second), shape)
    sizes = [(emitter.shape(source)[axis], shape[axis]) for axis in (first, second)]
    wanted = [_nearest(*size) for size in sizes]
    for half in (False, True):  # OpenVINO takes only those from the corner, which those by whole numbers are
        found = [_kernels_nearest(*size, 0.5 if half else 0) for size in sizes]
        if all(map(np.array_equal, found, wanted)) and emitter.type(source) in _RESIZED_AS_THEY_ARE:
            options = ResizeNearestNeighborOptions(half_pixel_centers=half)
            return _resize(emitter, "RESIZE_NEAREST_NEIGHBOR", source, (first, second), shape, options)
    return pick(emitter, pick(emitter, source, wanted[0], first), wanted[1], second)


def _nearest(size: int, new: int) -> Array:
    """The standard's ceil((x + 0.5) * size / new - 1), in integers: halves go down."""
    positions = -(-((2 * np.arange(new) + 1) * size - 2 * new) // (2 * new))
    return np.clip(positions, 0, size - 1)


def _kernels_nearest(size: int, new: int, offset: float) -> Array:
    """What LiteRT's kernel takes instead: floor((x + offset) * size / new) in float32, where halves go up."""
    scale = np.float32(size) / np.float32(new)
    positions = np.floor((np.arange(new, dtype=np.float32) + np.float32(offset)) * scale)
    found: Array = np.clip(positions.astype(np.int64), 0, size - 1)
    return found


def _linear(emitter: Emitter, source: int, axes: tuple[int, int], shape: Shape) -> int:
    """By RESIZE_BILINEAR of float32; integers are rounded, halves to even."""
    kind = emitter.type(source)
    options = ResizeBilinearOptions(half_pixel_centers=True)
    result = _resize(emitter, "RESIZE_BILINEAR", emitter.cast(source, F32), axes, shape, options)
    if kind in (I8, U8):
        result = emitter.emit("ROUND", (result,), shape)
    return emitter.cast(result, kind)


def _resize(
    emitter: Emitter,
    name: str,
    source: int,
    axes: tuple[int, int],
    shape: Shape,
    options: ResizeBilinearOptions | ResizeNearestNeighborOptions,
) -> int:
    """Two axes resized by a kernel that has them in the middle of four.

    Transposes meet those of neighbours; one channel for all, by a reshape, makes the kernel move single numbers.
    """
    before, after = (axis for axis in range(4) if axis not in axes)
    order = (before, *axes, after)
    inputs = (emitter.transpose(source, order), emitter.indices([shape[axis] for axis in axes]))
    return emitter.transpose(
        move(emitter, name, inputs, [shape[axis] for axis in order], options, version=3), swapped(order)
    )


LOWERINGS: dict[str, Lowering] = {"resample2d": _resample}
