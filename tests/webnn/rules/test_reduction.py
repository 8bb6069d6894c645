"""Reductions, argMin, argMax, cumulativeSum and softmax infer what numpy gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from littoral.webnn import OperandError

Call = Callable[..., list[str]]

SUMS = ("reduceL1", "reduceSum", "reduceSumSquare", "reduceProduct")
MEANS = ("reduceL2", "reduceLogSum", "reduceLogSumExp", "reduceMean")
SHAPES = st.lists(st.integers(1, 4), max_size=6).map(tuple)


def _text(data_type: str, shape: Any) -> str:
    return f"{data_type}[{','.join(map(str, shape))}]"


@settings(deadline=None)
@given(data=st.data())
def test_reductions_have_numpy_s_shapes(call: Call, data: st.DataObject) -> None:
    shape = data.draw(SHAPES)
    axes = data.draw(
        st.none() | st.permutations(range(len(shape))).flatmap(lambda p: st.sampled_from([p[:1], p[:2], p]))
    )
    keep = data.draw(st.booleans())
    operation = data.draw(st.sampled_from((*SUMS, *MEANS, "reduceMax", "reduceMin")))
    expected = np.zeros(shape).sum(axis=None if axes is None else tuple(axes), keepdims=keep).shape
    named = {} if axes is None else {"axes": axes}
    assert call(operation, input=_text("float32", shape), keep_dimensions=keep, **named) == [_text("float32", expected)]


@pytest.mark.parametrize("operation", [*SUMS, *MEANS, "reduceMax", "reduceMin"])
@pytest.mark.parametrize("data_type", ["float16", "int32", "uint32", "int64", "uint64", "int8", "uint8"])
def test_reductions_take_their_types(call: Call, operation: str, data_type: str) -> None:
    accepted = {"float16"}
    if operation not in MEANS:
        accepted |= {"int32", "uint32", "int64", "uint64"}
    if operation in ("reduceMax", "reduceMin"):
        accepted |= {"int8", "uint8"}
    if data_type in accepted:
        assert call(operation, input=f"{data_type}[2,3]") == [f"{data_type}[]"]
    else:
        with pytest.raises(OperandError, match=f"{operation}: input is {data_type}, and must be"):
            call(operation, input=f"{data_type}[2,3]")


@settings(deadline=None)
@given(data=st.data())
def test_places_of_extremes_have_numpy_s_shapes(call: Call, data: st.DataObject) -> None:
    shape = data.draw(SHAPES.filter(len))
    axis, keep = data.draw(st.integers(0, len(shape) - 1)), data.draw(st.booleans())
    kind = data.draw(st.sampled_from(["int32", "int64"]))
    expected = np.zeros(shape).argmax(axis, keepdims=keep).shape
    found = call("argMax", input=_text("uint8", shape), axis=axis, output_data_type=kind, keep_dimensions=keep)
    assert found == [_text(kind, expected)]


def test_sums_so_far_and_softmax_keep_the_shape(call: Call) -> None:
    assert call("cumulativeSum", input="int64[2,3]", axis=1, exclusive=True, reversed=True) == ["int64[2,3]"]
    assert call("softmax", input="float16[2,3]", axis=0) == ["float16[2,3]"]


@pytest.mark.parametrize(
    ("operation", "named", "words"),
    [
        ("reduceSum", {"input": "float32[2,3]", "axes": [2]}, "reduceSum: axes are [2], and the input has rank 2"),
        ("reduceSum", {"input": "float32[2,3]", "axes": [0, 0]}, "reduceSum: axes has a value twice: [0, 0]"),
        ("reduceSum", {"input": "float32[2,3]", "axes": [-1]}, "reduceSum: axes[0] is -1, and must be 0 to 4294967295"),
        ("reduceSum", {"input": "float32[2,3]", "axes": 1}, "reduceSum: axes is of type int, and must be a sequence"),
        (
            "reduceSum",
            {"input": "float32[2,3]", "keep_dimensions": 1},
            "keepDimensions is 1, and must be True or False",
        ),
        ("argMin", {"input": "float32[2,3]", "axis": 2}, "argMin: axis is 2, and the input has rank 2"),
        ("argMin", {"input": "float32[]", "axis": 0}, "argMin: input has rank 0, and must have at least 1"),
        ("argMin", {"input": "float32[2]", "axis": 0, "output_data_type": "int8"}, "Accepted: int32, int64"),
        ("argMin", {"input": "float32[2]"}, "argMin: axis is missing"),
        ("cumulativeSum", {"input": "int8[2]", "axis": 0}, "cumulativeSum: input is int8"),
        ("cumulativeSum", {"input": "int32[2]", "axis": 1}, "cumulativeSum: axis is 1, and the input has rank 1"),
        ("softmax", {"input": "float32[2]", "axis": 1}, "softmax: axis is 1, and the input has rank 1"),
        ("softmax", {"input": "int32[2]", "axis": 0}, "softmax: input is int32"),
    ],
)
def test_rules_that_are_broken_are_named(call: Call, operation: str, named: dict[str, Any], words: str) -> None:
    with pytest.raises(OperandError) as raised:
        call(operation, **named)
    assert words in str(raised.value)
