"""Rates with their 95 % intervals, and how far two arrays are apart: pure numpy, no other part of littoral."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Z95 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution: what makes a two-sided 95 % interval."""


@dataclass(frozen=True)
class Rate:
    """A share of samples (0..1) with its 95 % interval, for example an accuracy.

    Args:
        hits: How many samples were right (or agreed).
        total: Of how many; at least 1.
    """

    hits: int
    total: int
    derived: ClassVar[tuple[str, ...]] = ("value", "low", "high")

    def __post_init__(self) -> None:
        if not 0 <= self.hits <= self.total or self.total == 0:
            raise ValueError(f"{self.hits} of {self.total} is not a rate")

    @property
    def value(self) -> float:
        """The share itself, 0..1."""
        return self.hits / self.total

    @property
    def low(self) -> float:
        """The lower end of the 95 % interval, 0..1."""
        return wilson(self.hits, self.total)[0]

    @property
    def high(self) -> float:
        """The upper end of the 95 % interval, 0..1."""
        return wilson(self.hits, self.total)[1]


@dataclass(frozen=True)
class PairedDrop:
    """How much accuracy is lost from one model to another on the same samples, with its 95 % interval.

    The interval is Newcombe's for paired proportions ("Improved confidence intervals for the difference between
    binomial proportions based on paired data", 1998, method 10). That both models saw the same samples makes it much
    narrower than the difference of two independent accuracies.

    Args:
        both: Samples that both models got right.
        only_first: Right in the first (the float) model only.
        only_second: Right in the second model only.
        neither: Wrong in both.
    """

    both: int
    only_first: int
    only_second: int
    neither: int
    derived: ClassVar[tuple[str, ...]] = ("value", "low", "high")

    def __post_init__(self) -> None:
        if min(self.both, self.only_first, self.only_second, self.neither) < 0 or self.total == 0:
            raise ValueError("no drop without samples")

    @property
    def total(self) -> int:
        """How many samples both models saw."""
        return self.both + self.only_first + self.only_second + self.neither

    @property
    def value(self) -> float:
        """Accuracy of the first minus accuracy of the second, -1..1: above zero where the second is worse."""
        return (self.only_first - self.only_second) / self.total

    @property
    def low(self) -> float:
        """The lower end of the 95 % interval."""
        return self._interval()[0]

    @property
    def high(self) -> float:
        """The upper end of the 95 % interval."""
        return self._interval()[1]

    def _interval(self) -> tuple[float, float]:
        n = self.total
        first, second = self.both + self.only_first, self.both + self.only_second
        below1, above1 = _distances(first, n)
        below2, above2 = _distances(second, n)
        phi = self._correlation()
        down = math.sqrt(max(0.0, below1**2 - 2 * phi * below1 * above2 + above2**2))
        up = math.sqrt(max(0.0, above1**2 - 2 * phi * above1 * below2 + below2**2))
        return max(-1.0, self.value - down), min(1.0, self.value + up)

    def _correlation(self) -> float:
        """Newcombe's phi: zero on an empty margin, and pulled towards zero by half a sample for few samples."""
        a, b, c, d = self.both, self.only_first, self.only_second, self.neither
        margins = (a + b) * (c + d) * (a + c) * (b + d)
        if margins == 0:
            return 0.0
        product = float(a * d - b * c)
        if product > 0:
            product = max(0.0, product - self.total / 2)
        return product / math.sqrt(margins)


def wilson(hits: int, total: int) -> tuple[float, float]:
    """The 95 % score interval of Wilson (1927) for a share of `total` samples: honest for few samples and near 0 and 1.

    Args:
        hits: 0..total.
        total: At least 1.
    """
    p = hits / total
    scale = 1 + Z95**2 / total
    centre = (p + Z95**2 / (2 * total)) / scale
    half = Z95 / scale * math.sqrt(p * (1 - p) / total + Z95**2 / (4 * total**2))
    # The ends are exactly 0 and 1 there; rounding would leave them a hair inside.
    return (0.0 if hits == 0 else centre - half, 1.0 if hits == total else centre + half)


def _distances(hits: int, total: int) -> tuple[float, float]:
    """How far the interval's ends lie below and above the share."""
    low, high = wilson(hits, total)
    return hits / total - low, high - hits / total


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` % of the values lie, interpolated linearly."""
    return float(np.percentile(np.asarray(values, np.float64), percent))


@dataclass(frozen=True)
class OutputError:
    """How far one output of a model is from the same output of another, over all samples.

    Args:
        name: The output's name in the first model.
        values: How many numbers were compared.
        max_abs: The largest absolute difference, in the output's own unit.
        mean_abs: The mean absolute difference.
        rmse: The root of the mean squared difference.
        sqnr_db: Signal to quantization noise: 10 log10(sum(first**2) / sum(difference**2)), inf where all is equal.
        cosine: The cosine between the two as vectors, 1 where they point the same way.
        not_finite: Numbers that were NaN or infinite in either; they are in none of the other figures.

    With nothing finite to compare, all figures are NaN.
    """

    name: str
    values: int
    max_abs: float
    mean_abs: float
    rmse: float
    sqnr_db: float
    cosine: float
    not_finite: int = 0


class ErrorSums:
    """Adds up the differences of one output, sample by sample; its size does not depend on their number."""

    def __init__(self) -> None:
        self._values = self._not_finite = 0
        self._max = self._absolute = self._noise = self._signal = self._other = self._dot = 0.0

    def add(self, first: NDArray[Any], second: NDArray[Any]) -> None:
        """Counts one pair of arrays of the same number of values, whatever their dtypes and shapes.

        Raises:
            ValueError: They hold different numbers of values.
        """
        if first.size != second.size:
            raise ValueError(f"{first.size} and {second.size} values cannot be compared")
        a, b = first.astype(np.float64).ravel(), second.astype(np.float64).ravel()
        finite = np.isfinite(a) & np.isfinite(b)
        if not finite.all():
            self._not_finite += int(a.size - finite.sum())
            a, b = a[finite], b[finite]
        if a.size == 0:
            return
        difference = np.abs(a - b)
        self._values += a.size
        self._max = max(self._max, float(difference.max()))
        self._absolute += float(difference.sum())
        self._noise += float(difference @ difference)
        self._signal += float(a @ a)
        self._other += float(b @ b)
        self._dot += float(a @ b)

    def result(self, name: str) -> OutputError:
        """The figures over everything added so far."""
        if self._values == 0:
            return OutputError(name, 0, math.nan, math.nan, math.nan, math.nan, math.nan, self._not_finite)
        n = self._values
        rmse = math.sqrt(self._noise / n)
        return OutputError(
            name, n, self._max, self._absolute / n, rmse, self._sqnr_db(), self._cosine(), self._not_finite
        )

    def _sqnr_db(self) -> float:
        if self._noise == 0:
            return math.inf
        return 10 * math.log10(self._signal / self._noise) if self._signal > 0 else -math.inf

    def _cosine(self) -> float:
        if self._signal == 0 or self._other == 0:
            return 1.0 if self._signal == self._other else 0.0
        # Two roots, not the root of the product, which could overflow.
        return max(-1.0, min(1.0, self._dot / (math.sqrt(self._signal) * math.sqrt(self._other))))
