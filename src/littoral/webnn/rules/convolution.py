"""conv2d and convTranspose2d."""

from __future__ import annotations

from littoral.webnn.program import Descriptor
from littoral.webnn.rules.given import Given, Rule, Shape


def window_options(given: Given) -> tuple[Shape, Shape, Shape]:
    """Padding [top, bottom, left, right], strides and dilations, filled in where they are left out."""
    padding = given.numbers("padding", (0, 0, 0, 0), 4)
    strides = given.numbers("strides", (1, 1), 2)
    dilations = given.numbers("dilations", (1, 1), 2)
    for name, values in (("strides", strides), ("dilations", dilations)):
        if 0 in values:
            given.fail(name, f"are {list(values)}, and none may be 0")
    return padding, strides, dilations


def by_letter(layout: str, shape: Shape) -> dict[str, int]:
    """The dimensions of a shape by the letters of its layout: {"n": 1, "c": 3, ...}."""
    return dict(zip(layout, shape, strict=True))


def _conv2d(given: Given) -> list[Descriptor]:
    padding, strides, dilations = window_options(given)
    groups = _groups(given)
    source = by_letter(given.word("inputLayout"), given["input"].shape)
    kernel = by_letter(given.word("filterLayout"), given["filter"].shape)
    if source["c"] % groups:
        given.fail("groups", f"is {groups}, which does not divide the input's {source['c']} channels")
    if source["c"] // groups != kernel["i"]:
        words = f"takes {kernel['i']} input channels a group, and the input has {source['c']} in {groups} group(s)"
        given.fail("filter", words)
    if kernel["o"] % groups:
        given.fail("groups", f"is {groups}, which does not divide the filter's {kernel['o']} output channels")
    given.expect_shape("bias", (kernel["o"],))
    sizes = [
        (source[letter] - (kernel[letter] - 1) * dilations[n] - 1 + sum(padding[2 * n : 2 * n + 2])) // strides[n] + 1
        for n, letter in enumerate("hw")
    ]
    return [_output(given, source["n"], kernel["o"], sizes)]


def _conv_transpose2d(given: Given) -> list[Descriptor]:
    padding, strides, dilations = window_options(given)
    groups = _groups(given)
    source = by_letter(given.word("inputLayout"), given["input"].shape)
    kernel = by_letter(given.word("filterLayout"), given["filter"].shape)
    if source["c"] != kernel["i"]:
        given.fail("filter", f"takes {kernel['i']} input channels, and the input has {source['c']}")
    if source["c"] % groups:
        given.fail("groups", f"is {groups}, which does not divide the input's {source['c']} channels")
    channels = kernel["o"] * groups
    given.expect_shape("bias", (channels,))
    extra = given.numbers("outputPadding", (0, 0), 2)
    least = [
        (source[letter] - 1) * strides[n] + (kernel[letter] - 1) * dilations[n] + 1 - sum(padding[2 * n : 2 * n + 2])
        for n, letter in enumerate("hw")
    ]
    if "outputSizes" in given:
        sizes = list(given.numbers("outputSizes", count=2))
        if any(not low <= size < low + stride for low, size, stride in zip(least, sizes, strides, strict=True)):
            given.fail("outputSizes", f"are {sizes}, and must be from {least} to less than the strides more")
    else:
        if any(more >= stride for more, stride in zip(extra, strides, strict=True)):
            given.fail("outputPadding", f"is {list(extra)}, and must be less than the strides, {list(strides)}")
        sizes = [low + more for low, more in zip(least, extra, strict=True)]
    return [_output(given, source["n"], channels, sizes)]


def _groups(given: Given) -> int:
    groups = given.number("groups")
    if groups == 0:
        given.fail("groups", "is 0")
    return groups


def _output(given: Given, batch: int, channels: int, sizes: list[int]) -> Descriptor:
    if min(sizes) < 1:
        given.fail("filter", f"reaches beyond the padded input: the output would be {sizes[0]} x {sizes[1]}")
    dimensions = {"n": batch, "c": channels, "h": sizes[0], "w": sizes[1]}
    return Descriptor(given["input"].data_type, tuple(dimensions[letter] for letter in given.word("inputLayout")))


RULES: dict[str, Rule] = {"conv2d": _conv2d, "convTranspose2d": _conv_transpose2d}
