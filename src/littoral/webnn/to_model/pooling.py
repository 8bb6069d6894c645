"""averagePool2d, l2Pool2d and maxPool2d."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from littoral.tflite.enums import Padding, ReduceWindowFunction
from littoral.tflite.options.convolution import DepthwiseConv2DOptions, Pool2DOptions
from littoral.tflite.options.reduction import ReduceWindowOptions
from littoral.webnn.program import Array, Call
from littoral.webnn.to_model.emitter import Emitter, UnfitError
from littoral.webnn.to_model.kernels import multiply, square_root
from littoral.webnn.to_model.shapes import Shape
from littoral.webnn.to_model.types import F32, from_ordered, ordered
from littoral.webnn.to_model.windows import Window, lowest, padded, pair, to_layout, window

if TYPE_CHECKING:
    from littoral.webnn.to_model import Lowering


def _average(emitter: Emitter, call: Call) -> int:
    """Padding does not count: where a kernel would count it, the sum is divided by what is in the picture."""
    x, view, output = _given(emitter, call, emitter.take_float(call.arguments["input"]))
    if view.dilations == (1, 1) and (padding := view.padding(emitter.shape(x)[1:3], output[1:3])) is not None:
        return _returned(emitter, call, _pool(emitter, "AVERAGE_POOL_2D", x, view, padding, output))
    if emitter.quantizing:
        raise UnfitError
    counts = _counts(emitter.shape(x)[1:3], view, output[1:3])
    total = _sum(emitter, x, view, output)
    return _returned(emitter, call, multiply(emitter, total, emitter.constant((1 / counts).astype(np.float32))))


def _l2(emitter: Emitter, call: Call) -> int:
    """The root of the sum of squares."""
    x, view, output = _given(emitter, call, emitter.take_float(call.arguments["input"]))
    total = _sum(emitter, multiply(emitter, x, x), view, output)
    return _returned(emitter, call, square_root(emitter, total))


def _max(emitter: Emitter, call: Call) -> int:
    source = emitter.take(call.arguments["input"])
    x, view, output = _given(emitter, call, ordered(emitter, source))
    padding = view.padding(emitter.shape(x)[1:3], output[1:3])
    if view.dilations != (1, 1) or (emitter.type(x) != F32 and not emitter.quantizing):
        y = _slow_max(emitter, _bordered(emitter, x, view, output, lowest(emitter.type(x))), view, output)
    elif padding is not None:
        y = _pool(emitter, "MAX_POOL_2D", x, view, padding, output)
    else:
        bordered = _bordered(emitter, x, view, output, lowest(emitter.type(x)))
        y = _pool(emitter, "MAX_POOL_2D", bordered, view, Padding.VALID, output)
    layout = str(call.options["layout"])
    return from_ordered(emitter, to_layout(emitter, y, "nhwc", layout), emitter.type(source))


def _given(emitter: Emitter, call: Call, x: int) -> tuple[int, Window, Shape]:
    """The picture [n, h, w, c], the window, and the output's shape in the same order."""
    layout = str(call.options["layout"])
    shape = emitter.described(call.outputs[0]).shape
    output = tuple(shape[layout.index(letter)] for letter in "nhwc")
    return to_layout(emitter, x, layout, "nhwc"), window(call, pair(call, "windowDimensions")), output


def _returned(emitter: Emitter, call: Call, y: int) -> int:
    return emitter.give(call, to_layout(emitter, y, "nhwc", str(call.options["layout"])))


def _pool(emitter: Emitter, name: str, x: int, view: Window, padding: Padding, output: Shape) -> int:
    options = Pool2DOptions(
        padding=padding,
        stride_h=view.strides[0],
        stride_w=view.strides[1],
        filter_height=view.size[0],
        filter_width=view.size[1],
    )
    return emitter.emit(name, (x,), output, None, options)


def _sum(emitter: Emitter, x: int, view: Window, output: Shape) -> int:
    """Of each window; padding is 0. Windows with gaps are those of a convolution."""
    x = _bordered(emitter, x, view, output, 0)
    if view.dilations == (1, 1):
        mean = _pool(emitter, "AVERAGE_POOL_2D", x, view, Padding.VALID, output)
        return multiply(emitter, mean, emitter.number(float(view.size[0] * view.size[1])))
    channels = emitter.shape(x)[3]
    ones = emitter.constant(np.ones((1, *view.size, channels), np.float32))
    nothing = emitter.constant(np.zeros(channels, np.float32))
    options = DepthwiseConv2DOptions(
        padding=Padding.VALID,
        stride_h=view.strides[0],
        stride_w=view.strides[1],
        depth_multiplier=1,
        dilation_h_factor=view.dilations[0],
        dilation_w_factor=view.dilations[1],
    )
    return emitter.emit("DEPTHWISE_CONV_2D", (x, ones, nothing), output, None, options)


def _slow_max(emitter: Emitter, x: int, view: Window, output: Shape) -> int:
    """For types and gaps that MAX_POOL_2D does not know."""
    start = emitter.number(lowest(emitter.type(x)), emitter.type(x))
    shape, strides, gaps = (
        emitter.constant(np.array((1, *values, 1), np.int64)) for values in (view.size, view.strides, view.dilations)
    )
    options = ReduceWindowOptions(reduce_function=ReduceWindowFunction.MAXIMUM)
    return emitter.emit("REDUCE_WINDOW", (x, start, shape, strides, gaps), output, None, options)


def _bordered(emitter: Emitter, x: int, view: Window, output: Shape, value: float) -> int:
    """The picture with as much border as the windows of the output reach."""
    return padded(emitter, x, view.begin, view.end(emitter.shape(x)[1:3], output[1:3]), value)


def _counts(source: Shape, view: Window, output: Shape) -> Array:
    """How many elements of each window lie in the picture, as [1, h, w, 1]."""
    inside = [_inside(source[axis], view, axis, output[axis]) for axis in range(2)]
    return (inside[0][:, None] * inside[1])[None, :, :, None]


def _inside(size: int, view: Window, axis: int, count: int) -> Array:
    first = np.arange(count)[:, None] * view.strides[axis] - view.begin[axis]
    places = first + np.arange(view.size[axis]) * view.dilations[axis]
    found: Array = np.maximum(((places >= 0) & (places < size)).sum(axis=1), 1)
    return found


LOWERINGS: dict[str, Lowering] = {"averagePool2d": _average, "l2Pool2d": _l2, "maxPool2d": _max}
