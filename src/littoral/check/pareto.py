"""Which variants are worth having, and which one to take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from littoral.check.results import Measurement
from littoral.check.statistics import Rate
from littoral.errors import DataError

QualityKind = Literal["accuracy", "agreement", "SQNR"]
_MOST_SAMPLES = 100_000
Prefer = Literal["size", "latency"]


@dataclass(frozen=True)
class Quality:
    """How good a variant is, by the best measure that there is for all of them.

    Args:
        kind: "accuracy" and "agreement" are shares (0..1), "SQNR" is in dB.
        value: Higher is better.
        low: The lower end of the 95 % interval; the value itself for SQNR.
        high: The upper end.
    """

    kind: QualityKind
    value: float
    low: float
    high: float


def quality_kind(measurements: Sequence[Measurement]) -> QualityKind | None:
    """The best measure that all variants have that run: accuracy, else agreement, else SQNR, else None.

    One that is the same for all of them says nothing: then the next one is taken, if there is one.
    """
    ran = [m for m in measurements if m.main is not None and not m.main.refused]
    kinds: tuple[QualityKind, ...] = ("accuracy", "agreement", "SQNR")
    values = {kind: [quality(m, kind) for m in ran] for kind in kinds}
    there = [kind for kind in kinds if ran and all(values[kind])]
    telling = [kind for kind in there if len({found.value for found in values[kind] if found}) > 1]
    return next(iter(telling or there), None)


def quality(measurement: Measurement, kind: QualityKind | None) -> Quality | None:
    """One variant's quality of this kind, None where it was not measured."""
    if kind == "SQNR":
        value = measurement.sqnr_db
        return None if value is None or math.isnan(value) else Quality(kind, value, value, value)
    rate = measurement.accuracy if kind == "accuracy" else measurement.agreement
    return Quality(kind, rate.value, rate.low, rate.high) if kind and rate else None


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """The Pareto front of (cost, quality): the indices of the points that no other one beats, cheapest first.

    A point is beaten by one that costs no more, is no worse, and is better in one of the two; of equal points all stay.
    """
    chosen: list[int] = []
    for index in sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1])):
        if not chosen or points[index][1] > points[chosen[-1]][1] or points[index] == points[chosen[-1]]:
            chosen.append(index)
    return chosen


def cost(measurement: Measurement, prefer: Prefer) -> float | None:
    """What a variant costs: bytes, or median seconds a call with all threads (None when not measured)."""
    return float(measurement.bytes) if prefer == "size" else measurement.p50("all")


def front_of(measurements: Sequence[Measurement], prefer: Prefer) -> list[int]:
    """The indices of those on the front of (size or latency, quality), cheapest first; failed ones never are."""
    kind = quality_kind(measurements)
    found: list[tuple[int, tuple[float, float]]] = []
    for index, measurement in enumerate(measurements):
        good, price = quality(measurement, kind), cost(measurement, prefer)
        if measurement.ok and good is not None and price is not None:
            found.append((index, (price, good.value)))
    return [found[i][0] for i in front([point for _, point in found])]


@dataclass(frozen=True)
class Choice:
    """The variant to take under a bound on what may be lost.

    Args:
        recipe: Its label (its recipe, or its file's name without one), None when none holds.
        max_drop: The bound, a share: 0.01 is one percentage point.
        prefer: "size" or "latency".
        drop: What it loses: accuracy, or agreement short of 1. That of the best one when none holds.
        low: The lower end of the 95 % interval of that loss.
        high: The upper end.
        too_few: True when the samples are too few to tell whether the bound holds: it lies inside the interval.
        reason: All this in a sentence.
    """

    recipe: str | None
    max_drop: float
    prefer: Prefer
    drop: float | None
    low: float | None
    high: float | None
    too_few: bool
    reason: str


@dataclass(frozen=True)
class _Loss:
    value: float
    low: float
    high: float
    total: int


