"""Distances between values: of each type, at its edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from littoral.webnn.conformance.tolerance import FARTHEST, Tolerance, ulps


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_neighbours_are_one_ulp_apart(dtype: str) -> None:
    for start in (0.0, 1.0, -1.0, 1000.0, -0.1, 6e-8):
        value = np.array([start], dtype)
        above = np.nextafter(value, np.array([np.inf], dtype))
        assert ulps(value, above) == ulps(above, value) == [1]


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_zero_has_one_place_and_its_neighbours_are_two_apart(dtype: str) -> None:
    smallest = np.array([np.finfo(dtype).smallest_subnormal], dtype)
    assert ulps(np.array([0.0], dtype), np.array([-0.0], dtype)) == [0]
    assert ulps(smallest, -smallest) == [2]


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_nan_is_like_nan_and_like_nothing_else(dtype: str) -> None:
    values = np.array([np.nan, np.nan, np.inf, 0.0], dtype)
    others = np.array([np.nan, 1.0, np.nan, np.nan], dtype)
    assert ulps(values, others).tolist() == [0, FARTHEST, FARTHEST, FARTHEST]
    assert ulps(np.array([-np.nan], dtype), np.array([np.nan], dtype)) == [0]


def test_infinity_is_behind_the_largest_number() -> None:
    largest = np.array([np.finfo(np.float32).max], np.float32)
    infinity = np.array([np.inf], np.float32)
    assert ulps(largest, infinity) == [1]
    assert ulps(-infinity, infinity) == [2 * 0x7F800000]


@given(st.floats(width=32, allow_nan=False), st.floats(width=32, allow_nan=False), st.floats(width=32, allow_nan=False))
def test_distances_add_up_along_the_line(a: float, b: float, c: float) -> None:
    low, middle, high = (np.array([value], np.float32) for value in sorted((a, b, c)))
    assert ulps(low, middle) + ulps(middle, high) == ulps(low, high)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint32", "int64", "uint64"])
def test_of_integers_it_is_the_difference_without_overflow(dtype: str) -> None:
    limits = np.iinfo(dtype)
    low, high = np.array([limits.min], dtype), np.array([limits.max], dtype)
    assert ulps(low, high).tolist() == ulps(high, low).tolist() == [int(limits.max) - int(limits.min)]


def test_the_worst_element_is_named() -> None:
    words = Tolerance("ULP", 2).objection(np.array([[1, 5], [9, 4]], np.int32), np.array([[1, 1], [2, 4]], np.int32))
    assert words == "9 for 2 at [1, 0]: 7 ULP where 2 are allowed; 2 of 4 elements are too far"


def test_as_far_as_allowed_is_near_enough() -> None:
    actual, expected = np.array([3], np.int8), np.array([1], np.int8)
    assert Tolerance("ULP", 2).objection(actual, expected) is None
    assert Tolerance("ULP", 1).objection(actual, expected)


def test_absolute_distances() -> None:
    expected = np.array([0.0, 1.0, np.inf, np.nan], np.float32)
    near, far = expected + np.float32(1 / 1024), expected + np.float32(1 / 512)
    assert Tolerance("ATOL", 1 / 1024).objection(near, expected) is None
    assert Tolerance("ATOL", 1 / 1024).objection(far, expected)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_no_absolute_distance_reaches_what_is_no_number(wrong: float) -> None:
    actual, expected = np.array([wrong], np.float32), np.array([1.0], np.float32)
    for pair in ((actual, expected), (expected, actual)):
        assert Tolerance("ATOL", 1e30).objection(*pair)


def test_scalars_and_nothing() -> None:
    assert Tolerance("ULP", 0).objection(np.float32(1.5).reshape(()), np.array(1.5, np.float32)) is None
    assert Tolerance("ULP", 0).objection(np.array(2, np.int8), np.array(1, np.int8))
    assert Tolerance("ULP", 0).objection(np.zeros((0, 2), np.int8), np.zeros((0, 2), np.int8)) is None


def test_another_type_or_shape_is_an_objection() -> None:
    zeros = np.zeros((2, 3), np.float32)
    assert Tolerance("ULP", 0).objection(zeros.astype(np.float16), zeros) == "is float16 [2, 3] and not float32 [2, 3]"
    assert Tolerance("ULP", 0).objection(zeros.T, zeros) == "is float32 [3, 2] and not float32 [2, 3]"
