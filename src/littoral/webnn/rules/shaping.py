"""Shapes: concat, expand, pad, reshape, reverse, slice, split, tile, transpose, triangular."""

from __future__ import annotations

from math import prod
from typing import cast

from littoral.webnn.program import Descriptor
from littoral.webnn.rules.given import MOST_TENSORS, Given, Rule, Shape, broadcasts_to


def _shaped(given: Given, shape: Shape) -> list[Descriptor]:
    return [Descriptor(given["input"].data_type, shape)]


def _concat(given: Given) -> list[Descriptor]:
    inputs = given.all("inputs")
    if not 0 < len(inputs) <= MOST_TENSORS:
        given.fail("inputs", f"are {len(inputs)}, and must be 1 to {MOST_TENSORS}")
    first = inputs[0]
    axis = given.axis(len(first.shape))
    for n, each in enumerate(inputs):
        if each.data_type != first.data_type:
            given.fail(f"inputs[{n}]", f"is {each.data_type}, and the first is {first.data_type}")
        if len(each.shape) != len(first.shape) or _but(each.shape, axis) != _but(first.shape, axis):
            words = f"has shape {list(each.shape)}, and the first {list(first.shape)}: only axis {axis} may differ"
            given.fail(f"inputs[{n}]", words)
    total = sum(each.shape[axis] for each in inputs)
    return [Descriptor(first.data_type, (*first.shape[:axis], total, *first.shape[axis + 1 :]))]


def _but(shape: Shape, axis: int) -> Shape:
    return (*shape[:axis], *shape[axis + 1 :])


def _expand(given: Given) -> list[Descriptor]:
    shape = given.numbers("newShape")
    if not broadcasts_to(given["input"].shape, shape):
        given.fail("newShape", f"is {list(shape)}, to which {list(given['input'].shape)} does not broadcast")
    return _shaped(given, shape)


def _pad(given: Given) -> list[Descriptor]:
    shape = given["input"].shape
    before = given.numbers("beginningPadding", count=len(shape))
    after = given.numbers("endingPadding", count=len(shape))
    given.cast_option("value", given["input"].data_type)
    if given.word("mode") == "reflection":
        for name, amounts in (("beginningPadding", before), ("endingPadding", after)):
            if any(amount >= size for amount, size in zip(amounts, shape, strict=True)):
                given.fail(
                    name, f"is {list(amounts)}, and must be less than the input's shape, {list(shape)}, to reflect it"
                )
    return _shaped(given, tuple(b + size + a for b, size, a in zip(before, shape, after, strict=True)))


def _reshape(given: Given) -> list[Descriptor]:
    shape, source = given.numbers("newShape"), given["input"].shape
    if prod(shape) != prod(source):
        words = f"is {list(shape)}, {prod(shape)} elements, and the input has {prod(source)}, of shape {list(source)}"
        given.fail("newShape", words)
    return _shaped(given, shape)


def _reverse(given: Given) -> list[Descriptor]:
    rank = len(given["input"].shape)
    given.axes(rank, range(rank))
    return [given["input"]]


def _slice(given: Given) -> list[Descriptor]:
    shape = given["input"].shape
    starts = given.numbers("starts", count=len(shape))
    sizes = given.numbers("sizes", count=len(shape))
    strides = given.numbers("strides", (1,) * len(shape), len(shape))
    if 0 in sizes:
        given.fail("sizes", f"are {list(sizes)}, and none may be 0")
    if 0 in strides:
        given.fail("strides", f"are {list(strides)}, and none may be 0")
    if any(start + size > whole for start, size, whole in zip(starts, sizes, shape, strict=True)):
        given.fail("sizes", f"are {list(sizes)} from {list(starts)}, beyond the input's shape, {list(shape)}")
    return _shaped(given, tuple(-(-size // stride) for size, stride in zip(sizes, strides, strict=True)))


def _split(given: Given) -> list[Descriptor]:
    source = given["input"]
    axis = given.axis(len(source.shape))
    whole, splits = source.shape[axis], given.arguments["splits"]
    if isinstance(splits, int):
        if not 0 < splits <= MOST_TENSORS or whole % splits:
            given.fail("splits", f"is {splits}, which does not divide {whole}, the input's size in axis {axis}")
        sizes: Shape = (whole // splits,) * splits
    else:
        sizes = cast(Shape, splits)
        if not 0 < len(sizes) <= MOST_TENSORS or 0 in sizes or sum(sizes) != whole:
            given.fail("splits", f"are {list(sizes)}, and must be positive and add up to {whole}")
    return [Descriptor(source.data_type, (*source.shape[:axis], size, *source.shape[axis + 1 :])) for size in sizes]


def _tile(given: Given) -> list[Descriptor]:
    shape = given["input"].shape
    times = given.numbers("repetitions", count=len(shape))
    if 0 in times:
        given.fail("repetitions", f"are {list(times)}, and none may be 0")
    return _shaped(given, tuple(size * n for size, n in zip(shape, times, strict=True)))


def _transpose(given: Given) -> list[Descriptor]:
    shape = given["input"].shape
    order = given.numbers("permutation", tuple(reversed(range(len(shape)))), len(shape))
    if sorted(order) != list(range(len(shape))):
        given.fail("permutation", f"is {list(order)}, and must have each axis of the input's {len(shape)} once")
    return _shaped(given, tuple(shape[axis] for axis in order))


RULES: dict[str, Rule] = {
    "concat": _concat,
    "expand": _expand,
    "pad": _pad,
    "reshape": _reshape,
    "reverse": _reverse,
    "slice": _slice,
    "split": _split,
    "tile": _tile,
    "transpose": _transpose,
}
