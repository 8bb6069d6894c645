"""Over axes: reductions, the place of the largest and the smallest, sums so far, softmax."""

from __future__ import annotations

from collections.abc import Sequence

from littoral.webnn.program import Descriptor
from littoral.webnn.rules.given import Given, Rule, Shape


def _without(shape: Sequence[int], axes: Sequence[int], keep: bool) -> Shape:
    if keep:
        return tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def _reduce(given: Given) -> list[Descriptor]:
    source = given["input"]
    axes = given.axes(len(source.shape), range(len(source.shape)))
    return [Descriptor(source.data_type, _without(source.shape, axes, given.flag("keepDimensions")))]


def _arg(given: Given) -> list[Descriptor]:
    shape = given["input"].shape
    axis = given.axis(len(shape))
    return [Descriptor(given.word("outputDataType"), _without(shape, (axis,), given.flag("keepDimensions")))]


def _along(given: Given) -> list[Descriptor]:
    given.axis(len(given["input"].shape))
    return [given["input"]]


_REDUCTIONS = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Product", "Sum", "SumSquare")

RULES: dict[str, Rule] = {
    **{f"reduce{name}": _reduce for name in _REDUCTIONS},
    "argMin": _arg,
    "argMax": _arg,
    "cumulativeSum": _along,
    "softmax": _along,
}
