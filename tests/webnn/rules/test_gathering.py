"""Gathering and scattering infer what numpy's indexing gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from littoral.webnn import OperandError

Call = Callable[..., list[str]]

SHAPES = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple)
INDICES = st.sampled_from(["int32", "uint32", "int64"])


def _text(data_type: str, shape: Any) -> str:
    return f"{data_type}[{','.join(map(str, shape))}]"


@settings(deadline=None)
@given(data=st.data())
def test_gather_has_the_shape_of_take(call: Call, data: st.DataObject) -> None:
    shape, indices = data.draw(SHAPES), data.draw(st.lists(st.integers(1, 4), max_size=4).map(tuple))
    axis = data.draw(st.integers(0, len(shape) - 1))
    expected = np.take(np.zeros(shape), np.zeros(indices, int), axis).shape
    found = call("gather", input=_text("int8", shape), indices=_text(data.draw(INDICES), indices), axis=axis)
    assert found == [_text("int8", expected)]


@settings(deadline=None)
@given(data=st.data())
def test_gather_elements_has_the_shape_of_take_along_axis(call: Call, data: st.DataObject) -> None:
    shape = data.draw(SHAPES)
    axis, count = data.draw(st.integers(0, len(shape) - 1)), data.draw(st.integers(1, 9))
    indices = (*shape[:axis], count, *shape[axis + 1 :])
    expected = np.take_along_axis(np.zeros(shape), np.zeros(indices, int), axis).shape
    source, places = _text("float32", shape), _text(data.draw(INDICES), indices)
    assert call("gatherElements", input=source, indices=places, axis=axis) == [_text("float32", expected)]
    assert call("scatterElements", input=source, indices=places, updates=_text("float32", indices), axis=axis) == [
        source
    ]


@settings(deadline=None)
@given(data=st.data())
def test_gather_nd_has_the_shape_of_indexing(call: Call, data: st.DataObject) -> None:
    shape, many = data.draw(SHAPES), data.draw(st.lists(st.integers(1, 3), max_size=3).map(tuple))
    coordinates = data.draw(st.integers(1, len(shape)))
    places = np.zeros((*many, coordinates), int)
    expected = np.zeros(shape)[tuple(np.moveaxis(places, -1, 0))].shape
    source, indices = _text("uint64", shape), _text(data.draw(INDICES), places.shape)
    assert call("gatherND", input=source, indices=indices) == [_text("uint64", expected)]
    assert call("scatterND", input=source, indices=indices, updates=_text("uint64", expected)) == [source]


@pytest.mark.parametrize(
    ("operation", "named", "words"),
    [
        ("gather", {"input": "float32[]", "indices": "int32[2]"}, "gather: input has rank 0, and must have at least 1"),
        (
            "gather",
            {"input": "float32[2]", "indices": "int8[2]"},
            "indices is int8, and must be int32 or uint32 or int64",
        ),
        (
            "gather",
            {"input": "float32[2]", "indices": "int32[2]", "axis": 1},
            "gather: axis is 1, and the input has rank 1",
        ),
        ("gatherElements", {"input": "float32[2,3]", "indices": "int32[2]"}, "indices has rank 1, and must have 2"),
        (
            "gatherElements",
            {"input": "float32[2,3]", "indices": "int32[2,2]"},
            "has shape [2, 2], and must have [2, 3]",
        ),
        (
            "gatherND",
            {"input": "float32[2,3]", "indices": "int32[4,3]"},
            "indices have 3 coordinates, and the input has",
        ),
        ("gatherND", {"input": "float32[2,3]", "indices": "int32[]"}, "indices has rank 0, and must have at least 1"),
        (
            "scatterElements",
            {"input": "float32[2,3]", "indices": "int32[1,3]", "updates": "float32[2,3]"},
            "scatterElements: updates has shape [2, 3], and must have [1, 3]",
        ),
        (
            "scatterElements",
            {"input": "float32[2,3]", "indices": "int32[1,3]", "updates": "float16[1,3]"},
            "scatterElements: updates is float16, and must be float32 like input",
        ),
        (
            "scatterND",
            {"input": "float32[2,3]", "indices": "int32[4,1]", "updates": "float32[4]"},
            "scatterND: updates has shape [4], and must have [4, 3]",
        ),
    ],
)
def test_rules_that_are_broken_are_named(call: Call, operation: str, named: dict[str, Any], words: str) -> None:
    with pytest.raises(OperandError) as raised:
        call(operation, **named)
    assert words in str(raised.value)
