"""Reductions, places of extremes, running sums, softmax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.webnn.to_model.conftest import bits, compute, same

from littoral.webnn.program import DTYPES

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "reduceL1": lambda x, **how: np.sum(np.abs(x), **how),
    "reduceL2": lambda x, **how: np.sqrt(np.sum(np.square(x), **how)),
    "reduceLogSum": lambda x, **how: np.log(np.sum(x, **how)),
    "reduceLogSumExp": lambda x, **how: np.log(np.sum(np.exp(x), **how)),
    "reduceMax": np.max,
    "reduceMean": np.mean,
    "reduceMin": np.min,
    "reduceProduct": np.prod,
    "reduceSum": np.sum,
    "reduceSumSquare": lambda x, **how: np.sum(np.square(x), **how),
}
SUMMED = ["int32", "uint32", "int64", "uint64"]


@st.composite
def shapes(draw: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A shape, and some of its axes in any order."""
    shape = tuple(draw(st.lists(st.integers(1, 4), max_size=6)))
    axes = draw(st.lists(st.sampled_from(range(len(shape))), unique=True)) if shape else []
    return shape, tuple(axes)


@pytest.mark.parametrize("operation", FUNCTIONS)
@settings(deadline=None, max_examples=30)
@given(data_type=st.sampled_from(["float32", "float16"]), given_=shapes(), keep=st.booleans())
def test_floats(operation: str, data_type: str, given_: Any, keep: bool) -> None:
    shape, axes = given_
    x = np.random.default_rng(0).uniform(0.5, 1.5, shape).astype(data_type)
    wanted = FUNCTIONS[operation](x.astype(np.float64), axis=axes, keepdims=keep)
    found = compute(operation, input=x, axes=axes, keepDimensions=keep)[0]
    assert (found.dtype.name, found.shape) == (data_type, np.shape(wanted))
    tolerance = 1e-5 if data_type == "float32" else 1e-3
    np.testing.assert_allclose(found.astype(np.float64), wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("operation", ["reduceL1", "reduceProduct", "reduceSum", "reduceSumSquare"])
@settings(deadline=None, max_examples=30)
@given(data_type=st.sampled_from(SUMMED), given_=shapes(), keep=st.booleans())
def test_sums_of_integers_wrap_around(operation: str, data_type: str, given_: Any, keep: bool) -> None:
    shape, axes = given_
    x = bits(4, data_type, shape)
    wanted = np.asarray(FUNCTIONS[operation](x, axis=axes, keepdims=keep)).astype(data_type)
    assert same(compute(operation, input=x, axes=axes, keepDimensions=keep)[0], wanted)


@pytest.mark.parametrize("operation", ["reduceMax", "reduceMin"])
@settings(deadline=None, max_examples=30)
@given(data_type=st.sampled_from(sorted(set(DTYPES) - {"float16", "float32"})), given_=shapes())
def test_extremes_of_integers(operation: str, data_type: str, given_: Any) -> None:
    shape, axes = given_
    x = bits(5, data_type, shape)
    wanted = np.asarray(FUNCTIONS[operation](x, axis=axes))
    assert same(compute(operation, input=x, axes=axes)[0], wanted)


def test_log_sum_exp_of_large_numbers() -> None:
    x = np.array([[1000, 1000], [-1000, -1000], [-np.inf, 3], [-np.inf, -np.inf], [np.inf, 0]], np.float32)
    wanted = [1000 + np.log(2), -1000 + np.log(2), 3, -np.inf, np.inf]
    np.testing.assert_allclose(compute("reduceLogSumExp", input=x, axes=(1,))[0], wanted, rtol=1e-6)


@pytest.mark.parametrize("operation", ["argMax", "argMin"])
@settings(deadline=None, max_examples=40)
@given(
    data_type=st.sampled_from(sorted(DTYPES)),
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=6).map(tuple),
    to=st.sampled_from(["int32", "int64"]),
    keep=st.booleans(),
    data=st.data(),
)
def test_places_of_extremes(
    operation: str, data_type: str, shape: tuple[int, ...], to: str, keep: bool, data: st.DataObject
) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    x = (
        bits(6, data_type, shape)
        if np.dtype(data_type).kind in "iu"
        else (bits(6, "int8", shape) % 5).astype(data_type)
    )
    found = compute(operation, input=x, axis=axis, outputDataType=to, keepDimensions=keep)[0]
    function = np.argmax if operation == "argMax" else np.argmin
    assert same(found, np.asarray(function(x, axis=axis, keepdims=keep)).astype(to))


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("data_type", [*SUMMED, "float16", "float32"])
def test_running_sums(data_type: str, backwards: bool, exclusive: bool) -> None:
    x = np.arange(24).reshape(2, 4, 3).astype(data_type)
    turned = np.flip(x, 1) if backwards else x
    wanted = np.cumsum(turned, 1) - (turned if exclusive else 0)
    wanted = np.flip(wanted, 1) if backwards else wanted
    found = compute("cumulativeSum", input=x, axis=1, exclusive=exclusive, reversed=backwards)[0]
    assert same(found, np.ascontiguousarray(wanted).astype(data_type))


@settings(deadline=None, max_examples=30)
@given(shape=st.lists(st.integers(1, 4), min_size=1, max_size=6).map(tuple), data=st.data())
def test_softmax(shape: tuple[int, ...], data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    x = np.random.default_rng(1).normal(0, 3, shape).astype(np.float32)
    exponentials = np.exp(x.astype(np.float64))
    wanted = exponentials / exponentials.sum(axis, keepdims=True)
    np.testing.assert_allclose(compute("softmax", input=x, axis=axis)[0], wanted, rtol=3e-6)
