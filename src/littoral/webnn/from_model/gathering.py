"""Looking up and scattering; what indices say."""

from __future__ import annotations

from math import prod

import numpy as np

from littoral.webnn.from_model.elementwise import Lowering
from littoral.webnn.from_model.node import Node, checked_axis
from littoral.webnn.from_model.unmapped import Unmapped
from littoral.webnn.program import DTYPES, Ref

_INDICES = ("int32", "uint32", "int64")


def _indices(node: Node, position: int) -> Ref:
    indices = node.stored(position)
    if node.type_of(indices) in _INDICES:
        return indices
    return node.call("cast", input=indices, dataType="int32")


def _gather(node: Node) -> None:
    """Batches are one long axis, in which the indices of each begin where it begins."""
    (source,), indices = node.moved((0,)), _indices(node, 1)
    shape, wanted = node.shape(0), node.shape(1)
    batches = checked_axis(node.option("batch_dims", 0), len(wanted) + 1)
    axis = checked_axis(node.option("axis", 0), len(shape))
    if not batches:
        node.put(node.call("gather", input=source, indices=indices, axis=axis))
        return
    if axis != batches:
        raise Unmapped(
            f"it gathers along axis {axis} in batches of {batches} axes", "Gather along the axis behind them"
        )
    starts = np.arange(prod(shape[:batches])).reshape(*shape[:batches], *(1,) * (len(wanted) - batches))
    moved = node.call("add", a=indices, b=node.constant(starts * shape[axis], DTYPES[node.type_of(indices)]))
    flat = node.reshape(source, (prod(shape[: axis + 1]), *shape[axis + 1 :]))
    node.put(node.call("gather", input=flat, indices=moved, axis=0))


def _gather_nd(node: Node) -> None:
    (source,) = node.moved((0,))
    node.put(node.call("gatherND", input=source, indices=_indices(node, 1)))


def _embedding_lookup(node: Node) -> None:
    """The indices come first."""
    (source,) = node.moved((1,))
    node.put(node.call("gather", input=source, indices=_indices(node, 0), axis=0))


def _scatter_nd(node: Node) -> None:
    """Into zeros. TFLite adds up what meets in one place, WebNN does not."""
    (updates,), shape = node.moved((1,)), tuple(node.numbers(2, "shape"))
    places = node.known(0)
    if places is None:
        raise Unmapped("its indices are computed while it runs, and may meet in one place", "Make them constants")
    rows = places.reshape(-1, places.shape[-1])
    if len(np.unique(rows, axis=0)) < len(rows):
        raise Unmapped("it adds up updates of one place", "Scatter each place once")
    zeros = node.constant(np.broadcast_to(np.zeros((), DTYPES[node.type_of(updates)]), shape), None)
    node.put(node.call("scatterND", input=zeros, indices=_indices(node, 0), updates=updates))


def _one_hot(node: Node) -> None:
    """Inputs are indices, their number, the value where one is, and the value elsewhere."""
    indices, (on, off) = _indices(node, 0), node.moved((2, 3))
    (depth,), shape = node.sizes(1, "depth"), node.shape(0)
    axis = checked_axis(node.option("axis", -1), len(shape) + 1)
    numbers = np.arange(depth).reshape(depth, *(1,) * (len(shape) - axis))
    each = node.reshape(indices, (*shape[:axis], 1, *shape[axis:]))
    hot = node.call("equal", a=each, b=node.constant(numbers, DTYPES[node.type_of(indices)]))
    node.put(node.call("where", condition=hot, trueValue=on, falseValue=off))


LOWERINGS: dict[str, Lowering] = {
    "EMBEDDING_LOOKUP": _embedding_lookup,
    "GATHER": _gather,
    "GATHER_ND": _gather_nd,
    "ONE_HOT": _one_hot,
    "SCATTER_ND": _scatter_nd,
}
