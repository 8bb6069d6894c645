"""Normalizations against their definitions in double precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.webnn.to_model.conftest import compute

from littoral.webnn.program import Array

X: Array = np.asarray(np.random.default_rng(0).normal(2, 3, (2, 3, 4, 5)), np.float32)


def along(values: Array, axis: int) -> Array:
    """One number for each place along an axis of X."""
    return values.reshape([-1 if n == axis else 1 for n in range(4)])


@pytest.mark.parametrize("known", [("mean", "variance"), ("mean", "variance", "scale", "bias"), ()])
@pytest.mark.parametrize("axis", [1, 3])
@pytest.mark.parametrize("names", [(), ("scale",), ("bias",), ("scale", "bias")])
def test_batch(axis: int, names: tuple[str, ...], known: tuple[str, ...]) -> None:
    random = np.random.default_rng(1)
    size = (2, 3, 4, 5)[axis]
    numbers = {name: random.uniform(0.5, 2, (size,)).astype(np.float32) for name in ("mean", "variance", *names)}
    wanted = (X.astype(np.float64) - along(numbers["mean"], axis)) / np.sqrt(along(numbers["variance"], axis) + 1e-3)
    wanted = wanted * along(numbers.get("scale", np.ones(1)), axis) + along(numbers.get("bias", np.zeros(1)), axis)
    given: dict[str, Any] = {"axis": axis, "epsilon": 1e-3, **numbers}
    found = compute("batchNormalization", [name for name in known if name in given], input=X, **given)[0]
    np.testing.assert_allclose(found, wanted, rtol=2e-6, atol=1e-6)


def normalized(x: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    """With the mean and variance of the array itself."""
    x = x.astype(np.float64)
    deviation = np.sqrt(x.var(axes, keepdims=True) + epsilon)
    result: Array = (x - x.mean(axes, keepdims=True)) / deviation
    return result


@pytest.mark.parametrize(("layout", "axes", "channels"), [("nchw", (2, 3), 1), ("nhwc", (1, 2), 3)])
def test_instance(layout: str, axes: tuple[int, ...], channels: int) -> None:
    scale, bias = (np.arange(1, X.shape[channels] + 1).astype(np.float32) * sign for sign in (1, -0.5))
    wanted = normalized(X, axes, 1e-5)
    np.testing.assert_allclose(
        compute("instanceNormalization", input=X, layout=layout)[0], wanted, rtol=1e-5, atol=2e-6
    )
    found = compute("instanceNormalization", ["scale"], input=X, layout=layout, scale=scale, bias=bias)[0]
    wanted = wanted * along(scale, channels) + along(bias, channels)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("axes", [None, (3,), (1, 3), (3, 1), (2, 1, 3), (0,), ()])
def test_layer(axes: tuple[int, ...] | None) -> None:
    named = (1, 2, 3) if axes is None else axes
    scale = np.random.default_rng(2).normal(size=[X.shape[axis] for axis in named]).astype(np.float32)
    bias = (scale * 2 + 1).astype(np.float32)
    order = np.argsort(named).tolist()
    shape = [X.shape[axis] if axis in named else 1 for axis in range(4)]
    spread = [np.asarray(value).transpose(order).reshape(shape) for value in (scale, bias)]
    wanted = (normalized(X, named, 1e-5) if named else np.zeros(X.shape)) * spread[0] + spread[1]
    given: dict[str, Any] = {} if axes is None else {"axes": axes}
    found = compute("layerNormalization", input=X, scale=np.asarray(scale), bias=np.asarray(bias), **given)[0]
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_half_precision() -> None:
    half = X.astype(np.float16)
    found = compute("layerNormalization", input=half)[0]
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, normalized(half, (1, 2, 3), 1e-5), rtol=1e-3, atol=1e-3)
