"""What a page answers against what Python answers: how far they are apart, and whether that is the same answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from littoral.check import Rate
from littoral.check.compare import Verdict, verdict_of

Array = NDArray[Any]

TOP = 5
"""How many of the best classes are to be the same."""

CLOSE_SHARE, APPROXIMATE_SHARE = 0.999, 0.95
"""For whole numbers, such as a map of classes: so many are equal. Where two classes are as likely, rounding decides."""

TIE = 1e-4
"""Scores of float models that are no farther apart are as good as each other: another order of sums may swap them."""

_VERDICTS: tuple[Verdict, ...] = ("exact", "close", "approximate", "different")


@dataclass(frozen=True)
class OutputAgreement:
    """One output of a page beside Python's, over all samples.

    Attributes:
        name: The output's.
        step: Its quantization step in real units, 0 where it is not quantized.
        max_abs: The largest difference, in real units; infinite where one is infinite or NaN and the other is not.
        equal: The share of values that are equal, 0..1.
        verdict: Floats and quantized values as `littoral compare` judges them, the worst sample; whole numbers by the
            share that is equal.
    """

    name: str
    step: float
    max_abs: float
    equal: float
    verdict: Verdict
    derived: ClassVar[tuple[str, ...]] = ("steps",)

    @property
    def steps(self) -> float:
        """The largest difference in steps, 0 where the output is not quantized."""
        return self.max_abs / self.step if self.step else 0.0


def output_agreement(name: str, step: float, ours: Sequence[Array], theirs: Sequence[Array]) -> OutputAgreement:
    """Compares an output over all samples.

    Args:
        name: The output's.
        step: Its quantization step, 0 where there is none.
        ours: Python's values, one array a sample; at least one.
        theirs: The page's, in the same shapes.
    """
    pairs = list(zip(ours, theirs, strict=True))
    equal = sum(int(_same(a, b).sum()) for a, b in pairs) / max(sum(a.size for a in ours), 1)
    if ours[0].dtype.kind == "f":
        verdict = max((verdict_of(a, b, step) for a, b in pairs), key=_VERDICTS.index)
    else:
        verdict = _by_share(equal)
    return OutputAgreement(name, step, max(_gap(a, b) for a, b in pairs), equal, verdict)


def worst(outputs: Sequence[OutputAgreement]) -> OutputAgreement:
    """The output that agrees least."""
    return max(outputs, key=lambda each: (_VERDICTS.index(each.verdict), each.max_abs))


def same_top(ours: Sequence[Array], theirs: Sequence[Array], step: float) -> Rate:
    """On how many samples the best five classes are the same, in the same order.

    Classes whose scores in Python are one step apart, or `TIE` where nothing is quantized, may be in either order.

    Args:
        ours: Python's scores, one array [1, classes] a sample; at least one.
        theirs: The page's.
        step: The scores' quantization step, 0 where there is none.
    """
    return Rate(sum(_same_top(a.ravel(), b.ravel(), step or TIE) for a, b in zip(ours, theirs, strict=True)), len(ours))


def _same_top(a: Array, b: Array, tie: float) -> bool:
    mine, other = (np.argsort(-scores, kind="stable")[:TOP] for scores in (a, b))
    return bool(np.all(np.abs(a[mine] - a[other]) <= tie * 1.001))  # a hair more: both were rounded to float32


def _same(a: Array, b: Array) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = (a == b) | ((a != a) & (b != b))  # NaN is not itself
    return same


def _gap(a: Array, b: Array) -> float:
    x, y = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(invalid="ignore"):  # infinity less itself
        gaps = np.where(_same(x, y), 0.0, np.abs(x - y))
    return float(np.max(np.where(np.isnan(gaps), np.inf, gaps), initial=0.0))


def _by_share(equal: float) -> Verdict:
    if equal == 1:
        return "exact"
    return "close" if equal >= CLOSE_SHARE else "approximate" if equal >= APPROXIMATE_SHARE else "different"
