"""conv2d and convTranspose2d: sizes by counting windows, layouts, groups."""

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
PADDING = st.tuples(*[st.integers(0, 3)] * 4)


def _text(letters: str, **sizes: int) -> str:
    return f"float32[{','.join(str(sizes[letter]) for letter in letters)}]"


def _windows(size: int, window: int, stride: int, dilation: int, before: int, after: int) -> int:
    """How many windows there are in a padded line."""
    line = np.zeros(size + before + after)
    reach = (window - 1) * dilation + 1
    return len(np.lib.stride_tricks.sliding_window_view(line, reach)[::stride]) if reach <= len(line) else 0


@settings(deadline=None)
@given(data=st.data())
def test_conv2d_has_an_output_for_each_window(call: Call, data: st.DataObject) -> None:
    h, w, kh, kw = (data.draw(SIDE) for _ in range(4))
    padding, strides, dilations = data.draw(PADDING), data.draw(PAIR), data.draw(PAIR)
    groups, inner, outer = (data.draw(st.integers(1, 3)) for _ in range(3))
    layout = data.draw(st.sampled_from(["nchw", "nhwc"]))
    order = data.draw(st.sampled_from(["oihw", "hwio", "ohwi", "ihwo"]))
    rows = _windows(h, kh, strides[0], dilations[0], *padding[:2])
    columns = _windows(w, kw, strides[1], dilations[1], *padding[2:])
    assume(rows and columns)
    found = call(
        "conv2d",
        input=_text(layout, n=2, c=inner * groups, h=h, w=w),
        filter=_text(order, o=outer * groups, i=inner, h=kh, w=kw),
        bias=f"float32[{outer * groups}]",
        padding=padding,
        strides=strides,
        dilations=dilations,
        groups=groups,
        input_layout=layout,
        filter_layout=order,
    )
    assert found == [_text(layout, n=2, c=outer * groups, h=rows, w=columns)]


@settings(deadline=None)
@given(data=st.data())
def test_conv_transpose2d_undoes_conv2d(call: Call, data: st.DataObject) -> None:
    h, w, kh, kw = (data.draw(SIDE) for _ in range(4))
    padding, strides, dilations = data.draw(PADDING), data.draw(PAIR), data.draw(PAIR)
    groups, inner, outer = (data.draw(st.integers(1, 3)) for _ in range(3))
    layout = data.draw(st.sampled_from(["nchw", "nhwc"]))
    order = data.draw(st.sampled_from(["iohw", "hwoi", "ohwi"]))
    rows = _windows(h, kh, strides[0], dilations[0], *padding[:2])
    columns = _windows(w, kw, strides[1], dilations[1], *padding[2:])
    assume(rows and columns)
    named = {
        "input": _text(layout, n=1, c=inner * groups, h=rows, w=columns),
        "filter": _text(order, i=inner * groups, o=outer, h=kh, w=kw),
        "padding": padding,
        "strides": strides,
        "dilations": dilations,
        "groups": groups,
        "inputLayout": layout,
        "filterLayout": order,
    }
    expected = [_text(layout, n=1, c=outer * groups, h=h, w=w)]
    assert call("convTranspose2d", output_sizes=[h, w], output_padding=[9, 9], **named) == expected
    # What the windows leave over at the end is less than a stride: what the output is padded by without sizes.
    left = [
        size + sum(padding[2 * n : 2 * n + 2]) - ((count - 1) * strides[n] + (window - 1) * dilations[n] + 1)
        for n, (size, count, window) in enumerate([(h, rows, kh), (w, columns, kw)])
    ]
    assert call("convTranspose2d", output_padding=left, **named) == expected


CONV = {"input": "float32[1,4,5,5]", "filter": "float32[2,4,3,3]"}
TRANSPOSED = {"input": "float32[1,4,5,5]", "filter": "float32[4,2,3,3]"}


