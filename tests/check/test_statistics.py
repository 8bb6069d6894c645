from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats  # type: ignore[import-untyped]

from littoral.check.statistics import ErrorSums, OutputError, PairedDrop, Rate, percentile, wilson

COUNTS = st.tuples(*[st.integers(0, 300)] * 4).filter(lambda counts: sum(counts) > 0)
FLOATS = arrays(np.float32, st.integers(1, 40), elements=st.floats(-1e3, 1e3, width=32))


def test_wilson_gives_the_published_example() -> None:
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I: 81 of 263, method 3.
    low, high = wilson(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


@given(st.integers(1, 5000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_wilson_is_that_of_scipy(counts: tuple[int, int]) -> None:
    expected = stats.binomtest(*counts).proportion_ci(0.95, method="wilson")
    assert wilson(*counts) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_ends_are_exact_at_none_and_all() -> None:
    assert wilson(0, 10)[0] == 0.0
    assert wilson(10, 10)[1] == 1.0


def test_a_rate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="0 of 0"):
        Rate(0, 0)
    with pytest.raises(ValueError, match="3 of 2"):
        Rate(3, 2)


@pytest.mark.parametrize("cells", [(0.9, 0.05, 0.03, 0.02), (0.6, 0.2, 0.1, 0.1), (0.97, 0.01, 0.01, 0.01)])
@pytest.mark.parametrize("samples", [40, 200])
def test_the_paired_interval_covers_the_truth_as_often_as_it_says(cells: tuple[float, ...], samples: int) -> None:
    truth = cells[1] - cells[2]
    draws = np.random.default_rng(0).multinomial(samples, cells, size=1500)
    covered = sum(drop.low <= truth <= drop.high for drop in (PairedDrop(*map(int, draw)) for draw in draws))
    # By Newcombe's own account it errs on the safe side for few discordant pairs.
    assert 0.93 <= covered / len(draws) <= 1.0


@given(COUNTS)
def test_paired_drop_lies_in_its_interval_and_turns_round(counts: tuple[int, int, int, int]) -> None:
    drop, back = PairedDrop(*counts), PairedDrop(counts[0], counts[2], counts[1], counts[3])
    assert -1 <= drop.low <= drop.value + 1e-12
    assert drop.value - 1e-12 <= drop.high <= 1
    assert (back.value, back.low, back.high) == pytest.approx((-drop.value, -drop.high, -drop.low))


def test_more_samples_narrow_the_paired_interval() -> None:
    widths = [drop.high - drop.low for n in (1, 10, 100) for drop in [PairedDrop(95 * n, 3 * n, 2 * n, 0)]]
    assert all(wide > narrow for wide, narrow in pairwise(widths))


def test_a_drop_without_samples_is_refused() -> None:
    with pytest.raises(ValueError, match="without samples"):
        PairedDrop(0, 0, 0, 0)


def test_percentiles_are_interpolated() -> None:
    values = [3.0, 1.0, 2.0, 4.0]
    assert [percentile(values, p) for p in (0, 50, 100)] == [1.0, 2.5, 4.0]
    assert percentile(values, 90) == pytest.approx(3.7)


def total(*pairs: tuple[object, object]) -> OutputError:
    sums = ErrorSums()
    for first, second in pairs:
        sums.add(np.asarray(first), np.asarray(second))
    return sums.result("y")


@given(
    FLOATS.flatmap(lambda a: st.tuples(st.just(a), arrays(np.float32, a.shape, elements=st.floats(-10, 10, width=32))))
)
def test_errors_are_those_of_the_formulas(pair: tuple[np.ndarray, np.ndarray]) -> None:
    a, noise = (one.astype(np.float64) for one in pair)
    error = total((a, a + noise))
    gap = np.abs((a + noise) - a)
    assert error.values == a.size
    assert error.max_abs == gap.max()
    assert error.mean_abs == pytest.approx(gap.mean())
    assert error.rmse == pytest.approx(np.sqrt((gap**2).mean()))
    if gap.any() and (a**2).sum() > 0:
        assert error.sqnr_db == pytest.approx(10 * np.log10((a**2).sum() / (gap**2).sum()))


@given(FLOATS, st.integers(0, 40))
def test_errors_do_not_depend_on_how_the_values_are_cut(values: np.ndarray, cut: int) -> None:
    other = values[::-1].copy()
    whole = total((values, other))
    parts = total((values[:cut], other[:cut]), (values[cut:], other[cut:]))
    for name in ("max_abs", "mean_abs", "rmse", "cosine"):
        assert getattr(parts, name) == pytest.approx(getattr(whole, name), abs=1e-9)


def test_equal_outputs_have_no_noise() -> None:
    error = total(([1, 2], [1, 2]))
    assert (error.max_abs, error.sqnr_db) == (0.0, math.inf)
    assert error.cosine == pytest.approx(1.0)


def test_silence_against_noise_is_all_noise() -> None:
    assert total(([0.0, 0.0], [1.0, 0.0])).sqnr_db == -math.inf
    assert total(([0.0, 0.0], [1.0, 0.0])).cosine == 0.0
    assert total(([0.0], [0.0])).cosine == 1.0


def test_halving_the_noise_is_six_decibels() -> None:
    assert total(([10.0], [10.5])).sqnr_db - total(([10.0], [11.0])).sqnr_db == pytest.approx(6.02, abs=0.01)


def test_what_is_not_finite_is_counted_apart() -> None:
    error = total(([1.0, 2.0, np.inf], [1.5, np.nan, 3.0]))
    assert (error.values, error.not_finite, error.max_abs) == (1, 2, 0.5)
    nothing = total(([np.nan], [1.0]))
    assert nothing.values == 0
    assert math.isnan(nothing.sqnr_db)


def test_different_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="2 and 3"):
        total(([1, 2], [1, 2, 3]))
