"""One instance of a module: its store, its memory, its exports. It lives for one request."""

from __future__ import annotations

import ctypes
import math
import mmap
import sys
from ctypes import byref, c_int, c_size_t, c_void_p
from typing import Any

from littoral.functions.engine import TICK, engine
from littoral.functions.limits import Limits
from littoral.functions.native import CELL, NativeError, address, native

_NO_LIMIT = -1
_TABLE_ELEMENTS = 1 << 20
_PAGE = mmap.PAGESIZE
_POPULATE_WRITE = 23  # MADV_POPULATE_WRITE, Linux 5.14; an older one refuses, and nothing is lost
_WORTH_IT = 8 * _PAGE


def _find_populate() -> Any:
    if sys.platform != "linux":
        return None
    return ctypes.PYFUNCTYPE(c_int, c_void_p, c_size_t, c_int)(("madvise", ctypes.CDLL(None)))


_populate = _find_populate()


class PointerError(Exception):
    """A guest gave a pointer to what is not its memory."""


class Memory:
    """A guest's memory. It never moves, and only grows.

    Attributes:
        view: All of it as it was when someone last looked beyond its end. It must not be used after the instance.
    """

    __slots__ = ("_base", "_context", "_size_of", "_there", "view")

    def __init__(self, context: int, extern: Any) -> None:
        library = native()
        self._context = context
        self._there = byref(extern.of.memory)
        self._size_of = library.memory_size
        self._base = library.memory_data(context, self._there)
        self.view = memoryview(b"")
        self._look()

    def __len__(self) -> int:
        self._look()
        return len(self.view)

    def span(self, start: int, size: int) -> memoryview:
        """A part of it, to read and write.

        Raises:
            PointerError: It does not lie within.
        """
        end = start + size
        if end > len(self.view):
            self._look()
            if end > len(self.view):
                raise PointerError(f"{size} bytes at {start} are not in its memory of {len(self.view)} bytes")
        return self.view[start:end]

    def prepare(self, start: int, size: int) -> memoryview:
        """A part that is about to be written: the system finds its pages at once, in half the time of one by one."""
        span = self.span(start, size)
        if _populate is not None and len(span) >= _WORTH_IT:
            first = (self._base + start) & -_PAGE
            _populate(first, self._base + start + size - first, _POPULATE_WRITE)
        return span

    def _look(self) -> None:
        size = self._size_of(self._context, self._there)
        if size != len(self.view):
            self.view = memoryview((ctypes.c_uint8 * size).from_address(self._base)).cast("B")


class Instance:
    """A fresh instance; `close` it on the thread that uses it.

    Args:
        pre: The address of a wasmtime_instance_pre_t. Its module has no start section, as the GIL is held.
        limits: For memory and time.

    Raises:
        NativeError: It cannot be made.
    """

    __slots__ = ("_context", "_handle", "_native", "_store", "memory")

    def __init__(self, pre: int, limits: Limits) -> None:
        self._native = library = native()
        self._store = library.store_new(address(engine().ptr()), None, None)
        try:
            self._context = library.store_context(self._store)
            library.store_limiter(self._store, limits.memory, _TABLE_ELEMENTS, _NO_LIMIT, _NO_LIMIT, _NO_LIMIT)
            library.set_deadline(self._context, math.ceil(limits.time / TICK) + 1)
            self._handle = library.instance()
            trap = c_void_p()
            error = library.instantiate(pre, self._context, byref(self._handle), byref(trap))
            if error or trap:
                library.check(error, trap.value)
            self.memory = Memory(self._context, self.export(b"memory"))
        except BaseException:
            self.close()
            raise

    def export(self, name: bytes) -> Any:
        """What it exports by that name, as wasmtime_extern_t."""
        found = self._native.extern()
        if not self._native.export(self._context, byref(self._handle), name, len(name), byref(found)):
            raise NativeError(f"there is no export {name.decode()}")
        return found

    def call(self, name: bytes) -> int:
        """Calls an exported function without parameters.

        Returns:
            Its first result as a word, if it has any: the type is for the caller to know.

        Raises:
            TrapError: It was stopped.
        """
        cells = (ctypes.c_int32 * (CELL // 4))()
        trap = c_void_p()
        function = byref(self.export(name).of.func)
        error = self._native.call(self._context, function, cells, 1, byref(trap))
        if error or trap:
            self._native.check(error, trap.value)
        return int(cells[0])

    def global_value(self, name: bytes) -> Any:
        """An exported global's value, as wasmtime_val_t."""
        value = self._native.value()
        self._native.global_get(self._context, byref(self.export(name).of.global_), byref(value))
        return value

    def table(self, name: bytes) -> list[int]:
        """The functions that an exported table of functions holds, as addresses; 0 where there is none."""
        table = byref(self.export(name).of.table)
        value = self._native.value()
        found = []
        for index in range(self._native.table_size(self._context, table)):
            self._native.table_get(self._context, table, index, byref(value))
            function = value.of.funcref
            found.append(self._native.function_raw(self._context, byref(function)) if function.store_id else 0)
        return found

    def close(self) -> None:
        """Frees it; closing again does nothing."""
        if self._store:
            self._native.store_delete(self._store)
            self._store = None
