"""Comparisons and logic, in all types, against numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.webnn.to_model.conftest import bits, compute, same

from littoral.webnn.program import DTYPES

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "equal": np.equal,
    "notEqual": np.not_equal,
    "greater": np.greater,
    "greaterOrEqual": np.greater_equal,
    "lesser": np.less,
    "lesserOrEqual": np.less_equal,
}
LOGIC: dict[str, Callable[[Any, Any], Any]] = {
    "logicalAnd": np.logical_and,
    "logicalOr": np.logical_or,
    "logicalXor": np.logical_xor,
}


@pytest.mark.parametrize("operation", COMPARISONS)
@settings(deadline=None, max_examples=40)
@given(
    data_type=st.sampled_from(sorted(DTYPES)),
    shape=st.lists(st.integers(1, 3), max_size=7).map(tuple),
    alike=st.booleans(),
    broadcast=st.booleans(),
)
def test_comparisons(operation: str, data_type: str, shape: tuple[int, ...], alike: bool, broadcast: bool) -> None:
    a = bits(1, data_type, shape)
    b = a if alike else bits(2, data_type, shape)
    b = np.asarray(b[..., :1]) if broadcast and shape else b
    assert same(compute(operation, a=a, b=b)[0], np.asarray(COMPARISONS[operation](a, b)).astype(np.uint8))


@pytest.mark.parametrize("operation", LOGIC)
def test_logic(operation: str) -> None:
    a, b = np.array([[0], [1], [7]], np.uint8), np.array([0, 1, 255], np.uint8)
    assert same(compute(operation, a=a, b=b)[0], LOGIC[operation](a, b).astype(np.uint8))


def test_not() -> None:
    assert compute("logicalNot", a=np.array([0, 1, 200], np.uint8))[0].tolist() == [1, 0, 0]


@pytest.mark.parametrize("data_type", ["float16", "float32"])
def test_numbers_that_are_none(data_type: str) -> None:
    a = np.array([0, np.nan, np.inf, -np.inf, 65504], data_type)
    assert compute("isNaN", a=a)[0].tolist() == [0, 1, 0, 0, 0]
    assert compute("isInfinite", a=a)[0].tolist() == [0, 0, 1, 1, 0]
