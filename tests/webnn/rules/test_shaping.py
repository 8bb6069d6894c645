"""Operations on shapes infer what numpy gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from littoral.webnn import OperandError

Call = Callable[..., list[str]]

SHAPES = st.lists(st.integers(1, 5), max_size=5).map(tuple)


def _text(shape: Any) -> str:
    return f"int32[{','.join(map(str, shape))}]"


@settings(deadline=None)
@given(data=st.data())
def test_transpose_and_reverse(call: Call, data: st.DataObject) -> None:
    shape = data.draw(SHAPES)
    order = data.draw(st.none() | st.permutations(range(len(shape))))
    named = {} if order is None else {"permutation": order}
    assert call("transpose", input=_text(shape), **named) == [_text(np.zeros(shape).transpose(order).shape)]
    assert call("reverse", input=_text(shape), **({} if order is None else {"axes": order[:2]})) == [_text(shape)]


@settings(deadline=None)
@given(data=st.data())
def test_slice(call: Call, data: st.DataObject) -> None:
    shape = data.draw(SHAPES)
    starts = [data.draw(st.integers(0, size - 1)) for size in shape]
    sizes = [data.draw(st.integers(1, size - start)) for size, start in zip(shape, starts, strict=True)]
    strides = data.draw(st.none() | st.tuples(*(st.integers(1, 6) for _ in shape)))
    steps = strides or [1] * len(shape)
    cut = tuple(slice(start, start + size, step) for start, size, step in zip(starts, sizes, steps, strict=True))
    named = {} if strides is None else {"strides": strides}
    assert call("slice", input=_text(shape), starts=starts, sizes=sizes, **named) == [_text(np.zeros(shape)[cut].shape)]


@settings(deadline=None)
@given(data=st.data())
def test_pad_and_tile(call: Call, data: st.DataObject) -> None:
    shape = data.draw(SHAPES)
    mode, name = data.draw(st.sampled_from([("constant", "constant"), ("edge", "edge"), ("reflection", "reflect")]))
    amounts = [data.draw(st.tuples(*[st.integers(0, size - 1 if name == "reflect" else 3)] * 2)) for size in shape]
    padded = np.pad(np.zeros(shape), amounts, mode=name) if shape else np.zeros(())  # type: ignore[call-overload]
    before, after = [a for a, _ in amounts], [b for _, b in amounts]
    found = call("pad", input=_text(shape), beginning_padding=before, ending_padding=after, mode=mode)
    assert found == [_text(padded.shape)]
    times = [data.draw(st.integers(1, 3)) for _ in shape]
    assert call("tile", input=_text(shape), repetitions=times) == [_text(np.tile(np.zeros(shape), times).shape)]


@settings(deadline=None)
@given(data=st.data())
def test_concat_and_split_undo_each_other(call: Call, data: st.DataObject) -> None:
    shape = data.draw(SHAPES.filter(len))
    axis = data.draw(st.integers(0, len(shape) - 1))
    sizes = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    parts = [_text((*shape[:axis], size, *shape[axis + 1 :])) for size in sizes]
    whole = _text((*shape[:axis], sum(sizes), *shape[axis + 1 :]))
    assert call("concat", inputs=parts, axis=axis) == [whole]
    assert call("split", input=whole, splits=sizes, axis=axis) == parts
    if sum(sizes) % len(sizes) == 0:
        each = _text((*shape[:axis], sum(sizes) // len(sizes), *shape[axis + 1 :]))
        assert call("split", input=whole, splits=len(sizes), axis=axis) == [each] * len(sizes)


@settings(deadline=None)
@given(data=st.data())
def test_expand_as_broadcast_to(call: Call, data: st.DataObject) -> None:
    shape, target = data.draw(SHAPES), data.draw(SHAPES)
    try:
        expected = np.broadcast_to(np.zeros(shape), target).shape
    except ValueError:
        with pytest.raises(OperandError, match="expand: newShape is"):
            call("expand", input=_text(shape), new_shape=target)
    else:
        assert call("expand", input=_text(shape), new_shape=target) == [_text(expected)]


@settings(deadline=None)
@given(shape=SHAPES, target=SHAPES)
def test_reshape(call: Call, shape: tuple[int, ...], target: tuple[int, ...]) -> None:
    if np.prod(shape) == np.prod(target):
        assert call("reshape", input=_text(shape), new_shape=np.array(target, int)) == [_text(target)]
    else:
        with pytest.raises(OperandError, match="reshape: newShape is"):
            call("reshape", input=_text(shape), new_shape=target)


def test_triangular_keeps_the_shape(call: Call) -> None:
    assert call("triangular", input="int8[2,3,4]", upper=False, diagonal=-5) == ["int8[2,3,4]"]


@pytest.mark.parametrize(
    ("operation", "named", "words"),
    [
        ("concat", {"inputs": [], "axis": 0}, "concat: inputs are 0, and must be 1 to 8192"),
        ("concat", {"inputs": ["int8[]"], "axis": 0}, "concat: inputs has rank 0, and must have at least 1"),
        ("concat", {"inputs": ["int8[2]", "int8[2]"], "axis": 1}, "concat: axis is 1, and the input has rank 1"),
        ("concat", {"inputs": ["int8[2]", "uint8[2]"], "axis": 0}, "concat: inputs[1] is uint8, and the first is int8"),
        (
            "concat",
            {"inputs": ["int8[2,1]", "int8[3,1]"], "axis": 1},
            "inputs[1] has shape [3, 1], and the first [2, 1]",
        ),
        ("concat", {"inputs": ["int8[2,1]", "int8[2]"], "axis": 0}, "inputs[1] has shape [2], and the first [2, 1]"),
        ("concat", {"inputs": ["int8[2]", 3], "axis": 0}, "concat: inputs[1] is of type int, and must be an MLOperand"),
        ("concat", {"inputs": "int8[2]", "axis": 0}, "concat: inputs is of type MLOperand, and must be a sequence"),
        ("concat", {"inputs": ["int8[2147483647]"] * 2, "axis": 0}, "a dimension is 1 to 2147483647"),
        ("expand", {"input": "int8[2]", "new_shape": [0]}, "expand: newShape is [0], to which [2] does not broadcast"),
        ("expand", {"input": "int8[1]", "new_shape": [0]}, "a dimension is 1 to 2147483647"),
        ("expand", {"input": "int8[1]", "new_shape": [2**16, 2**16]}, "4294967296 bytes of int8, and 2147483647 is"),
        ("expand", {"input": "int8[1]", "new_shape": [1] * 9}, "expand: the output would have 9 dimensions, and 8 is"),
        (
            "expand",
            {"input": "int8[1]", "new_shape": [2**40]},
            "newShape[0] is 1099511627776, and must be 0 to 4294967295",
        ),
        ("pad", {"input": "int8[2]", "beginning_padding": [1], "ending_padding": []}, "pad: endingPadding has 0 items"),
        (
            "pad",
            {"input": "int8[2]", "beginning_padding": [0], "ending_padding": [2], "mode": "reflection"},
            "pad: endingPadding is [2], and must be less than the input's shape, [2], to reflect it",
        ),
        (
            "pad",
            {"input": "int8[2]", "beginning_padding": [1], "ending_padding": [1], "mode": "symmetric"},
            "'symmetric'",
        ),
        ("pad", {"input": "int8[2]", "beginning_padding": [2**31], "ending_padding": [0]}, "a dimension is 1 to"),
        ("reshape", {"input": "int8[2,3]", "new_shape": [0]}, "newShape is [0], 0 elements, and the input has 6"),
        ("reshape", {"input": "int8[2,3]", "new_shape": [6.0]}, "newShape[0] is 6.0, and must be an integer"),
        ("reverse", {"input": "int8[2,3]", "axes": [1, 1]}, "reverse: axes has a value twice"),
        (
            "slice",
            {"input": "int8[4]", "starts": [4], "sizes": [1]},
            "sizes are [1] from [4], beyond the input's shape",
        ),
        ("slice", {"input": "int8[4]", "starts": [1], "sizes": [0]}, "slice: sizes are [0], and none may be 0"),
        (
            "slice",
            {"input": "int8[4]", "starts": [1], "sizes": [1], "strides": [0]},
            "strides are [0], and none may be 0",
        ),
        ("slice", {"input": "int8[4]", "starts": [1, 1], "sizes": [1]}, "slice: starts has 2 items, and takes 1"),
        (
            "slice",
            {"input": "int8[4]", "starts": [1], "sizes": [1], "strides": []},
            "slice: strides has 0 items, and takes",
        ),
        (
            "split",
            {"input": "int8[4]", "splits": 3},
            "splits is 3, which does not divide 4, the input's size in axis 0",
        ),
        ("split", {"input": "int8[4]", "splits": 0}, "split: splits is 0"),
        ("split", {"input": "int8[4]", "splits": [1, 2]}, "splits are [1, 2], and must be positive and add up to 4"),
        ("split", {"input": "int8[4]", "splits": [0, 4]}, "splits are [0, 4]"),
        ("split", {"input": "int8[4]", "splits": True}, "splits is of type bool, and must be a sequence"),
        ("split", {"input": "int8[4]", "splits": 2, "axis": 1}, "split: axis is 1, and the input has rank 1"),
        ("tile", {"input": "int8[4]", "repetitions": [0]}, "tile: repetitions are [0], and none may be 0"),
        ("tile", {"input": "int8[4]", "repetitions": [2, 2]}, "tile: repetitions has 2 items, and takes 1"),
        ("tile", {"input": "int8[4]", "repetitions": [2**32 - 1]}, "a dimension is 1 to 2147483647"),
        ("transpose", {"input": "int8[4,2]", "permutation": [0, 0]}, "permutation is [0, 0], and must have each axis"),
        ("transpose", {"input": "int8[4,2]", "permutation": [0]}, "transpose: permutation has 1 items, and takes 2"),
        ("transpose", {"input": "int8[4,2]", "permutation": [0, 2]}, "permutation is [0, 2]"),
        ("triangular", {"input": "int8[4]"}, "triangular: input has rank 1, and must have at least 2"),
        ("triangular", {"input": "int8[4,4]", "diagonal": 2**31}, "diagonal is 2147483648, and must be -2147483648 to"),
    ],
)
def test_rules_that_are_broken_are_named(call: Call, operation: str, named: dict[str, Any], words: str) -> None:
    with pytest.raises(OperandError) as raised:
        call(operation, **named)
    assert words in str(raised.value)
