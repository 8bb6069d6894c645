from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from littoral.check.pareto import choose, cost, front, front_of, quality, quality_kind
from littoral.check.results import Measurement
from littoral.errors import DataError

Make = Callable[..., Measurement]

POINTS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12)


def beats(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return a[0] <= b[0] and a[1] >= b[1] and a != b


@given(POINTS)
def test_the_front_is_exactly_what_nothing_beats(points: list[tuple[int, int]]) -> None:
    expected = {i for i, point in enumerate(points) if not any(beats(other, point) for other in points)}
    found = front(points)
    assert set(found) == expected
    assert [points[i][0] for i in found] == sorted(points[i][0] for i in found)


def test_failed_variants_are_not_on_the_front(measured: Make) -> None:
    variants = [measured("float32", 400), measured("int8", 100, failures=("NaN.",)), measured("float16", 200)]
    assert front_of(variants, "size") == [2]
    assert front_of(variants[:2], "latency") == [0]


def test_quality_is_the_best_that_all_have(measured: Make) -> None:
    labelled, agreeing, regressing = measured("a", 1), measured("b", 1, None), measured("c", 1, None, None)
    assert quality_kind([labelled, labelled]) == "accuracy"
    assert quality_kind([labelled, agreeing]) == "agreement"
    assert quality_kind([labelled, agreeing, regressing]) == "SQNR"
    assert quality_kind([replace(labelled, runs=())]) is None
    found = quality(regressing, "SQNR")
    assert found is not None
    assert (found.low, found.value, found.high) == (40.0, 40.0, 40.0)
    assert quality(measured("d", 1, None, None, sqnr=math.nan), "SQNR") is None


def test_cost_is_bytes_or_the_median_with_all_threads(measured: Make) -> None:
    assert cost(measured("a", 123), "size") == 123.0
    assert cost(measured("a", 123, p50=0.004), "latency") == 0.002
    assert cost(measured("a", 123, p50=None), "latency") is None


def test_the_smallest_that_holds_is_chosen(measured: Make) -> None:
    variants = [measured("float16", 200, 97), measured("int8", 100, 96), measured("int4", 60, 80)]
    choice = choose(variants, max_drop=0.01)
    assert choice.recipe == "int8"
    assert choice.drop == pytest.approx(0.01)
    assert "int8 is the smallest that holds" in choice.reason


def test_the_fastest_that_holds_is_chosen(measured: Make) -> None:
    variants = [measured("float16", 200, 97, p50=0.001), measured("int8", 100, 96, p50=0.002)]
    choice = choose(variants, max_drop=0.01, prefer="latency")
    assert choice.recipe == "float16"
    assert "fastest" in choice.reason
    with pytest.raises(DataError, match="latency was not measured"):
        choose([measured("int8", 100, p50=None)], max_drop=0.01, prefer="latency")


def test_a_failed_variant_is_never_chosen(measured: Make) -> None:
    assert choose([measured("int8", 1, failures=("NaN.",)), measured("float16", 9)], max_drop=0.5).recipe == "float16"
    choice = choose([measured("int8", 1, failures=("NaN.",))], max_drop=0.5)
    assert (choice.recipe, choice.reason) == (None, "Every variant failed.")


def test_when_none_holds_the_best_is_named(measured: Make) -> None:
    choice = choose([measured("int4", 1, 50), measured("int8", 9, 60)], max_drop=0.01)
    assert choice.recipe is None
    assert choice.reason.startswith("No variant loses at most 1.00 %: the best, int8, loses 37.00 %")
    assert not choice.too_few


def test_too_few_samples_are_said_so(measured: Make) -> None:
    choice = choose([measured("int8", 1, 97)], max_drop=0.01)
    assert choice.too_few
    assert "too few samples to tell, about" in choice.reason
    assert choice.low is not None
    assert choice.high is not None
    assert choice.low <= 0.01 < choice.high


def test_a_loss_right_at_the_bound_asks_for_no_number_of_samples(measured: Make) -> None:
    assert choose([measured("int8", 1, None, 99)], max_drop=0.01).reason.endswith("too few samples to tell.")


def test_enough_samples_are_enough(measured: Make) -> None:
    choice = choose([measured("int8", 1, None, 100_000, total=100_000)], max_drop=0.01)
    assert (choice.recipe, choice.too_few) == ("int8", False)
    assert "too few" not in choice.reason


def test_without_labels_disagreement_is_the_loss(measured: Make) -> None:
    choice = choose([measured("int8", 1, None, 99)], max_drop=0.01)
    assert choice.recipe == "int8"
    assert choice.drop == pytest.approx(0.01)
    assert choice.low is not None
    assert choice.low >= 0


def test_without_anything_to_judge_by_there_is_an_error(measured: Make) -> None:
    regressing: Measurement = measured("int8", 1, None, None)
    with pytest.raises(DataError, match="no loss can be held"):
        choose([regressing], max_drop=0.01)


def test_a_measure_that_is_the_same_for_all_gives_way(measured: Make) -> None:
    same = [measured("a", 1, 97, sqnr=40.0), measured("b", 1, 97, sqnr=20.0)]
    assert quality_kind(same) == "SQNR"
    assert quality_kind([*same, measured("c", 1, 96)]) == "accuracy"
