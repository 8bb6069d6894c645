"""Cutting out and padding."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from math import prod

import numpy as np

from littoral.tflite.enums import MirrorPadMode
from littoral.webnn.from_model.elementwise import Lowering
from littoral.webnn.from_model.node import Node
from littoral.webnn.from_model.recorder import Shape
from littoral.webnn.from_model.unmapped import Unmapped
from littoral.webnn.program import Array, Ref

Index = tuple["slice | int | None", ...]


def strided_index(node: Node, shape: Shape) -> Index:
    """What STRIDED_SLICE takes of a shape, as numpy's index: slices, an int where an axis goes, None for a new one."""
    begin, end, strides = (node.numbers(n, what) for n, what in ((1, "begin"), (2, "end"), (3, "strides")))

    def masked(mask: str, position: int) -> bool:
        return bool(node.option(mask, 0) >> position & 1)

    named = sum(not masked("new_axis_mask", n) and not masked("ellipsis_mask", n) for n in range(len(begin)))
    index: list[slice | int | None] = []
    for n, (first, last, step) in enumerate(zip(begin, end, strides, strict=True)):
        if masked("ellipsis_mask", n):
            index += [slice(None)] * (len(shape) - named)
        elif masked("new_axis_mask", n):
            index.append(None)
        elif masked("shrink_axis_mask", n):
            index.append(0 if masked("begin_mask", n) else first)
        else:
            last = first + last if node.option("offset", False) else last
            low = None if masked("begin_mask", n) else first
            index.append(slice(low, None if masked("end_mask", n) else last, step))
    return tuple(index) + (slice(None),) * (len(shape) - sum(one is not None for one in index))


def cut(node: Node, source: Ref, index: Index) -> Ref:
    """What an index of numpy takes of an operand; backward steps by reversing first."""
    shape = node.shape_of(source)
    taken = [one for one in index if one is not None]
    ranges = [_range(one, size) for one, size in zip(taken, shape, strict=True)]
    if not all(ranges):
        raise Unmapped("its slice is empty", "WebNN has no empty tensors")
    backward = tuple(axis for axis, one in enumerate(ranges) if one.step < 0)
    if backward:
        source = node.call("reverse", input=source, axes=backward)
    starts = [size - 1 - one[0] if one.step < 0 else one[0] for one, size in zip(ranges, shape, strict=True)]
    steps = tuple(abs(one.step) for one in ranges)
    sizes = tuple((len(one) - 1) * step + 1 for one, step in zip(ranges, steps, strict=True))
    if sizes != shape or any(step != 1 for step in steps):
        source = node.call("slice", input=source, starts=tuple(starts), sizes=sizes, strides=steps)
    lengths = iter([len(one) for one in ranges])
    wanted = [1 if one is None else next(lengths) for one in index]
    return node.reshape(source, [size for size, one in zip(wanted, index, strict=True) if not isinstance(one, int)])


def _range(one: slice | int, size: int) -> range:
    if isinstance(one, slice):
        return range(*one.indices(size))
    if not -size <= one < size:
        raise Unmapped(f"it takes position {one} of {size}", "Convert the model again")
    return range(one % size, one % size + 1)


def _strided_slice(node: Node) -> None:
    (source,) = node.moved((0,))
    node.put(cut(node, source, strided_index(node, node.shape(0))))


def slice_index(node: Node, shape: Shape) -> Index:
    """What SLICE takes of a shape: sizes from some position, -1 for all that is left."""
    begin, sizes = node.numbers(1, "begin"), node.numbers(2, "size")
    ends = (whole if size < 0 else first + size for first, size, whole in zip(begin, sizes, shape, strict=True))
    return tuple(slice(first, last) for first, last in zip(begin, ends, strict=True))


def _slice(node: Node) -> None:
    (source,) = node.moved((0,))
    node.put(cut(node, source, slice_index(node, node.shape(0))))


def _amounts(node: Node, position: int) -> tuple[Shape, Shape]:
    """Before and after each axis."""
    table = node.value(position, "padding").reshape(-1, 2)
    return tuple(int(n) for n in table[:, 0]), tuple(int(n) for n in table[:, 1])


