"""When a page's answers are Python's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from littoral.export.agreement import output_agreement, same_top, worst

SCORES = arrays(np.float32, (1, 12), elements=st.floats(-10, 10, width=32))


@given(st.lists(SCORES, min_size=1, max_size=4), st.floats(0, 1))
def test_the_same_is_exact(values: list[np.ndarray], step: float) -> None:
    found = output_agreement("x", step, values, values)
    assert (found.verdict, found.max_abs, found.equal, found.steps) == ("exact", 0.0, 1.0, 0.0)
    assert same_top(values, values, step).value == 1


@pytest.mark.parametrize(
    ("gap", "step", "verdict"),
    [
        (1e-6, 0, "close"),
        (5e-4, 0, "approximate"),
        (0.5, 0, "different"),
        (0.25, 0.25, "close"),
        (1.0, 0.25, "approximate"),
        (1.25, 0.25, "different"),
    ],
)
def test_one_sample_apart_decides(gap: float, step: float, verdict: str) -> None:
    zeros = [np.zeros((1, 4), np.float32)] * 3
    found = output_agreement("x", step, zeros, [zeros[0], zeros[0] + np.float32(gap), zeros[0]])
    assert found.verdict == verdict
    assert found.max_abs == np.float32(gap)
    assert found.equal == pytest.approx(2 / 3)
    assert found.steps == pytest.approx(gap / step if step else 0)


@pytest.mark.parametrize(
    ("wrong", "verdict"), [(0, "exact"), (1, "close"), (2, "approximate"), (50, "approximate"), (51, "different")]
)
def test_whole_numbers_agree_by_their_share(wrong: int, verdict: str) -> None:
    ours = np.zeros((1, 10, 100), np.int64)
    theirs = ours.astype(np.int32)
    theirs.ravel()[:wrong] = 20
    found = output_agreement("map", 0, [ours], [theirs])
    assert found.verdict == verdict
    assert found.equal == 1 - wrong / 1000


def test_infinity_and_nan_are_equal_to_themselves_only() -> None:
    odd = np.array([np.nan, np.inf, -np.inf, 1], np.float32)
    assert output_agreement("x", 0, [odd], [odd]).verdict == "exact"
    for place in range(3):
        other = odd.copy()
        other[place] = 1
        found = output_agreement("x", 0, [odd], [other])
        assert (found.verdict, found.max_abs) == ("different", np.inf)


def test_ties_may_swap_and_nothing_else() -> None:
    ours = [np.array([[0.5, 0.25, 0.2499, 0.1, 0.05, 0.01]], np.float32)]
    swapped = [ours[0][:, [0, 2, 1, 3, 4, 5]]]
    assert same_top(ours, swapped, 0).hits == 1
    other = [ours[0][:, [1, 0, 2, 3, 4, 5]]]
    assert same_top(ours, other, 0).hits == 0
    assert same_top(ours, other, 0.25).hits == 1  # one step


def test_what_is_below_the_top_does_not_matter() -> None:
    ours = [np.arange(10, 0, -1, dtype=np.float32)[None]]
    theirs = [ours[0][:, [0, 1, 2, 3, 4, 9, 8, 7, 6, 5]]]
    assert same_top(ours, theirs, 0).hits == 1


def test_the_worst_is_the_one_that_agrees_least() -> None:
    ours = np.ones((1, 4), np.float32)
    found = [output_agreement(str(gap), 0, [ours], [ours + np.float32(gap)]) for gap in (0, 0.5, 1e-6)]
    assert worst(found).name == "0.5"
