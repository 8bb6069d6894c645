"""How far a value may be from the expected one, as the test-suite measures it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from littoral.webnn.program import Array

METRICS = ("ULP", "ATOL")

FARTHEST = np.iinfo(np.uint64).max
"""The distance in ULP from NaN to any number."""


@dataclass(frozen=True)
class Tolerance:
    """A largest distance.

    Attributes:
        metric: "ULP": values of the type that lie between, and 1; of integers, the difference. "ATOL": the difference.
        value: The largest.
    """

    metric: str
    value: float

    def objection(self, actual: Array, expected: Array) -> str | None:
        """The worst element, in words, where one is too far away; None where all are near enough.

        Args:
            actual: Of the expected type and shape, or that is the objection.
            expected: NaN is equal to NaN, and -0 to 0.
        """
        if actual.dtype != expected.dtype or actual.shape != expected.shape:
            return f"is {actual.dtype} {list(actual.shape)} and not {expected.dtype} {list(expected.shape)}"
        if np.array_equal(actual, expected):  # most are, and some have tens of megabytes
            return None
        found = ulps(actual, expected) if self.metric == "ULP" else _difference(actual, expected)
        if not (found > self.value).any():
            return None
        worst = np.unravel_index(int(found.argmax()), found.shape)
        far = "NaN" if found[worst] == FARTHEST else f"{found[worst]:.6g} {self.metric}"
        where = [int(index) for index in worst]
        count = int((found > self.value).sum())
        return (
            f"{actual[worst]} for {expected[worst]} at {where}: {far} where {self.value:g} are allowed; "
            f"{count} of {found.size} elements are too far"
        )


def ulps(a: Array, b: Array) -> npt.NDArray[np.uint64]:
    """How many steps of their type lie between the elements of two arrays: 0 for equal ones, also for two NaN.

    Args:
        a: float16, float32 or integers.
        b: Of the same type and shape.
    """
    if a.dtype.kind != "f":
        return _apart(a, b)
    steps = _apart(_order(a), _order(b))
    one, both = np.isnan(a) | np.isnan(b), np.isnan(a) & np.isnan(b)
    steps[one] = FARTHEST
    steps[both] = 0
    return steps


def _order(value: Array) -> npt.NDArray[np.int64]:
    """Floats as integers that count them: 0 for both zeros, 1 for the smallest above."""
    bits: npt.NDArray[Any] = np.ascontiguousarray(value).view(f"i{value.dtype.itemsize}").astype(np.int64)
    lowest = -(1 << (8 * value.dtype.itemsize - 1))
    return np.where(bits < 0, lowest - bits, bits)


def _apart(a: Array, b: Array) -> npt.NDArray[np.uint64]:
    """The difference without overflow: modulo 2**64 it is exact."""
    x, y = np.asarray(a).astype(np.uint64), np.asarray(b).astype(np.uint64)
    with np.errstate(over="ignore"):
        return np.where(a > b, x - y, y - x)


def _difference(a: Array, b: Array) -> npt.NDArray[np.float64]:
    x, y = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(invalid="ignore"):
        found = np.where(x == y, 0.0, np.abs(x - y))
    found[np.isnan(x) & np.isnan(y)] = 0.0
    found[np.isnan(found)] = np.inf
    return found
