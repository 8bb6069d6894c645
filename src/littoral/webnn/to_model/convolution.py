"""conv2d and convTranspose2d."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from littoral.tflite.enums import Padding
from littoral.tflite.options.convolution import Conv2DOptions, DepthwiseConv2DOptions, TransposeConvOptions
from littoral.tflite.options.shape import DilateOptions
from littoral.webnn.program import Call
from littoral.webnn.to_model.emitter import Emitter, UnfitError
from littoral.webnn.to_model.moves import join, number, numbers
from littoral.webnn.to_model.scales import product_scale
from littoral.webnn.to_model.slicing import cut
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
    """One TRANSPOSE_CONV for each group."""
    layout, filter_layout = str(call.options["inputLayout"]), str(call.options["filterLayout"])
    groups = number(call, "groups")
    x = to_layout(emitter, emitter.take_float(call.arguments["input"]), layout, "nhwc")
    weights = to_layout(emitter, emitter.take_float(call.arguments["filter"]), filter_layout, "ohwi")
    weights = _dilated(emitter, weights, pair(call, "dilations"))
    shape = emitter.described(call.outputs[0]).shape
    output = tuple(shape[layout.index(letter)] for letter in "nhwc")
    bias = emitter.take_float(call.options["bias"]) if "bias" in call.options else None
    parts = [
        _one_group(emitter, call, (part, kernel, offset), output[1:3])
        for part, kernel, offset in zip(
            _split(emitter, x, groups, 3),
            _split(emitter, weights, groups, 3),
            [None] * groups if bias is None else _split(emitter, bias, groups, 0),
            strict=True,
        )
    ]
    return emitter.give(call, to_layout(emitter, join(emitter, parts, 3), "nhwc", layout))


def _one_group(emitter: Emitter, call: Call, given: tuple[int, int, int | None], output: Sequence[int]) -> int:
    """The kernel knows padding SAME and none: of other padding, the uncut picture is computed, and cut."""
    x, weights, bias = given
    n, *source, _ = emitter.shape(x)
    channels, *size, _ = emitter.shape(weights)
    strides, (top, _, left, _) = pair(call, "strides"), numbers(call, "padding")
    begin = (top, left)
    reached = [(source[axis] - 1) * strides[axis] + size[axis] for axis in range(2)]
    totals = [reached[axis] - output[axis] for axis in range(2)]
    same = all(
        totals[axis] >= 0 and begin[axis] == totals[axis] // 2 and source[axis] == -(-output[axis] // strides[axis])
        for axis in range(2)
    )
    uncut = output if same else [max(reached[axis], begin[axis] + output[axis]) for axis in range(2)]
    padding = Padding.SAME if same and any(totals) else Padding.VALID
    shape, wanted = (n, *uncut, channels), (n, *output, channels)
    options = TransposeConvOptions(padding=padding, stride_h=strides[0], stride_w=strides[1])
    inputs = (emitter.indices(shape), weights, x) if bias is None else (emitter.indices(shape), weights, x, bias)
    y = emitter.emit("TRANSPOSE_CONV", inputs, shape, emitter.type(x), options, 1 if bias is None else 3)
    if shape == wanted:
        return y
    if emitter.quantizing:
        raise UnfitError
    return cut(emitter, y, (0, *begin, 0), wanted)


def _dilated(emitter: Emitter, weights: int, dilations: tuple[int, int]) -> int:
    """A filter [o, h, w, i] with zeros between its elements."""
    if dilations == (1, 1):
        return weights
    if emitter.quantizing:
        raise UnfitError
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
    if emitter.quantizing:
        raise UnfitError
    shape = list(emitter.shape(x))
    shape[axis] //= count
    begins = ([n * shape[axis] if other == axis else 0 for other in range(len(shape))] for n in range(count))
    return [cut(emitter, x, begin, shape) for begin in begins]


LOWERINGS: dict[str, Lowering] = {"conv2d": _conv2d, "convTranspose2d": _conv_transpose2d}
