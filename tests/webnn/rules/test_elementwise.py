"""Arithmetic, comparisons, logic, clamp, cast and where infer what numpy gives, and refuse what the standard does."""

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

ARITHMETIC = ("add", "sub", "mul", "div", "max", "min", "pow")
COMPARISONS = ("equal", "notEqual", "greater", "greaterOrEqual", "lesser", "lesserOrEqual")
FLOATS = ("ceil", "cos", "erf", "exp", "floor", "log", "reciprocal", "roundEven", "sin", "sqrt", "tan")
ACTIVATIONS = (
    "elu",
    "gelu",
    "hardSigmoid",
    "hardSwish",
    "leakyRelu",
    "linear",
    "sigmoid",
    "softplus",
    "softsign",
    "tanh",
)
TYPES = ("float32", "float16", "int32", "uint32", "int64", "uint64", "int8", "uint8")


def _text(data_type: str, shape: Any) -> str:
    return f"{data_type}[{','.join(map(str, shape))}]"


@pytest.mark.parametrize(
    ("operations", "types", "result"),
    [
        (ARITHMETIC, TYPES, ""),
        (COMPARISONS, TYPES, "uint8"),
        (("logicalAnd", "logicalOr", "logicalXor"), ("uint8",), "uint8"),
    ],
    ids=["arithmetic", "comparisons", "logic"],
)
@settings(deadline=None)
@given(data=st.data())
def test_two_operands_broadcast_as_numpy_s_do(
    call: Call, operations: tuple[str, ...], types: tuple[str, ...], result: str, data: st.DataObject
) -> None:
    shapes = data.draw(mutually_broadcastable_shapes(num_shapes=2, min_side=1, max_side=5, max_dims=8))
    operation, kind = data.draw(st.sampled_from(operations)), data.draw(st.sampled_from(types))
    a, b = (_text(kind, shape) for shape in shapes.input_shapes)
    assert call(operation, a=a, b=b) == [_text(result or kind, shapes.result_shape)]


@settings(deadline=None)
@given(data=st.data())
def test_two_operands_that_numpy_refuses_are_refused(call: Call, data: st.DataObject) -> None:
    shape = st.lists(st.integers(1, 3), max_size=4).map(tuple)
    a, b = data.draw(shape), data.draw(shape)
    try:
        expected: tuple[int, ...] | None = np.broadcast_shapes(a, b)
    except ValueError:
        expected = None
    operation = data.draw(st.sampled_from(ARITHMETIC))
    if expected is None:
        with pytest.raises(OperandError, match=f"{operation}: b has shape .* does not broadcast"):
            call(operation, a=_text("float32", a), b=_text("float32", b))
    else:
        assert call(operation, a=_text("float32", a), b=_text("float32", b)) == [_text("float32", expected)]


@pytest.mark.parametrize("data_type", TYPES)
@pytest.mark.parametrize("operation", ["abs", "neg", "sign", "relu", *FLOATS, *ACTIVATIONS, "identity"])
def test_one_operand_keeps_its_type_and_shape(call: Call, operation: str, data_type: str) -> None:
    accepted = {"float32", "float16"}
    if operation in ("abs", "neg", "sign", "relu"):
        accepted |= {"int32", "int64", "int8"}
    if operation == "identity":
        accepted |= set(TYPES)
    if data_type in accepted:
        assert call(operation, input=f"{data_type}[2,1,3]") == [f"{data_type}[2,1,3]"]
    else:
        with pytest.raises(OperandError, match=f"{operation}: input is {data_type}, and must be float32 or float16"):
            call(operation, input=f"{data_type}[2,1,3]")


@pytest.mark.parametrize("target", TYPES)
@pytest.mark.parametrize("source", TYPES)
def test_cast_is_between_any_types(call: Call, source: str, target: str) -> None:
    assert call("cast", input=f"{source}[]", data_type=target) == [f"{target}[]"]


@pytest.mark.parametrize(
    ("operation", "named", "expected"),
    [
        ("logicalNot", {"a": "uint8[4]"}, "uint8[4]"),
        ("isNaN", {"a": "float16[4,1]"}, "uint8[4,1]"),
        ("isInfinite", {"a": "float32[]"}, "uint8[]"),
        ("prelu", {"input": "int8[2,3]", "slope": "int8[4,1,3]"}, "int8[4,2,3]"),
        ("clamp", {"input": "uint64[3]", "min_value": 2**63, "max_value": 2**64}, "uint64[3]"),
        ("clamp", {"input": "float32[3]", "min_value": float("nan"), "max_value": 0}, "float32[3]"),
        ("clamp", {"input": "int8[3]", "min_value": 900, "max_value": 300}, "int8[3]"),  # both are 127 once cast
        ("where", {"condition": "uint8[2,1]", "true_value": "int64[3]", "false_value": "int64[]"}, "int64[2,3]"),
        ("where", {"condition": "uint8[4,1,1]", "true_value": "int8[2,1]", "false_value": "int8[3]"}, "int8[4,2,3]"),
    ],
)
def test_others(call: Call, operation: str, named: dict[str, Any], expected: str) -> None:
    assert call(operation, **named) == [expected]


@pytest.mark.parametrize(
    ("operation", "named", "words"),
    [
        ("add", {"a": "float32[2]", "b": "int32[2]"}, "add: b is int32, and must be float32 like a"),
        ("add", {"a": "float32[2]", "b": "float32[2]", "label": "sum#1", "alpha": 1}, "add 'sum#1': there is no alpha"),
        ("logicalAnd", {"a": "int8[2]", "b": "int8[2]"}, "logicalAnd: a is int8, and must be uint8"),
        ("logicalNot", {"a": "float32[2]"}, "logicalNot: a is float32, and must be uint8"),
        ("isNaN", {"a": "int32[2]"}, "isNaN: a is int32, and must be float32 or float16"),
        ("prelu", {"input": "float32[2]", "slope": "float32[3]"}, "prelu: slope has shape [3]"),
        ("prelu", {"input": "uint8[2]", "slope": "uint8[2]"}, "prelu: input is uint8"),
        (
            "clamp",
            {"input": "float32[2]", "min_value": 1, "max_value": 0},
            "clamp: minValue is 1.0, more than maxValue",
        ),
        ("clamp", {"input": "float32[2]", "min_value": "1"}, "clamp: minValue is of type str, and must be a number"),
        ("cast", {"input": "float32[2]", "data_type": "int4"}, "cast: dataType is 'int4'. Accepted: float32, "),
        (
            "where",
            {"condition": "int8[2]", "true_value": "int8[2]", "false_value": "int8[2]"},
            "where: condition is int8",
        ),
        ("where", {"condition": "uint8[2]", "true_value": "int8[2]", "false_value": "uint8[2]"}, "like trueValue"),
        ("where", {"condition": "uint8[2]", "true_value": "int8[3]", "false_value": "int8[]"}, "where: condition has"),
        ("where", {"condition": "uint8[]", "true_value": "int8[3]", "false_value": "int8[2]"}, "where: falseValue has"),
        ("elu", {"input": "float32[2]", "alpha": float("inf")}, "elu: alpha is inf, and must be finite"),
    ],
)
def test_rules_that_are_broken_are_named(call: Call, operation: str, named: dict[str, Any], words: str) -> None:
    with pytest.raises(OperandError) as raised:
        call(operation, **named)
    assert words in str(raised.value)
    assert isinstance(raised.value, TypeError)  # as the standard has it