@pytest.mark.parametrize(
    ("operation", "named", "words"),
    [
        ("conv2d", {**CONV, "groups": 0}, "conv2d: groups is 0"),
        ("conv2d", {**CONV, "groups": 3}, "groups is 3, which does not divide the input's 4 channels"),
        (
            "conv2d",
            {**CONV, "groups": 2, "label": "first"},
            "conv2d 'first': filter takes 4 input channels a group, and",
        ),
        (
            "conv2d",
            {"input": "float32[1,4,5,5]", "filter": "float32[3,2,3,3]", "groups": 2},
            "groups is 2, which does not divide the filter's 3 output channels",
        ),
        ("conv2d", {**CONV, "padding": [1, 1]}, "conv2d: padding has 2 items, and takes 4"),
        ("conv2d", {**CONV, "strides": [1]}, "conv2d: strides has 1 items, and takes 2"),
        ("conv2d", {**CONV, "strides": [1, 0]}, "conv2d: strides are [1, 0], and none may be 0"),
        ("conv2d", {**CONV, "dilations": [0, 1]}, "conv2d: dilations are [0, 1], and none may be 0"),
        ("conv2d", {**CONV, "dilations": [3, 1]}, "filter reaches beyond the padded input: the output would be -1 x 3"),
        ("conv2d", {**CONV, "bias": "float32[4]"}, "conv2d: bias has shape [4], and must have [2]"),
        ("conv2d", {**CONV, "bias": "float16[2]"}, "conv2d: bias is float16, and must be float32 like input"),
        ("conv2d", {**CONV, "input": "float32[4,5,5]"}, "conv2d: input has rank 3, and must have 4"),
        ("conv2d", {**CONV, "filter": "float16[2,4,3,3]"}, "conv2d: filter is float16, and must be float32 like input"),
        ("conv2d", {**CONV, "input": "int8[1,4,5,5]"}, "conv2d: input is int8, and must be float32 or float16"),
        ("conv2d", {**CONV, "filter_layout": "iohw"}, "filterLayout is 'iohw'. Accepted: oihw, hwio, ohwi, ihwo"),
        ("conv2d", {**CONV, "autoPad": "same-upper"}, "conv2d: there is no autoPad. Accepted: input, filter, padding"),
        ("conv2d", {**CONV, "padding": [2**32 - 1] * 4}, "a dimension is 1 to 2147483647"),
        ("convTranspose2d", {**TRANSPOSED, "input": "float32[1,3,5,5]"}, "takes 4 input channels, and the input has 3"),
        ("convTranspose2d", {**TRANSPOSED, "groups": 3}, "groups is 3, which does not divide the input's 4 channels"),
        ("convTranspose2d", {**TRANSPOSED, "groups": 2, "bias": "float32[2]"}, "bias has shape [2], and must have [4]"),
        ("convTranspose2d", {**TRANSPOSED, "output_padding": [1, 0]}, "outputPadding is [1, 0], and must be less than"),
        ("convTranspose2d", {**TRANSPOSED, "output_padding": [0]}, "outputPadding has 1 items, and takes 2"),
        (
            "convTranspose2d",
            {**TRANSPOSED, "output_sizes": [7, 8]},
            "outputSizes are [7, 8], and must be from [7, 7] to",
        ),
        ("convTranspose2d", {**TRANSPOSED, "padding": [4, 4, 0, 0]}, "the output would be -1 x 7"),
        (
            "convTranspose2d",
            {**TRANSPOSED, "filter_layout": "oihw"},
            "filterLayout is 'oihw'. Accepted: iohw, hwoi, ohwi",
        ),
        (
            "convTranspose2d",
            {"input": "float32[1,65536,1,1]", "filter": "float32[65536,1,1,1]", "groups": 65536, "strides": [0, 1]},
            "strides are [0, 1]",
        ),
    ],
)
def test_rules_that_are_broken_are_named(call: Call, operation: str, named: dict[str, Any], words: str) -> None:
    with pytest.raises(OperandError) as raised:
        call(operation, **named)
    assert words in str(raised.value)
