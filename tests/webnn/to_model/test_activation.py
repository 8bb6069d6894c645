"""Activations against their definitions in double precision."""

from __future__ import annotations

from collections.abc import Callable
from math import erf
from typing import Any

import numpy as np
import pytest
from tests.webnn.to_model.conftest import compute, operators

from littoral.webnn.program import Array

X = np.concatenate([np.linspace(-9, 9, 73), [0, 1e-4, -1e-4, 30, -30, 80]]).astype(np.float32)

CASES: list[tuple[str, dict[str, float], Callable[[Array], Any]]] = [
    ("elu", {}, lambda x: np.where(x > 0, x, np.expm1(x))),
    ("elu", {"alpha": 0.3}, lambda x: np.where(x > 0, x, 0.3 * np.expm1(x))),
    ("elu", {"alpha": -2.0}, lambda x: np.where(x > 0, x, -2 * np.expm1(x))),
    ("gelu", {}, lambda x: x * (1 + np.vectorize(erf)(x / np.sqrt(2))) / 2),
    ("hardSigmoid", {}, lambda x: np.clip(0.2 * x + 0.5, 0, 1)),
    ("hardSigmoid", {"alpha": -0.5, "beta": 0.1}, lambda x: np.clip(-0.5 * x + 0.1, 0, 1)),
    ("hardSwish", {}, lambda x: x * np.clip(x + 3, 0, 6) / 6),
    ("leakyRelu", {}, lambda x: np.where(x > 0, x, 0.01 * x)),
    ("leakyRelu", {"alpha": 3.0}, lambda x: np.where(x > 0, x, 3 * x)),
    ("linear", {"alpha": 2.5, "beta": -1.0}, lambda x: 2.5 * x - 1),
    ("linear", {}, lambda x: x),
    ("sigmoid", {}, lambda x: 1 / (1 + np.exp(-x))),
    ("softplus", {}, lambda x: np.logaddexp(0, x)),
    ("softsign", {}, lambda x: x / (1 + np.abs(x))),
    ("tanh", {}, np.tanh),
]


@pytest.mark.parametrize(("operation", "options", "function"), CASES)
def test_activations(operation: str, options: dict[str, Any], function: Callable[[Array], Any]) -> None:
    found = compute(operation, input=X, **options)[0]
    np.testing.assert_allclose(found, function(X.astype(np.float64)), rtol=2e-6, atol=5e-7)
    half = X.astype(np.float16)
    wanted = function(half.astype(np.float64))
    np.testing.assert_allclose(compute(operation, input=half, **options)[0], wanted, rtol=1e-3, atol=1e-6)


def test_softplus_keeps_what_is_small() -> None:
    x = np.array([-1, -5, -10, -20, -40, -80], np.float32)
    wanted = np.log1p(np.exp(x.astype(np.float64)))
    np.testing.assert_allclose(compute("softplus", input=x)[0], wanted, rtol=2e-6)


@pytest.mark.parametrize("data_type", ["float32", "float16", "int64", "int32", "int8"])
@pytest.mark.parametrize("shape", [(3,), (1,), (2, 1), (2, 2, 3), ()])
@pytest.mark.parametrize("known", [True, False])
def test_prelu(data_type: str, shape: tuple[int, ...], known: bool) -> None:
    x = (np.arange(12).reshape(2, 2, 3) - 6).astype(data_type)
    slope = np.resize(np.array([2, -3, 4]), shape).astype(data_type)
    wanted = np.where(x < 0, slope * x, x)
    np.testing.assert_array_equal(compute("prelu", ["slope"] if known else (), input=x, slope=slope)[0], wanted)


def test_prelu_with_one_slope_a_channel_is_one_operator() -> None:
    x = np.ones((1, 2, 2, 3), np.float32)
    assert operators("prelu", ["slope"], input=x, slope=np.ones(3, np.float32)) == ["PRELU"]
