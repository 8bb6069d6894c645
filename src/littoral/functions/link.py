"""What a guest may import, and how its calls reach Python.

One linker serves all functions of a process: the host functions in it find the request that runs on their thread. For
each call wasmtime calls a ctypes callback, which reads the arguments from an array of cells.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from littoral.functions import nn, wasi
from littoral.functions.calls import MODULE as CALLS
from littoral.functions.declare import TYPES, HostFunction
from littoral.functions.engine import engine
from littoral.functions.errors import FunctionError, ModuleError
from littoral.functions.instance import PointerError
from littoral.functions.native import Callback, address, lasting, native
from littoral.functions.wasm import FunctionType, Module

if TYPE_CHECKING:
    from wasmtime import FuncType, Linker

    from littoral.functions.host import Host

STANDARD = {wasi.MODULE: wasi.FUNCTIONS, nn.MODULE: nn.FUNCTIONS}
"""What every guest may import."""

_WORDS = 4  # of a cell


class _Current(threading.local):
    host: Host | None = None


current = _Current()
"""The host of the request that runs on this thread."""


def check_imports(module: Module, calls: Sequence[HostFunction], name: str) -> None:
    """Compares what a module asks for with what there is.

    Raises:
        ModuleError: It asks for something else; it is named.
    """
    offered = {**STANDARD, CALLS: {call.name: call for call in calls}}
    for wanted in module.imports:
        function = offered.get(wanted.module, {}).get(wanted.name)
        if wanted.kind != "function" or function is None:
            raise ModuleError(f"{name} imports {wanted}, a {wanted.kind} that we do not offer", _remedy(wanted.module))
        if wanted.type != _type(function):
            cause = f"{name} imports {wanted} as {wanted.type}; it is {_type(function)}"
            raise ModuleError(cause, "Declare it as the standard has it")


def _remedy(module: str) -> str:
    if module == CALLS:
        return "List it in host_calls of the manifest, where the owner offers it"
    if module in STANDARD:
        return f"Accepted of {module}: {', '.join(STANDARD[module])}"
    return f"Accepted: functions of {wasi.MODULE} and {nn.MODULE}, and of {CALLS} what host_calls lists"


def _type(function: HostFunction) -> FunctionType:
    return FunctionType(tuple(map(TYPES.__getitem__, function.parameters)), tuple(map(TYPES.get, function.result)))  # type: ignore[arg-type]


@cache
def linker(calls: tuple[HostFunction, ...]) -> Linker:
    """A linker with all that guests may import, and these host calls."""
    from wasmtime import Linker

    made = lasting(Linker(engine()))
    for function in (*wasi.FUNCTIONS.values(), *nn.FUNCTIONS.values(), *calls):
        callback = Callback(_callback(function))
        _callbacks.append(callback)
        module, name, kind = function.module.encode(), function.name.encode(), _native_type(function)
        error = native().define(
            address(made.ptr()), module, len(module), name, len(name), address(kind.ptr()), callback, None, None
        )
        native().check(error)
    return made


_callbacks: list[Any] = []  # wasmtime calls them for as long as the process lives


def _native_type(function: HostFunction) -> FuncType:
    from wasmtime import FuncType, ValType

    def convert(letters: str) -> list[ValType]:
        return [getattr(ValType, TYPES[letter])() for letter in letters]

    return FuncType(convert(function.parameters), convert(function.result))


def _callback(function: HostFunction) -> Callable[..., int]:
    run, name, bad_pointer = function.run, function.name, function.bad_pointer
    read, write = _reader(function.parameters), _WRITERS[function.result]

    def call(_environment: int, _caller: int, cells: Any, _count: int) -> int:
        host = current.host
        assert host is not None
        try:
            try:
                result = run(host, *read(cells))
            except PointerError as error:
                host.remark(f"{name}: {error}")
                if bad_pointer is None:
                    raise FunctionError(f"{name} was given a wrong pointer: {error}", "", "trap") from error
                result = bad_pointer
            write(cells, result)
        except BaseException as error:  # it must not pass through wasmtime; the caller raises it
            host.failure = error
            return int(native().trap_new(b"host", 4))
        return 0

    return call


def _reader(letters: str) -> Callable[[Any], Sequence[Any]]:
    """Reads arguments of these types from cells."""
    places = [_WORDS * index for index in range(len(letters))]
    if set(letters) <= {"i"}:
        return lambda cells: [cells[place] for place in places]
    readers = [_READERS[letter] for letter in letters]
    return lambda cells: [read(cells, place) for read, place in zip(readers, places, strict=True)]


def _bits(letter: str) -> Callable[[Any, int], float]:
    def read(cells: Any, place: int) -> float:
        value: float = struct.unpack_from(f"<{letter}", struct.pack("<II", cells[place], cells[place + 1]))[0]
        return value

    return read


_READERS: dict[str, Callable[[Any, int], Any]] = {
    "i": lambda cells, place: cells[place],
    "I": lambda cells, place: cells[place] | cells[place + 1] << 32,
    "f": _bits("f"),
    "F": _bits("d"),
}


def _write_word(cells: Any, value: int) -> None:
    cells[0] = value


def _write_packed(letter: str) -> Callable[[Any, Any], None]:
    def write(cells: Any, value: Any) -> None:
        cells[0], cells[1] = struct.unpack("<II", struct.pack(f"<{letter}", value).ljust(8, b"\0"))

    return write


_WRITERS: dict[str, Callable[[Any, Any], None]] = {
    "": lambda _cells, _value: None,
    "i": _write_word,
    "I": lambda cells, value: _write_packed("Q")(cells, value & (1 << 64) - 1),
    "f": _write_packed("f"),
    "F": _write_packed("d"),
}
