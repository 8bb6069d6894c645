"""Arguments of a call, from Python values to those of a program: WebIDL's conversions without its leniency."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from littoral.webnn.errors import OperandError
from littoral.webnn.idl import Parameter, Signature
from littoral.webnn.program import DTYPES, Ref, Value

_ACTIVATIONS = ("relu", "sigmoid", "tanh")
_UNSIGNED = 2**32 - 1

Operand = Callable[[object], "Ref | None"]
"""What gives the number of an operand of this builder, None for anything else."""


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
    label = given.pop("label", "")
    if not isinstance(label, str):
        raise OperandError(f"{signature.operation}: label is {_kind(label)}, and must be a string")
    bound = Bound({}, {}, label)
    for parameters, into in ((signature.arguments, bound.arguments), (signature.options, bound.options)):
        for parameter in parameters:
            value = given.pop(parameter.name, None)
            if value is not None:
                into[parameter.name] = _convert(parameter, value, operand, signature.operation, label)
            elif parameters is signature.arguments:
                raise OperandError(f"{_called(signature.operation, label)}: {parameter.name} is missing")
    if given:
        accepted = ", ".join(p.name for p in (*signature.arguments, *signature.options))
        raise OperandError(
            f"{_called(signature.operation, label)}: there is no {next(iter(given))}", f"Accepted: {accepted}"
        )
    return bound


@cache
def snake(name: str) -> str:
    """A name of the standard as Python writes it: "inputLayout" -> "input_layout", "reduceL1" -> "reduce_l1"."""
    words = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name)
    return words.lower().replace("_na_n", "_nan")


@cache
def _names(signature: Signature) -> dict[str, str]:
    """The standard's name of each name that is accepted."""
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
    accepted = _names(signature)
    for source in (rest[0] if rest else None, named):
        for name, value in (source or {}).items():  # type: ignore[attr-defined]
            known = accepted.get(name, name)
            if known in given:
                raise OperandError(f"{signature.operation}: {known} is given twice")
            given[known] = value
    return given


def _convert(parameter: Parameter, value: object, operand: Operand, operation: str, label: str) -> Value:
    where = f"{_called(operation, label)}: {parameter.name}"
    kind = parameter.kind
    if kind == "operand":
        return _operand(value, operand, where)
    if kind == "operands":
        return tuple(_operand(each, operand, f"{where}[{n}]") for n, each in enumerate(_items(value, where)))
    if kind == "splits":
        kind = "unsigned" if _is_integer(value) else "unsigneds"
    if kind in ("unsigneds", "doubles"):
        convert = _unsigned if kind == "unsigneds" else _double
        return tuple(convert(each, f"{where}[{n}]") for n, each in enumerate(_items(value, where)))  # type: ignore[return-value]
    if kind == "activations":
        return tuple(_word(each, _ACTIVATIONS, f"{where}[{n}]") for n, each in enumerate(_items(value, where)))
    if kind == "enum":
        return _word(value, parameter.values, where)
    if kind == "type":
        return _word(value, tuple(DTYPES), where)
    return _SCALARS[kind](value, where)


def _operand(value: object, operand: Operand, where: str) -> Ref:
    found = operand(value)
    if found is None:
        raise OperandError(f"{where} is {_kind(value)}, and must be an MLOperand of this builder")
    return found


def _items(value: object, where: str) -> Sequence[Any]:
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise OperandError(f"{where} is {_kind(value)}, and must be a sequence")
    return tuple(value)


def _is_integer(value: object) -> bool:
    return hasattr(value, "__index__") and not isinstance(value, bool)


def _integer(value: object, low: int, high: int, where: str) -> int:
    if not _is_integer(value):
        raise OperandError(f"{where} is {value!r}, and must be an integer")
    number = operator.index(value)  # type: ignore[arg-type]
    if not low <= number <= high:
        raise OperandError(f"{where} is {number}, and must be {low} to {high}")
    return number


def _unsigned(value: object, where: str) -> int:
    return _integer(value, 0, _UNSIGNED, where)


def _signed(value: object, where: str) -> int:
    return _integer(value, -(2**31), 2**31 - 1, where)


def _double(value: object, where: str) -> float:
    number = _number(value, where)
    if not math.isfinite(number):
        raise OperandError(f"{where} is {number}, and must be finite")
    return float(number)


def _number(value: object, where: str) -> int | float:
    if _is_integer(value):
        return operator.index(value)  # type: ignore[arg-type]
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise OperandError(f"{where} is {_kind(value)}, and must be a number")
    return float(value)


def _boolean(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise OperandError(f"{where} is {value!r}, and must be True or False")
    return value


def _word(value: object, accepted: tuple[str, ...], where: str) -> str:
    if value not in accepted:
        raise OperandError(f"{where} is {value!r}", f"Accepted: {', '.join(accepted)}")
    return str(value)


_SCALARS: dict[str, Callable[[object, str], Value]] = {
    "unsigned": _unsigned,
    "signed": _signed,
    "double": _double,
    "number": _number,
    "boolean": _boolean,
}


def _called(operation: str, label: str) -> str:
    return f"{operation} {label!r}" if label else operation


def _kind(value: object) -> str:
    return f"a {type(value).__name__}"
