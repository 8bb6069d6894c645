"""Normalizations keep the shape, and their operands have that of the axes that they are for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from littoral.webnn import OperandError

Call = Callable[..., list[str]]


def _text(shape: Any) -> str:
    return f"float32[{','.join(map(str, shape))}]"


@settings(deadline=None)
@given(data=st.data())
def test_layer_normalization(call: Call, data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.integers(1, 5), max_size=5))
    axes = data.draw(st.none() | st.permutations(range(len(shape))).flatmap(lambda p: st.sampled_from([p[:1], p])))
    named = {} if axes is None else {"axes": axes}
    over = _text([shape[axis] for axis in (range(1, len(shape)) if axes is None else axes)])
    assert call("layerNormalization", input=_text(shape), scale=over, bias=over, **named) == [_text(shape)]


@settings(deadline=None)
@given(data=st.data())
def test_batch_normalization(call: Call, data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    axis = data.draw(st.integers(0, len(shape) - 1))
    over = dict.fromkeys(("mean", "variance", "scale", "bias"), _text([shape[axis]]))
    assert call("batchNormalization", input=_text(shape), axis=axis, **over) == [_text(shape)]


def test_instance_normalization(call: Call) -> None:
    for layout, over in (("nchw", "float32[2]"), ("nhwc", "float32[4]")):
        found = call("instanceNormalization", input="float32[1,2,3,4]", scale=over, bias=over, layout=layout)
        assert found == ["float32[1,2,3,4]"]


BATCH = {"input": "float32[2,3]", "mean": "float32[3]", "variance": "float32[3]"}


@pytest.mark.parametrize(
    ("operation", "named", "words"),
    [
        ("batchNormalization", {**BATCH, "axis": 2}, "batchNormalization: axis is 2, and the input has rank 2"),
        ("batchNormalization", {**BATCH, "axis": 0}, "batchNormalization: mean has shape [3], and must have [2]"),
        ("batchNormalization", {**BATCH, "variance": "float32[1]"}, "variance has shape [1], and must have [3]"),
        ("batchNormalization", {**BATCH, "scale": "float32[3,1]"}, "scale has rank 2, and must have 1"),
        ("batchNormalization", {**BATCH, "bias": "float16[3]"}, "bias is float16, and must be float32 like input"),
        ("batchNormalization", {**BATCH, "input": "float32[]"}, "input has rank 0, and must have at least 1"),
        ("batchNormalization", {**BATCH, "epsilon": None, "variance": None}, "batchNormalization: variance is missing"),
        (
            "instanceNormalization",
            {"input": "float32[2,3,4]"},
            "instanceNormalization: input has rank 3, and must have 4",
        ),
        (
            "instanceNormalization",
            {"input": "float32[1,2,3,4]", "scale": "float32[4]"},
            "scale has shape [4], and must",
        ),
        ("layerNormalization", {"input": "int8[2]"}, "layerNormalization: input is int8"),
        ("layerNormalization", {"input": "float32[2,3]", "axes": [2]}, "axes are [2], and the input has rank 2"),
        ("layerNormalization", {"input": "float32[2,3]", "axes": [1, 1]}, "axes has a value twice"),
        (
            "layerNormalization",
            {"input": "float32[2,3]", "bias": "float32[2]"},
            "bias has shape [2], and must have [3]",
        ),
        ("layerNormalization", {"input": "float32[2]", "scale": "float32[1]"}, "scale has shape [1], and must have []"),
    ],
)
def test_rules_that_are_broken_are_named(call: Call, operation: str, named: dict[str, Any], words: str) -> None:
    with pytest.raises(OperandError) as raised:
        call(operation, **named)
    assert words in str(raised.value)
