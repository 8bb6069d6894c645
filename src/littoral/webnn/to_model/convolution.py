"""conv2d and convTranspose2d."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from littoral.tflite.enums import Padding
from littoral.tflite.options.convolution import Conv2DOptions, DepthwiseConv2DOptions, TransposeConvOptions
from littoral.tflite.options.selection import SliceOptions
from littoral.tflite.options.shape import ConcatenationOptions, DilateOptions
from littoral.webnn.program import Call
from littoral.webnn.to_model.emitter import Emitter, UnfitError
from littoral.webnn.to_model.kernels import add
from littoral.webnn.to_model.moves import number, numbers
from littoral.webnn.to_model.scales import product_scale
from littoral.webnn.to_model.windows import Window, padded, pair, to_layout, window

if TYPE_CHECKING:
    from littoral.webnn.to_model import Lowering


def _conv2d(emitter: Emitter, call: Call) -> int:
    """One CONV_2D or DEPTHWISE_CONV_2D, but for padding that these do not know."""
    layout, filter_layout = str(call.options["inputLayout"]), str(call.options["filterLayout"])
    groups = number(call, "groups")
    x = to_layout(emitter, emitter.take_float(call.arguments["input"]), layout, "nhwc")
    weights = emitter.take_float(call.arguments["filter"])
    sizes = dict(zip(filter_layout, emitter.shape(weights), strict=True))
    bias = _bias(emitter, call, x, weights, sizes["o"])
    shape = emitter.described(call.outputs[0]).shape
    output = tuple(shape[layout.index(letter)] for letter in "nhwc")
    view = window(call, (sizes["h"], sizes["w"]))
    source = emitter.shape(x)[1:3]
    padding = view.padding(source, output[1:3])
    if padding is None:
        x, padding = padded(emitter, x, view.begin, view.end(source, output[1:3])), Padding.VALID
    if groups > 1 and sizes["i"] == 1 and groups == emitter.shape(x)[3]:
        y = _depthwise(emitter, x, to_layout(emitter, weights, filter_layout, "ihwo"), bias, view, padding, output)
    else:
        weights = to_layout(emitter, weights, filter_layout, "ohwi")
        y = emitter.emit("CONV_2D", (x, weights, bias), output, None, _options(Conv2DOptions(), view, padding))
    return emitter.give(call, to_layout(emitter, y, "nhwc", layout))


def _depthwise(
    emitter: Emitter, x: int, weights: int, bias: int, view: Window, padding: Padding, output: tuple[int, ...]
) -> int:
    multiplier = emitter.shape(weights)[3] // emitter.shape(x)[3]
    options = _options(DepthwiseConv2DOptions(depth_multiplier=multiplier), view, padding)
    return emitter.emit("DEPTHWISE_CONV_2D", (x, weights, bias), output, None, options)


def _options(
    options: Conv2DOptions | DepthwiseConv2DOptions, view: Window, padding: Padding
) -> Conv2DOptions | DepthwiseConv2DOptions:
    return options.replaced(
        padding=padding,
        stride_h=view.strides[0],
        stride_w=view.strides[1],
        dilation_h_factor=view.dilations[0],
        dilation_w_factor=view.dilations[1],
    )


def _bias(emitter: Emitter, call: Call, x: int, weights: int, channels: int) -> int:
    """What is given, or zeros: of the product's scale, where that is quantized."""
    if "bias" in call.options:
        return emitter.take_float(call.options["bias"])
    if not emitter.quantizing:
        return emitter.constant(np.zeros(channels, np.float32))
    return emitter.constant(np.zeros(channels, np.int32), quantization=product_scale(emitter, x, weights))


def _conv_transpose2d(emitter: Emitter, call: Call) -> int:
    """A TRANSPOSE_CONV of each group that gives what the uncut picture would be, and what lies within of that."""
    layout, filter_layout = str(call.options["inputLayout"]), str(call.options["filterLayout"])
    groups = number(call, "groups")
    if emitter.quantizing:
        raise UnfitError
    x = to_layout(emitter, emitter.take_float(call.arguments["input"]), layout, "nhwc")
    weights = to_layout(emitter, emitter.take_float(call.arguments["filter"]), filter_layout, "ohwi")
    dilations = pair(call, "dilations")
    weights = _dilated(emitter, weights, dilations)
    shape = emitter.described(call.outputs[0]).shape
    output = tuple(shape[layout.index(letter)] for letter in "nhwc")
    parts = [
        _one_group(emitter, call, part, kernel, output)
        for part, kernel in zip(_split(emitter, x, groups, 3), _split(emitter, weights, groups, 3), strict=True)
    ]
    y = parts[0]
    if groups > 1:
        joined = (*emitter.shape(y)[:3], output[3])
        y = emitter.emit("CONCATENATION", parts, joined, None, ConcatenationOptions(axis=3))
    if "bias" in call.options:
        y = add(emitter, y, emitter.take_float(call.options["bias"]))
    return emitter.give(call, to_layout(emitter, y, "nhwc", layout))


def _one_group(emitter: Emitter, call: Call, x: int, weights: int, output: tuple[int, ...]) -> int:
    n, h, w, _ = emitter.shape(x)
    channels, high, wide, _ = emitter.shape(weights)
    strides = pair(call, "strides")
    top, _, left, _ = numbers(call, "padding")
    begin = top, left
    uncut = [
        max((size - 1) * stride + reach, first + wanted)
        for size, stride, reach, first, wanted in zip((h, w), strides, (high, wide), begin, output[1:3], strict=True)
    ]
    shape = (n, *uncut, channels)
    options = TransposeConvOptions(padding=Padding.VALID, stride_h=strides[0], stride_w=strides[1])
    y = emitter.emit("TRANSPOSE_CONV", (emitter.indices(shape), weights, x), shape, emitter.type(x), options)
    wanted = (n, *output[1:3], channels)
    if wanted == shape:
        return y
    return emitter.emit(
        "SLICE", (y, emitter.indices((0, *begin, 0)), emitter.indices(wanted)), wanted, None, SliceOptions()
    )


def _dilated(emitter: Emitter, weights: int, dilations: tuple[int, int]) -> int:
    """A filter [o, h, w, i] with zeros between its elements."""
    if dilations == (1, 1):
        return weights
    o, h, w, i = emitter.shape(weights)
    shape = (o, (h - 1) * dilations[0] + 1, (w - 1) * dilations[1] + 1, i)
    value = emitter.value(weights)
    if value is not None:
        spread = np.zeros(shape, value.dtype)
        spread[:, :: dilations[0], :: dilations[1]] = value
        return emitter.constant(spread)
    inputs = (weights, emitter.indices((1, *dilations, 1)), emitter.number(0.0))
    return emitter.emit("DILATE", inputs, shape, None, DilateOptions())


def _split(emitter: Emitter, x: int, count: int, axis: int) -> list[int]:
    """Equal parts along an axis."""
    if count == 1:
        return [x]
    value = emitter.value(x)
    if value is not None:
        return [emitter.constant(part) for part in np.split(value, count, axis)]
    shape = list(emitter.shape(x))
    shape[axis] //= count
    parts = []
    for n in range(count):
        begin = [n * shape[axis] if other == axis else 0 for other in range(len(shape))]
        parts.append(
            emitter.emit("SLICE", (x, emitter.indices(begin), emitter.indices(shape)), shape, None, SliceOptions())
        )
    return parts


LOWERINGS: dict[str, Lowering] = {"conv2d": _conv2d, "convTranspose2d": _conv_transpose2d}