def _padded(node: Node, source: Ref, before: Shape, after: Shape, value: float = 0.0) -> Ref:
    if not any((*before, *after)):
        return source
    return node.call("pad", input=source, beginningPadding=before, endingPadding=after, value=value)


def _pad(node: Node) -> None:
    """Quantized values are padded as real numbers: with what stands for 0, or for the value that is given."""
    value = float(node.real_value(2, "value").ravel()[0]) if node.has(2) else 0.0
    node.put(_padded(node, node.numeric(0), *_amounts(node, 1), value))


def _mirror_pad(node: Node) -> None:
    before, after = _amounts(node, 1)
    if node.option("mode") is MirrorPadMode.REFLECT:
        source = node.numeric(0)
        node.put(node.call("pad", input=source, beginningPadding=before, endingPadding=after, mode="reflection"))
        return
    source = node.numeric(0)
    for axis, amounts in enumerate(zip(before, after, strict=True)):
        source = _mirrored(node, source, axis, *amounts)
    node.put(source)


def _mirrored(node: Node, source: Ref, axis: int, before: int, after: int) -> Ref:
    """With the border's own value repeated, which WebNN's reflection leaves out."""
    size = node.shape_of(source)[axis]
    whole: Index = (slice(None),) * len(node.shape_of(source))

    def turned(part: slice) -> Ref:
        taken = cut(node, source, (*whole[:axis], part, *whole[axis + 1 :]))
        return node.call("reverse", input=taken, axes=(axis,))

    parts = [turned(slice(0, before))] if before else []
    parts.append(source)
    parts += [turned(slice(size - after, size))] if after else []
    return parts[0] if len(parts) == 1 else node.call("concat", inputs=tuple(parts), axis=axis)


def _space_to_batch(node: Node) -> None:
    """Pads, and moves the places within blocks in front of the batch."""
    blocks = node.numbers(1, "block shape")
    before, after = _amounts(node, 2)
    rest = (0,) * (len(node.shape(0)) - 1 - len(blocks))
    source = _padded(node, node.numeric(0), (0, *before, *rest), (0, *after, *rest))
    batch, *sizes = node.shape_of(source)
    count = len(blocks)
    sizes[:count] = [size // block for size, block in zip(sizes, blocks, strict=False)]
    split = chain(*zip(sizes, blocks, strict=False))
    source = node.reshape(source, (batch, *split, *sizes[count:]))
    order = (*range(2, 2 * count + 1, 2), 0, *range(1, 2 * count, 2), *range(2 * count + 1, len(sizes) + count + 1))
    source = node.call("transpose", input=source, permutation=order)
    node.put(node.reshape(source, (batch * prod(blocks), *sizes)))


def _batch_to_space(node: Node) -> None:
    """Moves the places within blocks from in front of the batch to where they are, and crops."""
    blocks = node.numbers(1, "block shape")
    (source,), (whole, *sizes) = node.moved((0,)), node.shape(0)
    batch, count = whole // prod(blocks), len(blocks)
    source = node.reshape(source, (*blocks, batch, *sizes))
    pairs = chain(*((count + 1 + n, n) for n in range(count)))
    source = node.call(
        "transpose", input=source, permutation=(count, *pairs, *range(2 * count + 1, count + 1 + len(sizes)))
    )
    sizes[:count] = [size * block for size, block in zip(sizes, blocks, strict=False)]
    crops = [slice(low, size - high) for low, high, size in zip(*_amounts(node, 2), sizes, strict=False)]
    index = (slice(None), *crops, *(slice(None),) * (len(sizes) - count))
    node.put(cut(node, node.reshape(source, (batch, *sizes)), index))


def fold_slice(node: Node, values: Sequence[Array]) -> Array:
    """The value of SLICE or STRIDED_SLICE of a constant."""
    index = (strided_index if node.name == "STRIDED_SLICE" else slice_index)(node, values[0].shape)
    return np.asarray(values[0][index])


LOWERINGS: dict[str, Lowering] = {
    "BATCH_TO_SPACE_ND": _batch_to_space,
    "MIRROR_PAD": _mirror_pad,
    "PAD": _pad,
    "PADV2": _pad,
    "SLICE": _slice,
    "SPACE_TO_BATCH_ND": _space_to_batch,
    "STRIDED_SLICE": _strided_slice,
}
