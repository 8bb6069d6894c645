"""Host functions of the owner's: Python functions that guests may import from "littoral".

    @host_call("lookup")
    def lookup(key: bytes, limit: int) -> bytes: ...

A guest sees what C has for the types: int is i32 with its sign, I64 an i64, float an f64, F32 an f32, bytes a pointer
and a size. A result of bytes takes two parameters more, a pointer and the room there, and gives their number: where
that is more than the room, nothing was written, and the guest may ask again. In C:

    __attribute__((import_module("littoral"), import_name("lookup")))
    int lookup(const char *key, int key_size, int limit, char *result, int room);
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Sequence
from typing import Any, NewType, TypeVar

from littoral.errors import LittoralError
from littoral.functions.declare import HostFunction
from littoral.functions.errors import FunctionError, ManifestError
from littoral.functions.host import Host

_F = TypeVar("_F", bound=Callable[..., Any])

MODULE = "littoral"
I64 = NewType("I64", int)
"""A whole number of 64 bits."""
F32 = NewType("F32", float)
"""A number in single precision."""

_LETTERS: dict[object, str] = {int: "i", I64: "I", float: "F", F32: "f", bytes: "ii"}
_registry: dict[str, HostFunction] = {}


def host_call(name: str) -> Callable[[_F], _F]:
    """Offers a function to guests whose manifest lists its name in host_calls.

    An exception that it raises ends the request, and is said in its error. Threads may call it at the same time.

    Args:
        name: What guests import it by.

    Raises:
        LittoralError: Another function has the name, or a type is none of int, I64, float, F32, bytes.
    """

    def register(function: _F) -> _F:
        if name in _registry:
            raise LittoralError(f"there is a host call {name!r} already", "Give it another name")
        _registry[name] = _declared(name, function)
        return function

    return register


def find(names: Sequence[str]) -> tuple[HostFunction, ...]:
    """The host calls of these names.

    Raises:
        ManifestError: One is not offered here.
    """
    for name in names:
        if name not in _registry:
            offered = ", ".join(sorted(_registry)) or "none"
            raise ManifestError(f"host call {name!r} is not offered here", f"Offered: {offered}")
    return tuple(_registry[name] for name in names)


def _declared(name: str, function: Callable[..., Any]) -> HostFunction:
    hints = typing.get_type_hints(function)
    result = hints.pop("return", type(None))
    for what, kind in [*hints.items(), ("its result", result)]:
        if kind not in _LETTERS and not (what == "its result" and kind is type(None)):
            cause = f"host call {name!r}: {what} has the type {getattr(kind, '__name__', kind)}"
            raise LittoralError(cause, "Accepted: int, I64, float, F32, bytes")
    kinds = list(hints.values())
    gives_bytes = result is bytes
    letters = "".join(_LETTERS[kind] for kind in kinds) + ("ii" if gives_bytes else "")
    run = _adapter(name, function, kinds, gives_bytes)
    return HostFunction(MODULE, name, letters, "i" if gives_bytes else _LETTERS.get(result, ""), run, bad_pointer=None)


def _adapter(name: str, function: Callable[..., Any], kinds: Sequence[object], gives_bytes: bool) -> Callable[..., Any]:
    def run(host: Host, *given: Any) -> Any:
        values = iter(given)
        arguments = [_argument(host, kind, values) for kind in kinds]
        try:
            result = function(*arguments)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}" if not isinstance(error, LittoralError) else str(error)
            raise FunctionError(f"the host call {name} failed: {reason}", "", "host") from error
        finally:
            host.check_time()
        if not gives_bytes:
            return result
        pointer, room = values
        if len(result) <= room:
            host.memory.span(pointer, len(result))[:] = result
        return len(result)

    return run


def _argument(host: Host, kind: object, values: typing.Iterator[Any]) -> Any:
    value = next(values)
    if kind is bytes:
        return bytes(host.memory.span(value, next(values)))
    bits = {int: 32, I64: 64}.get(typing.cast("Any", kind))
    return value - (1 << bits) if bits and value >> (bits - 1) else value
