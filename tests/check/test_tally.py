from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from littoral.check.tally import OutputSums, Tally

SAMPLES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.none() | st.integers(0, 2)), min_size=1)


def row(top: int) -> np.ndarray:
    return np.eye(3, dtype=np.float32)[None, top]


@given(SAMPLES)
def test_counts_are_those_of_the_lists(samples: list[tuple[int, int, int | None]]) -> None:
    tally = Tally("cpu")
    for given_top, float_top, label in samples:
        tally.add([row(given_top)], [row(float_top)], 0, label)
    run = tally.result(["scores"])
    labelled = [sample for sample in samples if sample[2] is not None]
    assert run.samples == len(samples)
    assert run.agreement is not None
    assert run.agreement.hits == sum(one == two for one, two, _ in samples)
    if not labelled:
        assert (run.accuracy, run.drop) == (None, None)
        return
    assert run.accuracy is not None
    assert run.drop is not None
    assert (run.accuracy.hits, run.accuracy.total) == (sum(one == label for one, _, label in labelled), len(labelled))
    reference = sum(two == label for _, two, label in labelled) / len(labelled)
    assert run.drop.value == pytest.approx(reference - run.accuracy.value)


def test_without_class_scores_there_are_only_errors() -> None:
    tally = Tally("cpu")
    tally.add([np.ones((1, 4, 4))], [np.zeros((1, 4, 4))], None, 1)
    run = tally.result(["mask"])
    assert (run.accuracy, run.agreement) == (None, None)
    assert [(error.name, error.values) for error in run.errors] == [("mask", 16)]


def test_without_a_float_model_there_is_only_accuracy() -> None:
    tally = Tally("cpu")
    tally.add([row(1)], None, 0, 1)
    run = tally.result([])
    assert run.accuracy is not None
    assert (run.agreement, run.drop, run.errors) == (None, None, ())


def test_samples_with_nan_are_counted_by_output() -> None:
    tally = Tally("cpu")
    tally.add([row(1), np.array([np.nan, np.nan])], None, None, None)
    tally.add([row(1), np.array([1.0, np.inf])], None, None, None)
    tally.add([row(1), np.array([1, 2])], None, None, None)
    assert tally.not_finite == {1: 2}


def test_sums_of_nothing_are_nothing() -> None:
    assert OutputSums().results(["a"]) == ()
