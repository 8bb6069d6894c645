"""wasmtime's C interface through ctypes: the calls that are made for each request.

Why not the classes of the Python package: looking a function up, wrapping it and converting its arguments costs them
tens of microseconds a call. What is done once (compiling, linking) goes through them. Function pointers of our own are
made here, so that theirs keep their types. The GIL is released while WebAssembly runs, and kept for what is over in
microseconds: a busy process would wait for milliseconds to get it back.
"""

from __future__ import annotations

import atexit
import ctypes
from contextlib import suppress
from ctypes import byref, c_bool, c_char_p, c_int64, c_size_t, c_uint8, c_uint32, c_uint64, c_void_p
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from littoral.errors import MissingExtraError

if TYPE_CHECKING:
    from wasmtime._managed import Managed

_M = TypeVar("_M", bound="Managed[Any]")

CELL = 16
"""Bytes of a value that is passed unchecked: wasmtime_val_raw_t, as large as its largest member."""

Callback: Any = ctypes.CFUNCTYPE(c_size_t, c_void_p, c_void_p, ctypes.POINTER(c_uint32), c_size_t)
"""A host function: environment, caller, values in and out in cells of four words, their number. Gives a trap or 0."""


class _Bytes(ctypes.Structure):
    _fields_ = (("size", c_size_t), ("data", c_void_p))


class NativeError(Exception):
    """wasmtime refuses; the text is its message."""


class TrapError(NativeError):
    """The code was stopped.

    Attributes:
        code: wasmtime's number of the reason; None for a trap of ours.
    """

    def __init__(self, message: str, code: int | None) -> None:
        super().__init__(message)
        self.code = code


class Native:
    """The loaded library."""

    def __init__(self) -> None:
        from wasmtime import _ffi

        library = ctypes.CDLL(str(_ffi.filename))
        self.extern: Any = _ffi.wasmtime_extern_t
        self.instance: Any = _ffi.wasmtime_instance_t
        self.value: Any = _ffi.wasmtime_val_t
        pointer = c_void_p

        def bind(name: str, result: Any, *arguments: Any) -> Any:
            return ctypes.PYFUNCTYPE(result, *arguments)((name, library))

        def bind_free(name: str, result: Any, *arguments: Any) -> Any:
            return ctypes.CFUNCTYPE(result, *arguments)((name, library))

        self.store_new = bind("wasmtime_store_new", pointer, pointer, pointer, pointer)
        self.store_context = bind("wasmtime_store_context", pointer, pointer)
        self.store_limiter = bind("wasmtime_store_limiter", None, pointer, *[c_int64] * 5)
        self.store_delete = bind("wasmtime_store_delete", None, pointer)
        self.set_deadline = bind("wasmtime_context_set_epoch_deadline", None, pointer, c_uint64)
        self.instantiate = bind("wasmtime_instance_pre_instantiate", pointer, pointer, pointer, pointer, pointer)
        self.export = bind("wasmtime_instance_export_get", c_bool, pointer, pointer, c_char_p, c_size_t, pointer)
        self.memory_data = bind("wasmtime_memory_data", pointer, pointer, pointer)
        self.memory_size = bind("wasmtime_memory_data_size", c_size_t, pointer, pointer)
        self.call = bind_free("wasmtime_func_call_unchecked", pointer, pointer, pointer, pointer, c_size_t, pointer)
        self.global_get = bind("wasmtime_global_get", None, pointer, pointer, pointer)
        self.table_size = bind("wasmtime_table_size", c_uint64, pointer, pointer)
        self.table_get = bind("wasmtime_table_get", c_bool, pointer, pointer, c_uint64, pointer)
        self.function_raw = bind("wasmtime_func_to_raw", pointer, pointer, pointer)
        self.trap_new = bind("wasmtime_trap_new", pointer, c_char_p, c_size_t)
        self.define = bind(
            "wasmtime_linker_define_func_unchecked",
            pointer,
            *(pointer, c_char_p, c_size_t, c_char_p, c_size_t, pointer, Callback, pointer, pointer),
        )
        self.increment_epoch = bind_free("wasmtime_engine_increment_epoch", None, pointer)
        self._trap_code = bind("wasmtime_trap_code", c_bool, pointer, pointer)
        self._trap_message = bind("wasm_trap_message", None, pointer, pointer)
        self._trap_delete = bind("wasm_trap_delete", None, pointer)
        self._error_message = bind("wasmtime_error_message", None, pointer, pointer)
        self._error_delete = bind("wasmtime_error_delete", None, pointer)
        self._bytes_delete = bind("wasm_byte_vec_delete", None, pointer)

    def check(self, error: int | None, trap: int | None = None) -> None:
        """Raises what a call gave back.

        Raises:
            TrapError: There is a trap.
            NativeError: There is an error.
        """
        if trap:
            code = c_uint8()
            known = self._trap_code(trap, byref(code))
            message = self._text(self._trap_message, trap)
            self._trap_delete(trap)
            raise TrapError(message, code.value if known else None)
        if error:
            message = self._text(self._error_message, error)
            self._error_delete(error)
            raise NativeError(message)

    def _text(self, read: Any, handle: int) -> str:
        found = _Bytes()
        read(handle, byref(found))
        text = ctypes.string_at(found.data, found.size).decode(errors="replace")
        self._bytes_delete(byref(found))
        return text.rstrip("\0")


@cache
def native() -> Native:
    """The library.

    Raises:
        MissingExtraError: wasmtime is not installed.
    """
    try:
        return Native()
    except ImportError as error:
        raise MissingExtraError("wasmtime, in which functions run,", "functions") from error


_lasting: WeakSet[Managed[Any]] = WeakSet()


def lasting(handle: _M) -> _M:
    """Marks an object of wasmtime's that may still be there when the program ends.

    Its class would then try to free it with parts of the interpreter gone, and print an error.
    """
    _lasting.add(handle)
    return handle


@atexit.register
def _let_go() -> None:
    for handle in list(_lasting):
        with suppress(ValueError):  # it is closed
            handle._consume()


def address(handle: Any) -> int:
    """The address that a pointer of wasmtime's Python classes holds."""
    return ctypes.cast(handle, c_void_p).value or 0
