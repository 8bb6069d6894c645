from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from littoral import check
from littoral.check.operators import operator_share
from littoral.convert.calibrate import Ranges, calibrate
from littoral.convert.mixed import _fewest, mix, rank
from littoral.data import Arrays, Contract
from littoral.tflite import read, write

Digits = tuple[NDArray[Any], NDArray[Any]]


@given(st.integers(1, 40), st.integers(1, 50))
def test_the_fewest_that_hold_are_found(most: int, needed: int) -> None:
    asked: list[int] = []

    def holds(count: int) -> bool:
        assert 1 <= count <= most
        asked.append(count)
        return count >= needed

    assert _fewest(holds, most) == (needed if needed <= most else None)
    assert len(asked) <= 2 * most.bit_length() + 1


def prepared(file: Path, digits: Digits) -> tuple[Ranges, check.Samples]:
    samples = partial(Arrays(digits[0][1257:1457], digits[1][1257:1457]).samples, Contract())
    return calibrate(read(file), samples()), samples


def test_the_guilty_operator_is_found_and_left_in_float(spoiled: Path, tmp_path: Path, digits: Digits) -> None:
    file = spoiled
    ranges, samples = prepared(file, digits)
    ranking = rank(file, ranges, samples)
    assert len(ranking) == len(read(file).main.operators)
    assert {one.index for one in ranking[:2]} & {0, 1}
    found = mix(file, ranges, ranking, samples, max_drop=0.01)
    assert found is not None
    graph, floats = found
    assert 1 <= len(floats) <= 4
    share = operator_share(graph)
    assert share.total - share.integer == len(floats)
    write(graph, tmp_path / "mixed.tflite")
    measured = check.measure(tmp_path / "mixed.tflite", reference=file, samples=samples)
    assert measured.drop is not None
    assert measured.drop.value <= 0.01


def test_no_bound_that_only_the_float_model_holds(spoiled: Path, tmp_path: Path, digits: Digits) -> None:
    file = spoiled
    ranges, samples = prepared(file, digits)
    ranking = rank(file, ranges, samples, limit=2)
    assert mix(file, ranges, ranking, samples, max_drop=-1.0) is None
