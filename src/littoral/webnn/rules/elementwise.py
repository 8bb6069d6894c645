"""Element by element: arithmetic, comparisons, logic, clamp, cast, where."""

from __future__ import annotations

from functools import partial

from littoral.webnn.program import Descriptor
from littoral.webnn.rules.given import Given, Rule, Shape, broadcast


def _broadcast(given: Given, first: str, second: str) -> Shape:
    a, b = given[first].shape, given[second].shape
    shape = broadcast(a, b)
    if shape is None:
        given.fail(second, f"has shape {list(b)}, which does not broadcast with {list(a)} of {first}")
    return shape


def _binary(given: Given, data_type: str = "") -> list[Descriptor]:
    return [Descriptor(data_type or given["a"].data_type, _broadcast(given, "a", "b"))]


def _unary(given: Given) -> list[Descriptor]:
    return [Descriptor("uint8", given["a"].shape)]


def _prelu(given: Given) -> list[Descriptor]:
    return [Descriptor(given["input"].data_type, _broadcast(given, "input", "slope"))]


def _cast(given: Given) -> list[Descriptor]:
    return [Descriptor(given.word("dataType"), given["input"].shape)]


def _clamp(given: Given) -> list[Descriptor]:
    source = given["input"]
    for name in ("minValue", "maxValue"):
        given.cast_option(name, source.data_type)
    if "minValue" in given and "maxValue" in given and given.number("minValue") > given.number("maxValue"):
        given.fail("minValue", f"is {given.number('minValue')}, more than maxValue, {given.number('maxValue')}")
    return [source]


def _where(given: Given) -> list[Descriptor]:
    values = _broadcast(given, "trueValue", "falseValue")
    condition = given["condition"].shape
    shape = broadcast(condition, values)
    if shape is None:
        given.fail(
            "condition", f"has shape {list(condition)}, which does not broadcast with {list(values)} of the values"
        )
    return [Descriptor(given["trueValue"].data_type, shape)]


_logic = partial(_binary, data_type="uint8")

RULES: dict[str, Rule] = {
    **dict.fromkeys(("add", "sub", "mul", "div", "max", "min", "pow"), _binary),
    **dict.fromkeys(("equal", "notEqual", "greater", "greaterOrEqual", "lesser", "lesserOrEqual"), _logic),
    **dict.fromkeys(("logicalAnd", "logicalOr", "logicalXor"), _logic),
    **dict.fromkeys(("logicalNot", "isNaN", "isInfinite"), _unary),
    "prelu": _prelu,
    "cast": _cast,
    "clamp": _clamp,
    "where": _where,
}
