"""gemm and matmul infer what numpy gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from littoral.webnn import OperandError

Call = Callable[..., list[str]]


def _text(shape: Any) -> str:
    return f"float32[{','.join(map(str, shape))}]"


@settings(deadline=None)
@given(
    shapes=mutually_broadcastable_shapes(signature="(n,k),(k,m)->(n,m)", min_side=1, max_side=4, max_dims=6),
)
def test_matmul_has_numpy_s_shape(call: Call, shapes: Any) -> None:
    a, b = shapes.input_shapes
    assert call("matmul", a=_text(a), b=_text(b)) == [_text((np.zeros(a) @ np.zeros(b)).shape)]


@settings(deadline=None)
@given(data=st.data())
def test_gemm_has_numpy_s_shape(call: Call, data: st.DataObject) -> None:
    n, k, m = (data.draw(st.integers(1, 5)) for _ in range(3))
    flip_a, flip_b = data.draw(st.booleans()), data.draw(st.booleans())
    a, b = ((k, n) if flip_a else (n, k)), ((m, k) if flip_b else (k, m))
    c = data.draw(st.sampled_from([None, (), (1,), (m,), (n, 1), (1, m), (n, m)]))
    named = {} if c is None else {"c": _text(c), "alpha": 0.5, "beta": -1}
    assert call("gemm", a=_text(a), b=_text(b), aTranspose=flip_a, b_transpose=flip_b, **named) == [_text((n, m))]


@pytest.mark.parametrize(
    ("operation", "named", "words"),
    [
        ("matmul", {"a": "float32[2,3]", "b": "float32[2,3]"}, "matmul: b has 2 rows, and a has 3 columns"),
        ("matmul", {"a": "float32[3]", "b": "float32[3,2]"}, "matmul: a has rank 1, and must have at least 2"),
        (
            "matmul",
            {"a": "float32[2,1,3]", "b": "float32[3,3,1]"},
            "whose batch does not broadcast with [2, 1, 3] of a",
        ),
        ("matmul", {"a": "int32[2,2]", "b": "int32[2,2]"}, "matmul: a is int32, and must be float32 or float16"),
        ("gemm", {"a": "float32[2,3]", "b": "float32[2,3]"}, "gemm: b has 2 rows, and a has 3 columns"),
        ("gemm", {"a": "float32[2,3,1]", "b": "float32[2,3]"}, "gemm: a has rank 3, and must have 2"),
        (
            "gemm",
            {"a": "float32[2,3]", "b": "float32[3,2]", "c": "float32[3]"},
            "c has shape [3], which does not broadcast",
        ),
        ("gemm", {"a": "float32[1,3]", "b": "float32[3,1]", "c": "float32[2,1]"}, "does not broadcast to [1, 1]"),
        (
            "gemm",
            {"a": "float32[1,3]", "b": "float32[3,1]", "c": "float32[1,1,1]"},
            "c has rank 3, and must have 0 to 2",
        ),
        (
            "gemm",
            {"a": "float32[1,3]", "b": "float32[3,1]", "c": "float16[]"},
            "c is float16, and must be float32 like a",
        ),
    ],
)
def test_rules_that_are_broken_are_named(call: Call, operation: str, named: dict[str, Any], words: str) -> None:
    with pytest.raises(OperandError) as raised:
        call(operation, **named)
    assert words in str(raised.value)
