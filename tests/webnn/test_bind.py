"""Arguments: by position, by name, in either spelling; whatever is given, only the specified errors come out."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from littoral import webnn
from littoral.webnn.bind import bind
from littoral.webnn.idl import signatures
from littoral.webnn.program import Ref


def _operand(value: object, where: str) -> Ref:
    if not isinstance(value, Ref):
        raise webnn.OperandError(f"{where} is no operand")
    return value


X, W = Ref(0), Ref(1)


def _bound(operation: str, *values: object, **named: object) -> tuple[dict[str, Any], dict[str, Any], str]:
    bound = bind(signatures()[operation], values, named, _operand)
    return bound.arguments, bound.options, bound.label


def test_all_spellings_are_the_same_call() -> None:
    expected = ({"input": X, "filter": W}, {"strides": (2, 2), "filterLayout": "ohwi"}, "a")
    assert _bound("conv2d", X, W, {"strides": [2, 2], "filterLayout": "ohwi", "label": "a"}) == expected
    assert _bound("conv2d", X, W, strides=(2, 2), filterLayout="ohwi", label="a") == expected
    assert _bound("conv2d", X, W, {"strides": np.array([2, 2])}, filter_layout="ohwi", label="a") == expected
    assert _bound("conv2d", X, filter=W, strides=[np.int64(2), 2], filter_layout="ohwi", label="a") == expected


def test_what_is_none_is_left_out() -> None:
    assert _bound("conv2d", X, W, None) == ({"input": X, "filter": W}, {}, "")
    assert _bound("conv2d", X, W, bias=None, label=None) == ({"input": X, "filter": W}, {}, "")


def test_numbers_are_kept_exact() -> None:
    assert _bound("clamp", X, min_value=2**64 - 1, maxValue=np.float32(0.5))[1] == {
        "minValue": 2**64 - 1,
        "maxValue": 0.5,
    }
    assert _bound("elu", X, alpha=2)[1] == {"alpha": 2.0}
    assert _bound("split", X, 3)[0]["splits"] == 3
    assert _bound("split", X, [1, 2])[0]["splits"] == (1, 2)


@pytest.mark.parametrize(
    ("values", "named", "words"),
    [
        ((X,), {}, "gemm: b is missing"),
        ((X, W, X), {}, "gemm: 3 positional arguments were given, and it takes 2 argument(s) and options as a mapping"),
        ((X, W, {}, {}), {}, "gemm: 4 positional arguments were given"),
        ((X, W), {"a": X}, "gemm: a is given twice"),
        ((X, W, {"aTranspose": True}), {"a_transpose": True}, "gemm: aTranspose is given twice"),
        ((X, W, {3: 4}), {}, "gemm: there is no 3"),
        ((X, W), {"alpha": "1"}, "gemm: alpha is of type str, and must be a number"),
        ((X, W), {"alpha": 10**400}, "gemm: alpha is a huge integer, and must be finite"),
        ((X, W), {"alpha": np.array([1.0])}, "gemm: alpha is of type ndarray, and must be a number"),
        ((X, W), {"alpha": True}, "gemm: alpha is of type bool, and must be a number"),
        ((X, W), {"label": 3}, "gemm: label is of type int, and must be a string"),
        (
            (X, W),
            {"label": "a\u202eb", "a_transpose": "no"},
            r"gemm 'a\u202eb': aTranspose is 'no', and must be True or",
        ),
    ],
)
def test_what_is_wrong_is_named(values: tuple[object, ...], named: dict[str, object], words: str) -> None:
    with pytest.raises(webnn.OperandError) as raised:
        _bound("gemm", *values, **named)
    assert words in str(raised.value)


def test_endless_sequences_are_not_waited_for() -> None:
    with pytest.raises(webnn.OperandError, match="newShape is of type count, and must be a sequence"):
        _bound("reshape", X, count(1))


JUNK = st.one_of(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.binary(max_size=3),
    st.sampled_from(
        ["nhwc", "ohwi", "both", "linear", "int64", "ceil", "reflection", 10**400, np.float32(2), np.int8(1)]
    ),
    st.sampled_from([np.zeros(2), np.arange(3), np.zeros((2, 2)), np.array(1), {}, {"a": 1}, object(), count(), int]),
    st.lists(st.integers(0, 5) | st.integers() | st.none(), max_size=5),
)


@settings(max_examples=1000, deadline=None)
@given(data=st.data())
def test_whatever_is_given_only_the_specified_error_comes_out(data: st.DataObject) -> None:
    builder = webnn.MLGraphBuilder(webnn.MLContext("cpu", None, True))
    other = webnn.MLGraphBuilder(webnn.MLContext("cpu", None, True))
    shapes = st.lists(st.integers(1, 4), max_size=5)
    kinds = st.sampled_from(["float32", "float32", "float16", "int32", "int8", "uint8"])
    operands = [
        made.input(f"x{n}", {"dataType": data.draw(kinds), "shape": data.draw(shapes)})
        for n, made in enumerate([builder, builder, builder, builder, other])
    ]
    signature = signatures()[data.draw(st.sampled_from(sorted(signatures())))]
    value = JUNK | st.sampled_from(operands) | st.lists(st.sampled_from(operands), max_size=3)
    named = {p.name: data.draw(st.sampled_from(operands[:4]) | value) for p in signature.arguments}
    options = [p.name for p in signature.options]
    named |= {name: data.draw(value) for name in options if data.draw(st.booleans())}
    made: Any = []
    words = signature.operation
    try:
        made = getattr(builder, signature.operation)(**named)
    except webnn.OperandError as error:
        words = str(error)
    assert words.startswith(signature.operation)
    assert len(words) < 400
    for operand in made if isinstance(made, list) else [made]:
        assert all(0 < size < 2**31 for size in operand.shape)
