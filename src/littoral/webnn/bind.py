"""Arguments of a call, from Python values to those of a program: WebIDL's conversions without its leniency."""

from __future__ import annotations

import math
import operator
import re
import reprlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from littoral.webnn.errors import OperandError
from littoral.webnn.idl import Parameter, Signature, signatures
from littoral.webnn.program import DTYPES, Ref, Value, titled

_ACTIVATIONS = ("relu", "sigmoid", "tanh")
_UNSIGNED = 2**32 - 1

Operand = Callable[[object, str], Ref]
"""Gives the number of an operand of this builder; raises OperandError for anything else, saying where that is."""


class Bound(NamedTuple):
    """A call's arguments by the names of the standard."""

    arguments: dict[str, Value]
    options: dict[str, Value]
    label: str


def bind(signature: Signature, values: Sequence[object], named: Mapping[str, object], operand: Operand) -> Bound:
    """Sorts out what a method was called with.

    Args:
        signature: What the operation takes.
        values: Positional: the arguments, then perhaps the options as a mapping.
        named: Arguments and options by name, camelCase as in the standard or snake_case.
        operand: See `Operand`.

    Raises:
        OperandError: Something is missing, unknown, given twice, or of another kind.
    """
    given = _by_name(signature, values, named)
    label = given.pop("label", None)
    if label is None:
        label = ""
    if not isinstance(label, str):
        raise OperandError(f"{signature.operation}: label is {kind_of(label)}, and must be a string")
    bound = Bound({}, {}, label)
    for parameters, into in ((signature.arguments, bound.arguments), (signature.options, bound.options)):
        for parameter in parameters:
            value = given.pop(parameter.name, None)
            if value is not None:
                into[parameter.name] = _convert(parameter, value, operand, signature.operation, label)
            elif parameters is signature.arguments:
                raise OperandError(f"{titled(signature.operation, label)}: {parameter.name} is missing")
    if given:
        accepted = ", ".join(p.name for p in (*signature.arguments, *signature.options))
        raise OperandError(
            f"{titled(signature.operation, label)}: there is no {next(iter(given))}", f"Accepted: {accepted}"
        )
    return bound


@cache
def snake(name: str) -> str:
    """A name of the standard as Python writes it: "inputLayout" -> "input_layout", "reduceL1" -> "reduce_l1"."""
    words = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name)
    return words.lower().replace("_na_n", "_nan")


@cache
def _names(operation: str) -> dict[str, str]:
    """The standard's name of each name that is accepted."""
    signature = signatures()[operation]
    names = [*(p.name for p in (*signature.arguments, *signature.options)), "label"]
    return {**{snake(name): name for name in names}, **{name: name for name in names}}


def _by_name(signature: Signature, values: Sequence[object], named: Mapping[str, object]) -> dict[str, object]:
    names = [p.name for p in signature.arguments]
    given = dict(zip(names, values, strict=False))
    rest = values[len(names) :]
    if len(rest) > 1 or (rest and not isinstance(rest[0], Mapping | None)):
        takes = f"{len(names)} argument(s) and options as a mapping"
        raise OperandError(
            f"{signature.operation}: {len(values)} positional arguments were given, and it takes {takes}"
        )
    accepted = _names(signature.operation)
    for source in (rest[0] if rest else None, named):
        for name, value in (source or {}).items():  # type: ignore[attr-defined]
            known = accepted.get(name, name)
            if known in given:
                raise OperandError(f"{signature.operation}: {known} is given twice")
            given[known] = value
    return given


def _convert(parameter: Parameter, value: object, operand: Operand, operation: str, label: str) -> Value:
    where = f"{titled(operation, label)}: {parameter.name}"
    kind = parameter.kind
    if kind == "operand":
        return operand(value, where)
    if kind == "operands":
        return tuple(operand(each, f"{where}[{n}]") for n, each in enumerate(_items(value, where)))
    if kind == "splits":
        kind = "unsigned" if _is_integer(value) else "unsigneds"
    if kind == "unsigneds":
        return unsigneds(value, where)
    if kind == "doubles":
        return tuple(_double(each, f"{where}[{n}]") for n, each in enumerate(_items(value, where)))
    if kind == "activations":
        return tuple(word(each, _ACTIVATIONS, f"{where}[{n}]") for n, each in enumerate(_items(value, where)))
    if kind == "enum":
        return word(value, parameter.values, where)
    if kind == "type":
        return word(value, tuple(DTYPES), where)
    return _SCALARS[kind](value, where)


def _items(value: object, where: str) -> Sequence[Any]:
    try:
        if isinstance(value, str | bytes | Mapping):
            raise TypeError
        len(value)  # type: ignore[arg-type]  # what has no length may have no end
        return tuple(value)  # type: ignore[arg-type]
    except TypeError:
        raise OperandError(f"{where} is {kind_of(value)}, and must be a sequence") from None


def _is_integer(value: object) -> bool:
    try:
        operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return False
    return not isinstance(value, bool)


def _integer(value: object, low: int, high: int, where: str) -> int:
    if not _is_integer(value):
        raise OperandError(f"{where} is {_shown(value)}, and must be an integer")
    number = operator.index(value)  # type: ignore[arg-type]
    if not low <= number <= high:
        raise OperandError(f"{where} is {_shown(number)}, and must be {low} to {high}")
    return number


def unsigneds(value: object, where: str) -> tuple[int, ...]:
    """A sequence of integers, each of the range of `unsigned long`.

    Raises:
        OperandError: It is none; `where` says what was to be one.
    """
    return tuple(_unsigned(each, f"{where}[{n}]") for n, each in enumerate(_items(value, where)))


def _unsigned(value: object, where: str) -> int:
    return _integer(value, 0, _UNSIGNED, where)


def _signed(value: object, where: str) -> int:
    return _integer(value, -(2**31), 2**31 - 1, where)


def _double(value: object, where: str) -> float:
    try:
        double = float(ml_number(value, where))
    except OverflowError:
        double = math.inf
    if not math.isfinite(double):
        raise OperandError(f"{where} is {_shown(value)}, and must be finite")
    return double


def ml_number(value: object, where: str) -> int | float:
    """An MLNumber: an integer of any size, or any double.

    Raises:
        OperandError: It is none; `where` says what was to be one.
    """
    if _is_integer(value):
        return operator.index(value)  # type: ignore[arg-type]
    try:
        if isinstance(value, bool | str | bytes) or getattr(value, "ndim", False):
            raise TypeError
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise OperandError(f"{where} is {kind_of(value)}, and must be a number") from None


def _boolean(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise OperandError(f"{where} is {_shown(value)}, and must be True or False")
    return value


def word(value: object, accepted: tuple[str, ...], where: str) -> str:
    """One of the strings that are accepted.

    Raises:
        OperandError: It is none of them; `where` says what was to be one.
    """
    if not isinstance(value, str) or value not in accepted:
        raise OperandError(f"{where} is {_shown(value)}", f"Accepted: {', '.join(accepted)}")
    return value


_SCALARS: dict[str, Callable[[object, str], Value]] = {
    "unsigned": _unsigned,
    "signed": _signed,
    "double": _double,
    "number": ml_number,
    "boolean": _boolean,
}


def kind_of(value: object) -> str:
    """What a value is, for errors."""
    return f"of type {type(value).__name__}"


def _shown(value: object) -> str:
    """A value as an error shows it: itself where that is short."""
    if isinstance(value, int) and value.bit_length() > 100:
        return "a huge integer"
    return reprlib.repr(value) if isinstance(value, str | int | float) else kind_of(value)
