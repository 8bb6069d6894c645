"""Pooling and resampling: sizes by counting windows, rounding, output sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from littoral.webnn import OperandError

Call = Callable[..., list[str]]

SIDE = st.integers(1, 9)
PAIR = st.tuples(st.integers(1, 3), st.integers(1, 3))
POOLS = st.sampled_from(["averagePool2d", "l2Pool2d", "maxPool2d"])


@settings(deadline=None)
@given(data=st.data())
def test_pooling_has_an_output_for_each_window(call: Call, data: st.DataObject) -> None:
    sides, window, strides, dilations = data.draw(st.tuples(SIDE, SIDE)), *(data.draw(PAIR) for _ in range(3))
    padding = data.draw(st.tuples(*[st.integers(0, 3)] * 4))
    down, up = [], []
    for n, size in enumerate(sides):
        line = np.zeros(size + sum(padding[2 * n : 2 * n + 2]))
        reach = (window[n] - 1) * dilations[n] + 1
        assume(reach <= len(line))
        positions = len(np.lib.stride_tricks.sliding_window_view(line, reach))
        down.append(len(range(0, positions, strides[n])))
        up.append(down[n] + bool((positions - 1) % strides[n]))  # one more, which begins inside and ends outside
    named = {"padding": padding, "strides": strides, "dilations": dilations, "windowDimensions": window}
    operation = data.draw(POOLS)
    for rounding, sizes in (("floor", down), ("ceil", up)):
        other = {"floor": "ceil", "ceil": "floor"}[rounding]
        nchw, nhwc = f"float32[2,3,{sides[0]},{sides[1]}]", f"float16[2,{sides[0]},{sides[1]},3]"
        expected = f"[2,3,{sizes[0]},{sizes[1]}]"
        assert call(operation, input=nchw, output_shape_rounding=rounding, **named) == [f"float32{expected}"]
        given_sizes = {"output_sizes": sizes, "output_shape_rounding": other}
        assert call(operation, input=nchw, **given_sizes, **named) == [f"float32{expected}"]
        found = call(operation, input=nhwc, layout="nhwc", output_shape_rounding=rounding, **named)
        assert found == [f"float16[2,{sizes[0]},{sizes[1]},3]"]


def test_the_window_is_the_whole_picture_unless_told(call: Call) -> None:
    assert call("averagePool2d", input="float32[1,2,7,5]") == ["float32[1,2,1,1]"]
    assert call("maxPool2d", input="int64[1,2,7,5]", layout="nhwc") == ["int64[1,1,1,5]"]


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ({}, "float32[1,2,3,4]"),
        ({"scales": [2, 1.5]}, "float32[1,2,6,6]"),
        ({"scales": [0.5, 0.5]}, "float32[1,2,1,2]"),
        ({"scales": [2.0, 2.0], "axes": [1, 0]}, "float32[2,4,3,4]"),
        ({"sizes": [7, 9], "mode": "linear"}, "float32[1,2,7,9]"),
        ({"sizes": [7, 9], "scales": [3, 3], "axes": [3, 1]}, "float32[1,9,3,7]"),
    ],
)
def test_resample2d(call: Call, named: dict[str, Any], expected: str) -> None:
    assert call("resample2d", input="float32[1,2,3,4]", **named) == [expected]


@pytest.mark.parametrize(
    ("operation", "named", "words"),
    [
        ("maxPool2d", {"window_dimensions": [0, 1]}, "maxPool2d: windowDimensions are [0, 1], and none may be 0"),
        ("maxPool2d", {"window_dimensions": [4, 4]}, "windowDimensions are [4, 4], more than the padded input"),
        ("maxPool2d", {"window_dimensions": [2]}, "windowDimensions has 1 items, and takes 2"),
        ("maxPool2d", {"strides": [0, 1]}, "maxPool2d: strides are [0, 1], and none may be 0"),
        ("maxPool2d", {"dilations": [1, 0]}, "maxPool2d: dilations are [1, 0], and none may be 0"),
        ("maxPool2d", {"padding": [0]}, "maxPool2d: padding has 1 items, and takes 4"),
        ("maxPool2d", {"layout": "chwn"}, "maxPool2d: layout is 'chwn'. Accepted: nchw, nhwc"),
        (
            "maxPool2d",  # not rounded both down or both up
            {"window_dimensions": [2, 1], "strides": [2, 2], "output_sizes": [1, 3]},
            "outputSizes are [1, 3], and must be [1, 2] or [2, 3]",
        ),
        ("maxPool2d", {"output_sizes": [1]}, "maxPool2d: outputSizes has 1 items, and takes 2"),
        ("averagePool2d", {"input": "int8[1,2,3,4]"}, "averagePool2d: input is int8, and must be float32 or float16"),
        ("l2Pool2d", {"input": "float32[2,3,4]"}, "l2Pool2d: input has rank 3, and must have 4"),
        ("resample2d", {"scales": [0, 1]}, "resample2d: scales are [0.0, 1.0], and must be positive"),
        ("resample2d", {"scales": [1]}, "resample2d: scales has 1 items, and takes 2"),
        ("resample2d", {"scales": [float("nan"), 1]}, "resample2d: scales[0] is nan, and must be finite"),
        ("resample2d", {"scales": [1e308, 1e308]}, "a dimension is 1 to 2147483647"),
        ("resample2d", {"scales": [0.1, 1]}, "the output would have the shape [1, 2, 0, 4]"),
        ("resample2d", {"sizes": [0, 1]}, "the output would have the shape [1, 2, 0, 1]"),
        ("resample2d", {"sizes": [1, 1, 1]}, "resample2d: sizes has 3 items, and takes 2"),
        ("resample2d", {"axes": [2, 4]}, "resample2d: axes are [2, 4], and the input has rank 4"),
        ("resample2d", {"axes": [2, 2]}, "resample2d: axes has a value twice"),
        ("resample2d", {"axes": [2]}, "resample2d: axes has 1 items, and takes 2"),
        ("resample2d", {"mode": "cubic"}, "mode is 'cubic'. Accepted: nearest-neighbor, linear"),
        ("resample2d", {"input": "int32[1,2,3,4]"}, "resample2d: input is int32"),
    ],
)
def test_rules_that_are_broken_are_named(call: Call, operation: str, named: dict[str, Any], words: str) -> None:
    with pytest.raises(OperandError) as raised:
        call(operation, **{"input": "float32[1,2,3,4]", **named})
    assert words in str(raised.value)
