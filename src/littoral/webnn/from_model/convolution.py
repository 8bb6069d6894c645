"""Convolutions, pooling, matrix products. WebNN's nhwc layout with TFLite's own order of filters: nothing is moved."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from littoral.tflite import Padding
from littoral.webnn.from_model.node import Node
from littoral.webnn.from_model.unmapped import Unmapped
from littoral.webnn.program import Ref, Value

_HEIGHT, _WIDTH = 1, 2
_MOST_CHANNELS = 4096  # of a normalization: the band has their square


def _same(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Padding of SAME before and after: the odd one comes after."""
    total = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def _window(node: Node, kernel: tuple[int, int]) -> dict[str, Value]:
    """Padding, strides and dilations of a window of some height and width over the first input."""
    strides = (node.option("stride_h"), node.option("stride_w"))
    dilations = (node.option("dilation_h_factor", 1), node.option("dilation_w_factor", 1))
    shape = node.shape(0)
    padding = (0, 0, 0, 0)
    if node.option("padding") is Padding.SAME:
        sizes = zip((shape[_HEIGHT], shape[_WIDTH]), kernel, strides, dilations, strict=True)
        (top, bottom), (left, right) = (_same(*each) for each in sizes)
        padding = (top, bottom, left, right)
    return {"padding": padding, "strides": strides, "dilations": dilations}


def _rank_4(node: Node, *positions: int) -> None:
    for position in positions:
        if len(node.shape(position)) != 4:
            raise Unmapped(f"its input {position} has {len(node.shape(position))} dimensions, not 4", "Reshape it")


def _bias(node: Node, position: int) -> dict[str, Value]:
    return {"bias": node.real(position, (prod(node.shape(position)),))} if node.has(position) else {}


def _conv(node: Node) -> None:
    _rank_4(node, 0, 1)
    _, height, width, channels = node.shape(1)
    if not channels or node.shape(0)[3] % channels:
        raise Unmapped(f"its filter takes {channels} channels of {node.shape(0)[3]}", "Convert the model again")
    result = node.call(
        "conv2d",
        input=node.real(0),
        filter=node.real(1),
        **_window(node, (height, width)),
        **_bias(node, 2),
        groups=node.shape(0)[3] // channels,
        inputLayout="nhwc",
        filterLayout="ohwi",
    )
    node.put(node.activated(result))


def _depthwise(node: Node) -> None:
    _rank_4(node, 0, 1)
    _, height, width, _ = node.shape(1)
    result = node.call(
        "conv2d",
        input=node.real(0),
        filter=node.real(1),
        **_window(node, (height, width)),
        **_bias(node, 2),
        groups=node.shape(0)[3],
        inputLayout="nhwc",
        filterLayout="ihwo",
    )
    node.put(node.activated(result))


def _transposed(node: Node) -> None:
    """Inputs are the output's shape, filter (ohwi), input, bias. What SAME cuts off is padding here.

    Sizes that are no multiple of the stride are cut out of the whole: Chromium builds no graph with such a padding.
    """
    _rank_4(node, 1, 2)
    wanted = node.numbers(0, "output shape")[1:3]
    kernel, strides = node.shape(1)[1:3], (node.option("stride_h"), node.option("stride_w"))
    before, after, extra = [0, 0], [0, 0], [0, 0]
    for n, (size, stride) in enumerate(zip(wanted, strides, strict=True)):
        if node.option("padding") is Padding.SAME:
            before[n], after[n] = _same(size, kernel[n], stride, 1)
        extra[n] = size + before[n] + after[n] - (node.shape(2)[n + 1] - 1) * stride - kernel[n]
        if not 0 <= extra[n] < stride:
            raise Unmapped(f"its output of {size} does not come of {node.shape(2)[n + 1]}", "Convert the model again")
    even = all(size == given * stride for size, given, stride in zip(wanted, node.shape(2)[1:3], strides, strict=True))
    padding = (before[0], after[0], before[1], after[1]) if even else (0, 0, 0, 0)
    sizes = tuple(wanted) if even else tuple(map(sum, zip(wanted, before, after, strict=True)))
    result = node.call(
        "convTranspose2d",
        input=node.real(2),
        filter=node.real(1),
        **_bias(node, 3),
        padding=padding,
        strides=strides,
        outputSizes=sizes,
        inputLayout="nhwc",
        filterLayout="ohwi",
    )
    node.put(node.activated(_cropped(node, result, before, wanted)))


