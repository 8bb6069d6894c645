"""Matrix products against numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.webnn.to_model.conftest import compute, operators

from littoral.webnn.program import Array


def values(seed: int, shape: tuple[int, ...], data_type: str = "float32") -> Array:
    """Ordinary numbers."""
    return np.asarray(np.random.default_rng(seed).normal(size=shape)).astype(data_type)


@settings(deadline=None, max_examples=40)
@given(stack=st.lists(st.integers(1, 3), max_size=5), data=st.data())
def test_matmul(stack: list[int], data: st.DataObject) -> None:
    n, k, m = (data.draw(st.integers(1, 4)) for _ in range(3))
    stacks = [[size if data.draw(st.booleans()) else 1 for size in stack] for _ in range(2)]
    a, b = values(0, (*stacks[0], n, k)), values(1, (*stacks[1][data.draw(st.integers(0, len(stack))) :], k, m))
    known = data.draw(st.sampled_from([("a",), ("b",), ()]))
    found = compute("matmul", known, a=a, b=b)[0]
    assert found.shape == np.matmul(a, b).shape
    np.testing.assert_allclose(found, np.matmul(a, b), rtol=1e-5, atol=1e-5)


@settings(deadline=None, max_examples=60)
@given(
    flags=st.tuples(st.booleans(), st.booleans()),
    c_shape=st.sampled_from([None, (), (1,), (4,), (1, 4), (3, 1), (3, 4), (1, 1)]),
    factors=st.sampled_from([(1.0, 1.0), (0.5, -2.0)]),
    known=st.sets(st.sampled_from(["a", "b", "c"])),
)
def test_gemm(flags: tuple[bool, bool], c_shape: Any, factors: tuple[float, float], known: set[str]) -> None:
    a, b = values(2, (3, 5)), values(3, (5, 4))
    wanted = factors[0] * (a @ b)
    given_: dict[str, Any] = {"a": a.T.copy() if flags[0] else a, "b": b.T.copy() if flags[1] else b}
    if c_shape is not None:
        given_["c"] = values(4, c_shape)
        wanted = wanted + factors[1] * given_["c"]
    found = compute(
        "gemm", known, alpha=factors[0], beta=factors[1], aTranspose=flags[0], bTranspose=flags[1], **given_
    )[0]
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_half_precision_is_computed_in_single() -> None:
    a, b = values(5, (2, 64), "float16"), values(6, (64, 3), "float16")
    wanted = (a.astype("f4") @ b.astype("f4")).astype("f2")
    np.testing.assert_array_max_ulp(compute("gemm", a=a, b=b)[0], wanted, 1)
    np.testing.assert_array_max_ulp(compute("matmul", ["b"], a=a, b=b)[0], wanted, 1)


@pytest.mark.parametrize("flag", [False, True])
def test_a_dense_layer_is_one_operator(flag: bool) -> None:
    x, w, c = values(0, (2, 3)), values(1, (4, 3) if flag else (3, 4)), values(2, (4,))
    assert operators("gemm", ["b", "c"], a=x, b=w, c=c, bTranspose=flag) == ["FULLY_CONNECTED"]