def choose(measurements: Sequence[Measurement], *, max_drop: float, prefer: Prefer = "size") -> Choice:
    """The smallest or fastest variant that loses no more than `max_drop`, judged on the point estimate.

    The loss is the accuracy lost from the float model on the same labelled samples; without labels it is the share of
    samples on which the variant's top-1 is not the float model's. Variants that failed are never chosen.

    Args:
        measurements: The candidates; the float model itself is not among them.
        max_drop: What may be lost, 0..1: 0.01 is one percentage point.
        prefer: "size" takes the fewest bytes, "latency" the lowest median with all threads.

    Raises:
        DataError: Nothing was measured by which a loss could be judged, or latency is preferred and was not measured.
    """
    candidates = [(m, loss) for m in measurements if m.ok and (loss := _loss(m)) is not None]
    if not candidates and any(m.ok for m in measurements):
        raise DataError(
            f"no loss can be held against {_percent(max_drop)}: outputs are no class scores, or there were no samples",
            "Give labelled data, or photos for a model that classifies",
        )
    if not candidates:
        return Choice(None, max_drop, prefer, None, None, None, False, "Every variant failed.")
    if prefer == "latency" and any(cost(m, prefer) is None for m, _ in candidates):
        raise DataError("latency was not measured", 'Choose by "size", or measure latency')
    holding = [(m, loss) for m, loss in candidates if loss.value <= max_drop]
    if not holding:
        best, loss = min(candidates, key=lambda pair: pair[1].value)
        return _choice(None, best, loss, max_drop, prefer)
    best, loss = min(holding, key=lambda pair: (cost(pair[0], prefer) or 0.0, pair[1].value))
    return _choice(best.label, best, loss, max_drop, prefer)


def _loss(measurement: Measurement) -> _Loss | None:
    """The accuracy lost, or else the disagreement as a loss: as if the float model were always right."""
    if (drop := measurement.drop) is not None:
        return _Loss(drop.value, drop.low, drop.high, drop.total)
    if (rate := measurement.agreement) is not None:
        # Not 1 - rate.value: 1 - 0.99 is a hair more than 0.01.
        lost = Rate(rate.total - rate.hits, rate.total)
        return _Loss(lost.value, lost.low, lost.high, lost.total)
    return None


def _choice(recipe: str | None, best: Measurement, loss: _Loss, max_drop: float, prefer: Prefer) -> Choice:
    kind = "smallest" if prefer == "size" else "fastest"
    head = (
        f"{recipe} is the {kind} that holds: it"
        if recipe
        else f"No variant loses at most {_percent(max_drop)}: the best, {best.label},"
    )
    interval = f"95 % interval {_percent(loss.low)} to {_percent(loss.high)}, {loss.total} samples"
    reason = f"{head} loses {_percent(loss.value)} ({interval})"
    too_few = loss.low <= max_drop < loss.high if recipe else loss.low <= max_drop
    if too_few:
        reason += "; that is too few samples to tell" + _samples_needed(loss, max_drop)
    return Choice(recipe, max_drop, prefer, loss.value, loss.low, loss.high, too_few, reason + ".")


def _percent(share: float) -> str:
    return f"{share * 100:.2f} %"


def _samples_needed(loss: _Loss, max_drop: float) -> str:
    """About how many samples would narrow the interval to one side of the bound; "" where none would."""
    distance = abs(max_drop - loss.value)
    half = (loss.high - loss.value) if loss.value <= max_drop else (loss.value - loss.low)
    # An interval narrows with the root of the number of samples, but with the number itself while nothing was lost.
    power = 1 if loss.value == 0 else 2
    needed = loss.total * (half / distance) ** power if distance else math.inf
    if needed > _MOST_SAMPLES:
        return ""
    # Two digits are more than such an estimate is worth.
    return f", about {max(loss.total + 1, int(float(f'{needed:.1e}'))):,} would do"
