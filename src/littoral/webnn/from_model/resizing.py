"""Resizing pictures. WebNN's resample2d has one rule for where a pixel's centre is; others are gathered."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from littoral.webnn.from_model.elementwise import Lowering
from littoral.webnn.from_model.node import Node
from littoral.webnn.program import Ref

Floats = npt.NDArray[np.float32]


def _positions(node: Node, size: int, wanted: int) -> Floats:
    """Where each new pixel lies among the old ones; in float32, as TFLite computes it."""
    aligned = bool(node.option("align_corners")) and wanted > 1
    scale = np.float32(size - 1) / np.float32(wanted - 1) if aligned else np.float32(size) / np.float32(wanted)
    half = np.float32(0.5) if node.option("half_pixel_centers") else np.float32(0)
    places: Floats = (np.arange(wanted, dtype=np.float32) + half) * scale
    return places


def _trivial(node: Node, source: Ref, sizes: tuple[int, int]) -> Ref | None:
    """The result where nothing changes, or one pixel becomes all."""
    batch, height, width, channels = node.shape_of(source)
    if (height, width) == sizes:
        return source
    if (height, width) == (1, 1):
        return node.call("expand", input=source, newShape=(batch, *sizes, channels))
    return None


def _bilinear(node: Node) -> None:
    """Stored values will do, as the scale stays; they are rounded as TFLite rounds them, up from a half."""
    sizes = node.sizes(1, "size")
    (source,) = node.moved((0,))
    if (same := _trivial(node, source, (sizes[0], sizes[1]))) is not None:
        node.put(same)
        return
    stored = node.type_of(source)
    if stored != "float32":
        source = node.call("cast", input=source, dataType="float32")
    if node.option("half_pixel_centers"):
        source = node.call("resample2d", input=source, mode="linear", sizes=tuple(sizes), axes=(1, 2))
    else:
        for axis, wanted in enumerate(sizes, start=1):
            source = _between(node, source, axis, wanted)
    if stored != "float32":
        rounded = node.call("floor", input=node.call("add", a=source, b=node.constant(0.5)))
        source = node.call("cast", input=rounded, dataType=stored)
    node.put(source)


def _between(node: Node, source: Ref, axis: int, wanted: int) -> Ref:
    """Along one axis: the pixel before, and of the step to the pixel behind as much as lies between."""
    size = node.shape_of(source)[axis]
    if size == wanted:
        return source
    places = _positions(node, size, wanted)
    before = np.floor(places)
    behind = np.minimum(np.ceil(places), size - 1)
    first, second = (
        node.call("gather", input=source, indices=node.constant(indices, np.int32), axis=axis)
        for indices in (before, behind)
    )
    shares = (places - before).reshape(wanted, *(1,) * (3 - axis))
    step = node.call("mul", a=node.call("sub", a=second, b=first), b=node.constant(shares))
    return node.call("add", a=first, b=step)


def _nearest(node: Node) -> None:
    """Enlarging a whole number of times repeats pixels by any rule but that of aligned corners."""
    height, width = node.sizes(1, "size")
    (source,), (_, tall, wide, _) = node.moved((0,)), node.shape(0)
    whole = not height % tall and not width % wide and not node.option("align_corners")
    if whole and node.type_of(source) == "float32":
        node.put(node.call("resample2d", input=source, mode="nearest-neighbor", sizes=(height, width), axes=(1, 2)))
        return
    for axis, wanted in ((1, height), (2, width)):
        size = node.shape(0)[axis]
        places = _positions(node, size, wanted)
        nearest = np.floor(places + np.float32(0.5)) if node.option("align_corners") else np.floor(places)
        indices = np.minimum(nearest, size - 1)
        source = node.call("gather", input=source, indices=node.constant(indices, np.int32), axis=axis)
    node.put(source)


LOWERINGS: dict[str, Lowering] = {
    "RESIZE_BILINEAR": _bilinear,
    "RESIZE_NEAREST_NEIGHBOR": _nearest,
}
