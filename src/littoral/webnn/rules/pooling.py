"""Pooling and resampling of pictures."""

from __future__ import annotations

from math import floor

from littoral.webnn.program import Descriptor
from littoral.webnn.rules.convolution import by_letter, window_options
from littoral.webnn.rules.given import LARGEST_DIMENSION, Given, Rule


def _pool(given: Given) -> list[Descriptor]:
    # Two steps of the draft are left out, as the test-suite contradicts them: that padding is ignored where output
    # sizes are given, and that those must be smaller than the strides.
    source = by_letter(given.word("layout"), given["input"].shape)
    window = given.numbers("windowDimensions", (source["h"], source["w"]), 2)
    if 0 in window:
        given.fail("windowDimensions", f"are {list(window)}, and none may be 0")
    padding, strides, dilations = window_options(given)
    room = [
        source[letter] - (window[n] - 1) * dilations[n] - 1 + sum(padding[2 * n : 2 * n + 2])
        for n, letter in enumerate("hw")
    ]
    down = [left // stride + 1 for left, stride in zip(room, strides, strict=True)]
    up = [-(-left // stride) + 1 for left, stride in zip(room, strides, strict=True)]
    sizes = down if given.word("outputShapeRounding") == "floor" else up
    if "outputSizes" in given:
        sizes = list(given.numbers("outputSizes", count=2))
        if sizes not in (down, up):
            given.fail("outputSizes", f"are {sizes}, and must be {down} or {up}")
    if min(sizes) < 1:
        given.fail("windowDimensions", f"are {list(window)}, more than the padded input")
    dimensions = {**source, "h": sizes[0], "w": sizes[1]}
    return [Descriptor(given["input"].data_type, tuple(dimensions[letter] for letter in given.word("layout")))]


def _resample(given: Given) -> list[Descriptor]:
    source = given["input"]
    scales = given.doubles("scales", (1.0, 1.0), 2)
    if min(scales) <= 0:
        given.fail("scales", f"are {list(scales)}, and must be positive")
    axes = given.axes(len(source.shape), (2, 3), 2)
    if "sizes" in given:
        sizes = given.numbers("sizes", count=2)
    else:
        larger = (source.shape[axis] * scale for axis, scale in zip(axes, scales, strict=True))
        sizes = tuple(floor(min(size, LARGEST_DIMENSION + 1)) for size in larger)
    shape = list(source.shape)
    for axis, size in zip(axes, sizes, strict=True):
        shape[axis] = size
    return [Descriptor(source.data_type, tuple(shape))]


RULES: dict[str, Rule] = {
    "averagePool2d": _pool,
    "l2Pool2d": _pool,
    "maxPool2d": _pool,
    "resample2d": _resample,
}
