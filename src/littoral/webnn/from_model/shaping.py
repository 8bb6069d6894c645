"""Reshaping, moving, joining and splitting: stored values are moved as they are where that is right.

Joining is done with real values: Chromium's kernels know the scales of fused parts, and not that of their `concat`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from littoral.webnn.from_model.elementwise import Lowering
from littoral.webnn.from_model.node import Node, checked_axis
from littoral.webnn.from_model.recorder import Shape
from littoral.webnn.from_model.unmapped import Unmapped
from littoral.webnn.program import Ref


def wanted_shape(node: Node) -> Shape:
    """What RESHAPE reshapes to: by its second input, its options, or the file's shape of its output."""
    known = node.known(1) if node.has(1) else None
    if known is not None:
        sizes = [int(size) for size in known.ravel()]
    elif node.has(1) and -1 in node.result().shape_signature:
        raise Unmapped("its new shape is computed while it runs", "Fix the model's input shape when converting")
    elif node.has(1):
        sizes = list(node.result().shape)
    else:
        sizes = list(node.option("new_shape", node.result().shape))
    whole = prod(node.shape(0))
    if sizes.count(-1) == 1:
        rest = prod(size for size in sizes if size != -1)
        sizes[sizes.index(-1)] = whole // rest if rest else 0
    if prod(sizes) != whole:
        raise Unmapped(f"it reshapes {list(node.shape(0))} to {sizes}", "Convert the model again")
    return tuple(sizes)


def _reshape(node: Node) -> None:
    (source,) = node.moved((0,))
    node.put(node.reshape(source, wanted_shape(node)))


def squeezed(shape: Shape, dimensions: Sequence[int]) -> Shape:
    """A shape without those dimensions, or without all of size 1 where none are named."""
    gone = [checked_axis(axis, len(shape)) for axis in dimensions] or [n for n, size in enumerate(shape) if size == 1]
    return tuple(size for axis, size in enumerate(shape) if axis not in gone)


def _squeeze(node: Node) -> None:
    (source,) = node.moved((0,))
    node.put(node.reshape(source, squeezed(node.shape(0), node.option("squeeze_dims", ()))))


def _expand_dims(node: Node) -> None:
    (source,), shape = node.moved((0,)), node.shape(0)
    axis = node.axis(1, len(shape) + 1)
    node.put(node.reshape(source, (*shape[:axis], 1, *shape[axis:])))


def _transpose(node: Node) -> None:
    (source,) = node.moved((0,))
    rank = len(node.shape(0))
    order = tuple(checked_axis(axis, rank) for axis in node.numbers(1, "permutation"))
    node.put(node.call("transpose", input=source, permutation=order))


def _join(node: Node, parts: Sequence[Ref], axis: int) -> Ref:
    return parts[0] if len(parts) == 1 else node.call("concat", inputs=tuple(parts), axis=axis)


def _concatenation(node: Node) -> None:
    axis = checked_axis(node.option("axis"), len(node.shape(0)))
    joined = _join(node, [node.numeric(position) for position in range(node.count)], axis)
    node.put(node.activated(joined) if node.type_of(joined) == "float32" else joined)


def _pack(node: Node) -> None:
    shape = node.shape(0)
    axis = checked_axis(node.option("axis"), len(shape) + 1)
    wider = (*shape[:axis], 1, *shape[axis:])
    node.put(_join(node, [node.numeric(position, wider) for position in range(node.count)], axis))


def _unpack(node: Node) -> None:
    shape = node.shape(0)
    axis = checked_axis(node.option("axis"), len(shape))
    parts = _split_into(node, 0, shape[axis], axis)
    node.put(*(node.reshape(part, (*shape[:axis], *shape[axis + 1 :])) for part in parts))


def _split_into(node: Node, position: int, splits: int | tuple[int, ...], axis: int) -> tuple[Ref, ...]:
    """An input in so many equal parts, or in parts of such sizes."""
    (source,) = node.moved((position,))
    if splits in (1, node.shape(position)[axis : axis + 1]):
        return (source,)
    return node.recorder.call_all("split", input=source, splits=splits, axis=axis)


def _split(node: Node) -> None:
    """The axis comes first."""
    count = node.option("num_splits")
    axis = node.axis(0, len(node.shape(1)))
    node.put(*_split_into(node, 1, count, axis))


def _split_v(node: Node) -> None:
    sizes, axis = node.numbers(1, "sizes"), node.axis(2, len(node.shape(0)))
    if -1 in sizes:
        sizes[sizes.index(-1)] = node.shape(0)[axis] - sum(size for size in sizes if size != -1)
    node.put(*_split_into(node, 0, tuple(sizes), axis))


def _tile(node: Node) -> None:
    times = tuple(node.numbers(1, "repetitions"))
    source = node.real(0) if node.tensor(0).type.name == "INT8" else node.moved((0,))[0]
    node.put(node.call("tile", input=source, repetitions=times))


def _broadcast(node: Node) -> None:
    (source,) = node.moved((0,))
    node.put(node.call("expand", input=source, newShape=tuple(node.numbers(1, "shape"))))


def _reverse(node: Node) -> None:
    (source,) = node.moved((0,))
    axes = tuple(checked_axis(axis, len(node.shape(0))) for axis in node.numbers(1, "axes"))
    node.put(node.call("reverse", input=source, axes=axes))


def _space_to_depth(node: Node) -> None:
    (source,), block = node.moved((0,)), node.option("block_size")
    batch, height, width, channels = node.shape(0)
    tall, wide = height // block, width // block
    split = node.reshape(source, (batch, tall, block, wide, block, channels))
    moved = node.call("transpose", input=split, permutation=(0, 1, 3, 2, 4, 5))
    node.put(node.reshape(moved, (batch, tall, wide, block * block * channels)))


def _depth_to_space(node: Node) -> None:
    (source,), block = node.moved((0,)), node.option("block_size")
    batch, height, width, channels = node.shape(0)
    deep = channels // (block * block)
    split = node.reshape(source, (batch, height, width, block, block, deep))
    moved = node.call("transpose", input=split, permutation=(0, 1, 3, 2, 4, 5))
    node.put(node.reshape(moved, (batch, height * block, width * block, deep)))


LOWERINGS: dict[str, Lowering] = {
    "BROADCAST_TO": _broadcast,
    "CONCATENATION": _concatenation,
    "DEPTH_TO_SPACE": _depth_to_space,
    "EXPAND_DIMS": _expand_dims,
    "PACK": _pack,
    "RESHAPE": _reshape,
    "REVERSE_V2": _reverse,
    "SPACE_TO_DEPTH": _space_to_depth,
    "SPLIT": _split,
    "SPLIT_V": _split_v,
    "SQUEEZE": _squeeze,
    "TILE": _tile,
    "TRANSPOSE": _transpose,
    "UNPACK": _unpack,
}
