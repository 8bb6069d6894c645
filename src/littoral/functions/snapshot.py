"""Snapshots: a module that begins where another has come to after its initialisation.

The module is run once, with its globals and tables made visible; then its memory and its mutable globals are written
into a new module, which has no initialisation left. wasmtime maps such memory into each instance and copies only the
pages that it writes to. What cannot be written down (tables that were changed, references) is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from littoral.functions import wasm
from littoral.functions.errors import ModuleError
from littoral.functions.instance import Instance
from littoral.functions.leb import signed, unsigned
from littoral.functions.wasm import Module

Run: TypeAlias = Callable[[bytes, Callable[[Instance], None]], None]
"""Makes an instance of a module and has something done with it."""

INITIALIZERS = ("_initialize", "init")
"""Exports that run once, in this order."""

_START, _GLOBAL, _TABLE = "littoral:start", "littoral:global:", "littoral:table:"
_HOST_PAGE = 4096
_LARGEST_GAP = 16 * _HOST_PAGE  # of zeros, which are written as data: so that there are few segments
_ALWAYS_MAPPED = 16 << 20  # wasmtime maps a larger memory only where at least half of it is data
_CONSTANTS = {wasm.I32: b"\x41", wasm.I64: b"\x42", wasm.F32: b"\x43", wasm.F64: b"\x44", wasm.V128: b"\xfd\x0c"}
_END = b"\x0b"


@dataclass(frozen=True)
class State:
    """What initialisation leaves."""

    memory: bytes
    globals: dict[int, bytes]
    """The expression of each mutable global, by its index."""


def needed(module: Module) -> bool:
    """Whether a module has anything to run before its first request."""
    return module.start is not None or any(module.export(name, "function") for name in INITIALIZERS)


def take(module: Module, run: Run, name: str = "the module") -> bytes:
    """Runs a module's initialisation and writes what it leaves.

    Args:
        module: It imports functions only, and has one memory, exported as "memory".
        run: Makes the instance; what goes wrong in it is for it to say.
        name: Names the module in errors.

    Raises:
        ModuleError: Its state is not of a kind that can be written down, or `init` gave another number than 0.
    """
    _check(module, name)
    found: list[State] = []
    run(_instrumented(module), lambda instance: found.append(_initialize(module, instance, name)))
    return _written(module, found[0])


def _check(module: Module, name: str) -> None:
    remedy = "Do without them, or without init"
    if any(kind == wasm.EXTERNREF for kind, _ in module.tables):
        raise ModuleError(f"{name} has a table of external references, which a snapshot cannot hold", remedy)
    if any(each.mutable and each.type not in _CONSTANTS for each in module.globals):
        raise ModuleError(f"{name} has a global that is a reference, which a snapshot cannot hold", remedy)


def _instrumented(module: Module) -> bytes:
    """The module with globals, tables and the start function exported, and nothing that runs by itself."""
    extra = [(f"{_GLOBAL}{index}", 3, index) for index, each in enumerate(module.globals) if each.mutable]
    extra += [(f"{_TABLE}{index}", 1, index) for index in range(len(module.tables))]
    if module.start is not None:
        extra.append((_START, 0, module.start))
    kinds = {"function": 0, "table": 1, "memory": 2, "global": 3, "tag": 4}
    exports = [(export.name, kinds[export.kind], export.index) for export in module.exports] + extra
    content = wasm.vector([_export(*export) for export in exports])
    sections = [(number, content if number == wasm.EXPORT else old) for number, old in module.sections]
    return wasm.write([(number, content) for number, content in sections if number != wasm.START])


def _export(name: str, kind: int, index: int) -> bytes:
    encoded = name.encode()
    return unsigned(len(encoded)) + encoded + bytes([kind]) + unsigned(index)


def _initialize(module: Module, instance: Instance, name: str) -> State:
    tables = _tables(module, instance)
    if module.start is not None:
        instance.call(_START.encode())
    for export in INITIALIZERS:
        kind = module.function_type(export)
        result = instance.call(export.encode()) if kind else 0
        if kind and kind.results and result:
            raise ModuleError(f"{export} of {name} gave {result}", "It gives 0 when all is well; its log says more")
    if _tables(module, instance) != tables:
        cause = f"the initialisation of {name} changes a table of functions, which a snapshot cannot hold"
        raise ModuleError(cause, "Load no code while it runs (dlopen, table.set, table.grow)")
    found = {index: _constant(each.type, instance, index) for index, each in enumerate(module.globals) if each.mutable}
    return State(bytes(instance.memory.span(0, len(instance.memory))), found)


def _tables(module: Module, instance: Instance) -> list[list[int]]:
    return [instance.table(f"{_TABLE}{index}".encode()) for index in range(len(module.tables))]


def _constant(kind: int, instance: Instance, index: int) -> bytes:
    """An expression that gives the value which a global has now."""
    value = instance.global_value(f"{_GLOBAL}{index}".encode()).of
    if kind in (wasm.I32, wasm.I64):
        number = signed(value.i32 if kind == wasm.I32 else value.i64)
    elif kind == wasm.V128:
        number = bytes(value.v128)
    else:  # bits, not numbers: a NaN keeps its payload
        bits = value.i32 if kind == wasm.F32 else value.i64
        number = struct.pack("<i" if kind == wasm.F32 else "<q", bits)
    return _CONSTANTS[kind] + number + _END


def _written(module: Module, state: State) -> bytes:
    """The module with its state in place of its initialisation."""
    kept = {
        wasm.MEMORY: _memory(module, len(state.memory)),
        wasm.EXPORT: _exports(module),
        wasm.GLOBAL: _globals(module, state),
    }
    segments = _segments(module, state.memory)
    dropped = (wasm.START, wasm.DATA, wasm.DATA_COUNT)
    sections: list[tuple[int, bytes | memoryview]] = []
    for number, content in module.sections:
        if number == wasm.CODE:
            sections.append((wasm.DATA_COUNT, unsigned(len(segments))))
        if number not in dropped:
            sections.append((number, kept.get(number, content)))
        if number == wasm.CODE:
            sections.append((wasm.DATA, wasm.vector(segments)))
    if all(number != wasm.CODE for number, _ in sections):  # what it runs is imported
        sections += [(wasm.DATA_COUNT, unsigned(len(segments))), (wasm.DATA, wasm.vector(segments))]
    return wasm.write(sections)


def _memory(module: Module, size: int) -> bytes:
    memory = module.memories[0]
    most = b"" if memory.most is None else unsigned(memory.most)
    return b"\x01" + bytes([memory.flags]) + unsigned(size // 65536) + most


def _exports(module: Module) -> bytes:
    kinds = {"function": 0, "table": 1, "memory": 2, "global": 3, "tag": 4}
    kept = [export for export in module.exports if export.name not in INITIALIZERS]
    return wasm.vector([_export(export.name, kinds[export.kind], export.index) for export in kept])


def _globals(module: Module, state: State) -> bytes:
    return wasm.vector(
        [
            bytes([each.type, each.mutable]) + state.globals.get(index, each.start)
            for index, each in enumerate(module.globals)
        ]
    )


def _segments(module: Module, memory: bytes) -> list[bytes | memoryview]:
    """Data segments. Those of the module keep their places: active ones are used up, which is what an empty one is."""
    old: list[bytes | memoryview] = [segment.raw if segment.passive else b"\x01\x00" for segment in module.data]
    view = memoryview(memory)
    for start, end in _runs(memory):
        place = b"\x00\x41" + signed(start - (1 << 32) if start >> 31 else start) + _END
        old.append(b"".join([place, unsigned(end - start), view[start:end]]))
    return old


def _runs(memory: bytes) -> list[tuple[int, int]]:
    """Where memory is not zero, in pages of the machine; small gaps count as data."""
    pages = np.frombuffer(memory, np.uint64).reshape(-1, _HOST_PAGE // 8).any(axis=1).nonzero()[0] * _HOST_PAGE
    if not pages.size:
        return []
    gaps = np.diff(pages) - _HOST_PAGE
    limit = max(_LARGEST_GAP, _gap_for_mapping(int(pages[0]), int(pages[-1]) + _HOST_PAGE, pages.size, gaps))
    cuts = (gaps > limit).nonzero()[0]
    starts = [pages[0], *pages[cuts + 1]]
    ends = [*pages[cuts], pages[-1]]
    return [(int(start), int(end) + _HOST_PAGE) for start, end in zip(starts, ends, strict=True)]


def _gap_for_mapping(start: int, end: int, pages: int, gaps: Iterable[int]) -> int:
    """Which gaps to fill so that wasmtime maps the memory: the smallest, until half of it is data."""
    extent, data, limit = end - start, pages * _HOST_PAGE, 0
    if extent <= _ALWAYS_MAPPED:
        return 0
    for gap in sorted(int(gap) for gap in gaps if gap):
        if data * 2 >= extent:
            break
        data += gap
        limit = gap
    return limit