def _cropped(node: Node, ref: Ref, starts: Sequence[int], sizes: Sequence[int]) -> Ref:
    batch, height, width, channels = node.shape_of(ref)
    if (height, width) == tuple(sizes):
        return ref
    return node.call("slice", input=ref, starts=(0, *starts, 0), sizes=(batch, *sizes, channels))


def _pooled(node: Node, operation: str, source: Ref) -> Ref:
    _rank_4(node, 0)
    size = (node.option("filter_height"), node.option("filter_width"))
    return node.call(operation, input=source, windowDimensions=size, **_window(node, size), layout="nhwc")


def _average_pool(node: Node) -> None:
    node.put(node.activated(_pooled(node, "averagePool2d", node.real(0))))


def _max_pool(node: Node) -> None:
    node.put(node.activated(_pooled(node, "maxPool2d", node.real(0))))


def _l2_pool(node: Node) -> None:
    """The root of the mean of squares: WebNN's l2Pool2d takes the root of their sum."""
    source = node.real(0)
    mean = _pooled(node, "averagePool2d", node.call("mul", a=source, b=source))
    node.put(node.activated(node.call("sqrt", input=mean)))


def _fully_connected(node: Node) -> None:
    if node.option("weights_format"):
        raise Unmapped("its weights are shuffled for one kernel", "Convert the model again")
    outputs, inputs = node.shape(1)
    source = node.shape(0)
    if prod(source) % inputs:
        raise Unmapped(f"its input of {list(source)} has no rows of {inputs}", "Convert the model again")
    bias = {"c": node.real(2, (outputs,))} if node.has(2) else {}
    rows = prod(source) // inputs
    result = node.call("gemm", a=node.real(0, (rows, inputs)), b=node.real(1), **bias, bTranspose=True)
    shape = (*source[:-1], outputs) if node.option("keep_num_dims") else (rows, outputs)
    node.put_as(node.activated(result), shape)


def _matmul(node: Node) -> None:
    factors = [node.real(0), node.real(1)]
    for position, flag in enumerate(("adj_x", "adj_y")):
        if node.option(flag):
            rank = len(node.shape(position))
            order = (*range(rank - 2), rank - 1, rank - 2)
            factors[position] = node.call("transpose", input=factors[position], permutation=order)
    node.put(node.call("matmul", a=factors[0], b=factors[1]))


def _local_response_normalization(node: Node) -> None:
    """X * (bias + alpha * sum of squares of near channels) ^ -beta; the sums are one product with a band of ones."""
    radius, channels = node.option("radius"), node.shape(0)[-1]
    if channels > _MOST_CHANNELS:
        raise Unmapped(f"it has {channels} channels", f"At most {_MOST_CHANNELS}")
    source = node.real(0)
    near = np.abs(np.subtract.outer(np.arange(channels), np.arange(channels))) <= radius
    squares = node.reshape(node.call("mul", a=source, b=source), (prod(node.shape(0)) // channels, channels))
    sums = node.call(
        "gemm",
        a=squares,
        b=node.constant(near),
        c=node.constant(node.option("bias")),
        alpha=float(node.option("alpha")),
    )
    factor = node.call("pow", a=node.reshape(sums, node.shape(0)), b=node.constant(-node.option("beta")))
    node.put(node.call("mul", a=source, b=factor))


LOWERINGS = {
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "TRANSPOSE_CONV": _transposed,
    "AVERAGE_POOL_2D": _average_pool,
    "MAX_POOL_2D": _max_pool,
    "L2_POOL_2D": _l2_pool,
    "FULLY_CONNECTED": _fully_connected,
    "BATCH_MATMUL": _matmul,
    "LOCAL_RESPONSE_NORMALIZATION": _local_response_normalization,
}
