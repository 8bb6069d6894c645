"""Pooling against loops over its definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.webnn.to_model.conftest import bits, compute, operators
from tests.webnn.to_model.test_convolution import PAIRS, arranged, values

from littoral.webnn.program import DTYPES, Array

REDUCE: dict[str, Any] = {
    "averagePool2d": np.mean,
    "l2Pool2d": lambda part, axis: np.sqrt(np.square(part).sum(axis)),
    "maxPool2d": np.max,
}


def pooled(operation: str, x: Array, options: dict[str, Any], sizes: tuple[int, int]) -> Array:
    """Of nchw: what lies in the picture counts."""
    window, padding, strides, gaps = (options[n] for n in ("windowDimensions", "padding", "strides", "dilations"))
    result = np.zeros((*x.shape[:2], *sizes), x.dtype)
    for i in range(sizes[0]):
        for j in range(sizes[1]):
            rows = [i * strides[0] - padding[0] + k * gaps[0] for k in range(window[0])]
            columns = [j * strides[1] - padding[2] + k * gaps[1] for k in range(window[1])]
            rows = [row for row in rows if 0 <= row < x.shape[2]]
            columns = [column for column in columns if 0 <= column < x.shape[3]]
            if rows and columns:
                result[:, :, i, j] = REDUCE[operation](x[:, :, rows][:, :, :, columns], axis=(2, 3))
    return result


@st.composite
def cases(draw: Any) -> tuple[dict[str, Any], tuple[int, int]]:
    """Options of which each window has something of a picture of 7 x 6 in it, and the output's size."""
    window, strides, gaps = draw(PAIRS), draw(PAIRS), draw(st.sampled_from([(1, 1), (1, 1), (2, 1), (2, 2)]))
    padding = tuple(draw(st.integers(0, window[n // 2] - 1)) for n in range(4)) if gaps == (1, 1) else (0,) * 4
    room = [size + padding[2 * n] + padding[2 * n + 1] - (window[n] - 1) * gaps[n] - 1 for n, size in enumerate((7, 6))]
    rounding = draw(st.sampled_from(["floor", "ceil"]))
    sizes = [
        (left // step if rounding == "floor" else -(-left // step)) + 1
        for left, step in zip(room, strides, strict=True)
    ]
    inside = [(sizes[n] - 1) * strides[n] - padding[2 * n] < size for n, size in enumerate((7, 6))]
    options = {"windowDimensions": window, "padding": padding, "strides": strides, "dilations": gaps}
    options["outputShapeRounding"] = rounding if all(inside) else "floor"
    if not all(inside):
        sizes = [left // step + 1 for left, step in zip(room, strides, strict=True)]
    return options, (sizes[0], sizes[1])


@pytest.mark.parametrize("operation", REDUCE)
@settings(deadline=None, max_examples=80)
@given(case=cases(), layout=st.sampled_from(["nchw", "nhwc"]), data_type=st.sampled_from(["float32", "float16"]))
def test_pooling(operation: str, case: Any, layout: str, data_type: str) -> None:
    options, sizes = case
    x = values(0, (2, 3, 7, 6), data_type)
    wanted = arranged(pooled(operation, x.astype(np.float64), options, sizes), "nchw", layout)
    found = compute(operation, input=arranged(x, "nchw", layout), layout=layout, **options)[0]
    assert (found.shape, found.dtype) == (wanted.shape, x.dtype)
    tolerance = 1e-5 if data_type == "float32" else 1e-3
    np.testing.assert_allclose(found.astype(np.float64), wanted, rtol=tolerance, atol=tolerance / 10)


@pytest.mark.parametrize("data_type", sorted(set(DTYPES) - {"float16", "float32"}))
@settings(deadline=None, max_examples=20)
@given(case=cases())
def test_largest_of_integers(data_type: str, case: Any) -> None:
    options, sizes = case
    x = bits(1, data_type, (2, 3, 7, 6))
    found = compute("maxPool2d", input=x, **options)[0]
    np.testing.assert_array_equal(found, pooled("maxPool2d", x, options, sizes))


def test_all_of_the_picture_by_default() -> None:
    x = values(1, (1, 2, 3, 4))
    np.testing.assert_allclose(compute("averagePool2d", input=x)[0], x.mean((2, 3), keepdims=True), atol=1e-7)


def test_one_operator_where_one_is_enough() -> None:
    x = values(1, (1, 8, 8, 4))
    window: dict[str, Any] = {"windowDimensions": (2, 2), "strides": (2, 2), "layout": "nhwc"}
    assert operators("maxPool2d", input=x, **window) == ["MAX_POOL_2D"]
    assert operators("averagePool2d", input=x, **window) == ["AVERAGE_POOL_2D"]
