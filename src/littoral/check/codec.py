"""Frozen dataclasses to JSON and back, exactly: floats keep every digit, infinities and NaN are strings.

A class may name properties in a class variable `derived`: they are written for scripts, and skipped when read back.
"""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from typing import Any, TypeVar

from littoral.errors import DataError

T = TypeVar("T")

_NOT_FINITE = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}


def encode(value: Any) -> Any:
    """A dataclass, tuple, mapping or plain value as what `json.dumps` writes; keys keep the order of the fields.

    JSON has no infinity and no NaN: they become the strings "Infinity", "-Infinity" and "NaN".
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: encode(getattr(value, name)) for name in (*names, *getattr(value, "derived", ()))}
    if isinstance(value, dict):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def decode(kind: type[T], text: str, what: str) -> T:
    """The dataclass `kind` from JSON text.

    Args:
        kind: A dataclass whose fields are dataclasses, tuples, mappings, plain values, or one of these or None.
        text: What `json.dumps(encode(value))` wrote.
        what: The text's name for errors, for example "report.json".

    Raises:
        DataError: The text is not JSON, or its keys or types are not those of `kind`.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{what} is not JSON: {error}") from error
    result: T = _decode(kind, value, what)
    return result


def _decode(kind: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(kind, value, where)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        inner = next(argument for argument in arguments if argument is not type(None))
        return None if value is None else _decode(inner, value, where)
    if origin is typing.Literal:
        _expect(isinstance(value, str) and value in arguments, where, " or ".join(map(str, arguments)), value)
        return value
    if origin is tuple:
        _expect(isinstance(value, list), where, "a list", value)
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        _expect(len(kinds) == len(value), where, f"a list of {len(kinds)}", value)
        return tuple(_decode(k, item, f"{where}[{i}]") for i, (k, item) in enumerate(zip(kinds, value, strict=True)))
    if origin is dict:
        _expect(isinstance(value, dict), where, "an object", value)
        return {key: _decode(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    return _decode_plain(kind, value, where)


def _decode_dataclass(kind: Any, value: Any, where: str) -> Any:
    _expect(isinstance(value, dict), where, "an object", value)
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    unknown = sorted(set(value) - set(fields) - set(getattr(kind, "derived", ())))
    if unknown:
        raise DataError(f"{where} has unknown keys {', '.join(unknown)}", f"Accepted are {', '.join(fields)}")
    required = (dataclasses.MISSING, dataclasses.MISSING)
    missing = [n for n, f in fields.items() if n not in value and (f.default, f.default_factory) == required]
    if missing:
        raise DataError(f"{where} lacks {', '.join(missing)}")
    decoded = {n: _decode(hints[n], value[n], f"{where}.{n}") for n in fields if n in value}
    try:
        return kind(**decoded)
    except ValueError as error:
        raise DataError(f"{where}: {error}") from error


def _decode_plain(kind: Any, value: Any, where: str) -> Any:
    if kind is float:
        value = _NOT_FINITE.get(value, value) if isinstance(value, str) else value
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        _expect(number, where, "a number", value)
        return float(value)
    _expect(isinstance(value, kind) and not (kind is int and isinstance(value, bool)), where, kind.__name__, value)
    return value


def _expect(good: bool, where: str, accepted: str, value: Any) -> None:
    if not good:
        raise DataError(f"{where} is {json.dumps(value)[:60]}, not {accepted}")
