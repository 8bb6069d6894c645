"""quantizeLinear and dequantizeLinear: types, and blocks that divide the input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from littoral.webnn import OperandError

Call = Callable[..., list[str]]


@settings(deadline=None)
@given(data=st.data())
def test_each_block_has_a_scale(call: Call, data: st.DataObject) -> None:
    blocks = data.draw(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), max_size=5))
    shape = ",".join(str(count * size) for count, size in blocks)
    scale = ",".join(str(count) for count, _ in blocks)
    stored = data.draw(st.sampled_from(["uint8", "int8", "uint32", "int32"]))
    real = data.draw(st.sampled_from(["float32", "float16"]))
    named = {"scale": f"{real}[{scale}]", "zero_point": f"{stored}[{scale}]"}
    assert call("quantizeLinear", input=f"{real}[{shape}]", **named) == [f"{stored}[{shape}]"]
    assert call("dequantizeLinear", input=f"{stored}[{shape}]", **named) == [f"{real}[{shape}]"]


@pytest.mark.parametrize(
    ("operation", "source", "scale", "zero_point", "words"),
    [
        ("quantizeLinear", "float32[4]", "float32[]", "int8[4]", "scale has rank 0, and must have 1"),
        ("quantizeLinear", "float32[4]", "float32[2]", "int8[4]", "zeroPoint has shape [4], and must have [2]"),
        (
            "quantizeLinear",
            "float32[4]",
            "float32[3]",
            "int8[3]",
            "scale has shape [3], which does not divide the input's",
        ),
        ("quantizeLinear", "float32[4]", "float16[1]", "int8[1]", "scale is float16, and must be float32 like input"),
        ("quantizeLinear", "float32[4]", "float32[1]", "int64[1]", "zeroPoint is int64, and must be uint8 or int8 or"),
        ("quantizeLinear", "int32[4]", "float32[1]", "int8[1]", "input is int32, and must be float32 or float16"),
        ("dequantizeLinear", "int8[4]", "float32[1]", "uint8[1]", "zeroPoint is uint8, and must be int8 like input"),
        ("dequantizeLinear", "int8[4]", "int8[1]", "int8[1]", "scale is int8, and must be float32 or float16"),
        (
            "dequantizeLinear",
            "int8[4]",
            "float32[8]",
            "int8[8]",
            "scale has shape [8], which does not divide the input's",
        ),
    ],
)
def test_rules_that_are_broken_are_named(
    call: Call, operation: str, source: str, scale: str, zero_point: str, words: str
) -> None:
    named: dict[str, Any] = {"input": source, "scale": scale, "zero_point": zero_point}
    with pytest.raises(OperandError) as raised:
        call(operation, **named)
    assert f"{operation}: {words}" in str(raised.value)
