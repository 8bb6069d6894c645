"""resample2d, held against the formulas of the standard."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.webnn.to_model.conftest import bits, compute, operators, program_of, same

from littoral.tflite.options.shape import ResizeNearestNeighborOptions
from littoral.webnn.program import Array
from littoral.webnn.to_model import lower

TYPES = st.sampled_from(["float32", "float16", "int8", "uint8"])
SHAPES = st.lists(st.integers(1, 7), min_size=4, max_size=4).map(tuple)
SIZES = st.lists(st.integers(1, 15), min_size=2, max_size=2)
AXES = st.permutations(range(4)).map(lambda axes: axes[:2])


def coordinates(size: int, new: int) -> list[Fraction]:
    """The standard's inputCoordinate of each output coordinate, exactly."""
    found = [(n + Fraction(1, 2)) * Fraction(size, new) - Fraction(1, 2) for n in range(new)]
    return [min(max(each, Fraction(0)), Fraction(size - 1)) for each in found]


def nearest(value: Array, axes: list[int], sizes: list[int]) -> Array:
    """By the standard's nearest-neighbor."""
    for axis, new in zip(axes, sizes, strict=True):
        places = [ceil(each - Fraction(1, 2)) for each in coordinates(value.shape[axis], new)]
        value = np.take(value, places, axis)
    return value


def linear(value: Array, axes: list[int], sizes: list[int]) -> Array:
    """By the standard's linear, in float64."""
    found = value.astype(np.float64)
    for axis, new in zip(axes, sizes, strict=True):
        places = coordinates(found.shape[axis], new)
        low, high = (np.take(found, [rounded(each) for each in places], axis) for rounded in (floor, ceil))
        shape = [1] * 4
        shape[axis] = new
        share = np.array([float(each - floor(each)) for each in places]).reshape(shape)
        found = low * (1 - share) + high * share
    return found


@settings(deadline=None)
@given(data_type=TYPES, shape=SHAPES, axes=AXES, sizes=SIZES)
def test_nearest(data_type: str, shape: tuple[int, ...], axes: list[int], sizes: list[int]) -> None:
    value = bits(0, data_type, shape)
    found = compute("resample2d", input=value, mode="nearest-neighbor", sizes=sizes, axes=axes)[0]
    assert same(found, nearest(value, axes, sizes))


@settings(deadline=None)
@given(data_type=TYPES, shape=SHAPES, axes=AXES, sizes=SIZES, seed=st.integers(0, 99))
def test_linear(data_type: str, shape: tuple[int, ...], axes: list[int], sizes: list[int], seed: int) -> None:
    value = np.random.default_rng(seed).uniform(0, 100, shape).astype(data_type)
    found = compute("resample2d", input=value, mode="linear", sizes=sizes, axes=axes)[0]
    wanted = linear(value, axes, sizes)
    assert found.dtype == data_type
    if value.dtype.kind == "f":
        off = (
            2 * 100 * np.spacing(np.float32(7))
        )  # coordinates of both axes are float32, and values differ by up to 100
        step = np.spacing(np.full((), 100, data_type)).astype(np.float64)  # of the largest values
        np.testing.assert_allclose(found.astype(np.float64), wanted, rtol=0, atol=off + step)
    else:
        assert (np.abs(found - wanted) < 0.5 + 1e-4).all()


@pytest.mark.parametrize("mode", ["nearest-neighbor", "linear"])
def test_scales(mode: str) -> None:
    value = np.arange(12, dtype=np.float32).reshape(1, 1, 3, 4)
    found = compute("resample2d", input=value, mode=mode, scales=[2.5, 0.5])[0]
    reference = nearest if mode == "nearest-neighbor" else linear
    np.testing.assert_allclose(found, reference(value, [2, 3], [7, 2]), rtol=1e-6)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"mode": "linear", "axes": (1, 2), "sizes": (8, 6)}, ["RESIZE_BILINEAR"]),
        ({"mode": "linear", "axes": (2, 3), "sizes": (6, 10)}, ["TRANSPOSE", "RESIZE_BILINEAR", "TRANSPOSE"]),
        ({"mode": "nearest-neighbor", "axes": (1, 2), "sizes": (8, 6)}, ["RESIZE_NEAREST_NEIGHBOR"]),
        ({"mode": "nearest-neighbor", "axes": (1, 2), "sizes": (3, 3)}, ["GATHER"]),  # halves: the kernel differs
        ({"mode": "nearest-neighbor", "axes": (1, 3), "sizes": (3, 7)}, ["GATHER", "GATHER"]),
    ],
)
def test_operators(given: dict[str, Any], wanted: list[str]) -> None:
    assert operators("resample2d", input=np.zeros((1, 4, 3, 5), np.float32), **given) == wanted


@pytest.mark.parametrize(("sizes", "half"), [((8, 9), False), ((8, 5), True)])
def test_by_whole_numbers_pixels_are_taken_from_the_corner(sizes: tuple[int, int], half: bool) -> None:
    source = np.zeros((1, 4, 3, 5), np.float32)
    program = program_of("resample2d", input=source, sizes=sizes, axes=(1, 2))
    (resize,) = lower(program).main.operators
    assert resize.options == ResizeNearestNeighborOptions(half_pixel_centers=half)
