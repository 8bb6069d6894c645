"""WebAssembly modules as far as we read and rewrite them: everything but the code.

Source: the WebAssembly core specification, chapter "Binary Format". wasmtime validates a whole module when it compiles
it; this reader finds what it imports and exports first, and the writer makes snapshots. Any bytes give a `Module` or a
`ModuleError`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from littoral.functions.errors import ModuleError
from littoral.functions.leb import Cursor, DamageError, unsigned

_T = TypeVar("_T")

MAGIC = b"\0asm"
_VERSION = b"\1\0\0\0"
CUSTOM, TYPE, IMPORT, FUNCTION, TABLE, MEMORY, GLOBAL, EXPORT, START, ELEMENT, CODE, DATA, DATA_COUNT, TAG = range(14)
ORDER = (TYPE, IMPORT, FUNCTION, TABLE, MEMORY, TAG, GLOBAL, EXPORT, START, ELEMENT, DATA_COUNT, CODE, DATA)
"""Sections in the order in which they stand in a module, each at most once; custom ones anywhere."""

I32, I64, F32, F64, V128, FUNCREF, EXTERNREF = 0x7F, 0x7E, 0x7D, 0x7C, 0x7B, 0x70, 0x6F
_VALUES = {I32: "i32", I64: "i64", F32: "f32", F64: "f64", V128: "v128", FUNCREF: "funcref", EXTERNREF: "externref"}
_KINDS = ("function", "table", "memory", "global", "tag")
_FUNCTION_KIND, _TABLE_KIND, _MEMORY_KIND, _GLOBAL_KIND, _TAG_KIND = range(5)


@dataclass(frozen=True)
class FunctionType:
    """What a function takes and gives, as in ("i32", "i32") and ("i32",)."""

    parameters: tuple[str, ...]
    results: tuple[str, ...]

    def __str__(self) -> str:
        return f"({', '.join(self.parameters)}) -> ({', '.join(self.results)})"


@dataclass(frozen=True)
class Import:
    """What a module asks for; `type` where it is a function."""

    module: str
    name: str
    kind: str
    type: FunctionType | None

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True)
class Export:
    """What a module offers: "function", "table", "memory", "global" or "tag", by its index."""

    name: str
    kind: str
    index: int


@dataclass(frozen=True)
class Size:
    """How large a memory (in pages) or a table (in elements) is, and may become."""

    least: int
    most: int | None
    flags: int


@dataclass(frozen=True)
class Global:
    """A global variable; `start` is the expression of its first value, as it stands in the file."""

    type: int
    mutable: bool
    start: bytes


@dataclass(frozen=True)
class Segment:
    """Data to be put into memory: passive ones by the code; the others at the start. `raw` is all of it in the file."""

    passive: bool
    raw: memoryview


@dataclass
class Module:
    """A module: its sections as they are, and what is read of them. Indices count imported things first.

    Attributes:
        sections: (number, content) in order.
        functions: The type of each function.
        tables: The type of elements and the size of each table.
    """

    sections: tuple[tuple[int, memoryview], ...]
    types: list[FunctionType] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    functions: list[FunctionType] = field(default_factory=list)
    tables: list[tuple[int, Size]] = field(default_factory=list)
    memories: list[Size] = field(default_factory=list)
    globals: list[Global] = field(default_factory=list)
    exports: list[Export] = field(default_factory=list)
    start: int | None = None
    data: list[Segment] = field(default_factory=list)

    @classmethod
    def read(cls, content: bytes | memoryview, name: str = "the module") -> Module:
        """Reads a module.

        Args:
            content: Of the file; it is not copied.
            name: Names it in errors.

        Raises:
            ModuleError: It is no module, is damaged, or is of a kind that we do not read.
        """
        view = memoryview(content).cast("B").toreadonly()
        if bytes(view[:4]) != MAGIC:
            raise ModuleError(f"{name} is not WebAssembly: it does not begin with \\0asm", _hint(bytes(view[:16])))
        if bytes(view[4:8]) != _VERSION:
            what = "is a component, or of another version of WebAssembly"
            raise ModuleError(f"{name} {what}", "Build a core module: target wasm32-wasip1 (wasm32-wasi)")
        try:
            module = cls(tuple(_sections(Cursor(view, 8))))
            for number, section in module.sections:
                if number in _READERS:
                    cursor = Cursor(section)
                    _READERS[number](module, cursor)
                    cursor.finish(f"section {number}")
        except DamageError as error:
            raise ModuleError(f"{name} is damaged or not supported: {error}", "Build it again") from error
        return module

    def export(self, name: str, kind: str) -> Export | None:
        """The export of that name, if it is of that kind."""
        return next((export for export in self.exports if export.name == name and export.kind == kind), None)

    def function_type(self, name: str) -> FunctionType | None:
        """The type of an exported function; None where there is none of that name."""
        export = self.export(name, "function")
        return self.functions[export.index] if export else None


def write(sections: Sequence[tuple[int, bytes | memoryview]]) -> bytes:
    """A module of sections, in the order given."""
    parts: list[bytes | memoryview] = [MAGIC, _VERSION]
    for number, content in sections:
        parts += [bytes([number]), unsigned(len(content)), content]
    return b"".join(parts)


def vector(items: Sequence[bytes | memoryview]) -> bytes:
    """Items behind their count."""
    return b"".join([unsigned(len(items)), *items])


def _hint(head: bytes) -> str:
    if head.startswith((b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe")):
        return "It is native code, which is never loaded: give the .wasm file"
    if head.lstrip().startswith((b"(module", b"(component", b";;")):
        return "It is the text form: assemble it first (wat2wasm)"
    return "Give a .wasm file, as `littoral function build` makes it"


def _sections(cursor: Cursor) -> list[tuple[int, memoryview]]:
    found: list[tuple[int, memoryview]] = []
    last = -1
    while not cursor.at_end:
        number = cursor.byte()
        content = cursor.take(cursor.unsigned())
        if number != CUSTOM:
            if number not in ORDER:
                raise DamageError(f"it has a section {number}, which WebAssembly does not have")
            if ORDER.index(number) <= last:
                raise DamageError(f"section {number} comes twice or out of order")
            last = ORDER.index(number)
        found.append((number, content))
    return found


def _items(cursor: Cursor, read: Callable[[Cursor], _T]) -> list[_T]:
    return [read(cursor) for _ in range(cursor.unsigned())]


def _value(cursor: Cursor) -> int:
    code = cursor.byte()
    if code not in _VALUES:
        raise DamageError(f"it uses the value type {code:#x}, of a proposal that we do not support")
    return code


def _function_type(cursor: Cursor) -> FunctionType:
    form = cursor.byte()
    if form != 0x60:
        raise DamageError(f"it has a type of the form {form:#x}, of a proposal that we do not support")
    parameters = tuple(_VALUES[code] for code in _items(cursor, _value))
    return FunctionType(parameters, tuple(_VALUES[code] for code in _items(cursor, _value)))


def _size(cursor: Cursor) -> Size:
    flags = cursor.byte()
    if flags > 7:
        raise DamageError(f"it has a memory or table with the flags {flags:#x}")
    least = cursor.unsigned(64)
    return Size(least, cursor.unsigned(64) if flags & 1 else None, flags)


def _table_type(cursor: Cursor) -> tuple[int, Size]:
    return _value(cursor), _size(cursor)


def _table(cursor: Cursor) -> tuple[int, Size]:
    if cursor.peek() == 0x40:
        raise DamageError("it has a table with a first value, which we do not support")
    return _table_type(cursor)


def _global_type(cursor: Cursor) -> tuple[int, bool]:
    kind, mutable = _value(cursor), cursor.byte()
    if mutable > 1:
        raise DamageError(f"a global has the mutability {mutable}")
    return kind, bool(mutable)


def _global(cursor: Cursor) -> Global:
    kind, mutable = _global_type(cursor)
    return Global(kind, mutable, _expression(cursor))


def _expression(cursor: Cursor) -> bytes:
    """A constant expression, `end` included."""
    start = cursor.position
    while True:
        code = cursor.byte()
        if code == 0x0B:
            return bytes(cursor.since(start))
        if code in (0x41, 0x42):  # i32.const, i64.const
            cursor.skip_number()
        elif code in (0x23, 0xD2):  # global.get, ref.func
            cursor.unsigned()
        elif code in (0x43, 0x44):  # f32.const, f64.const
            cursor.take(4 if code == 0x43 else 8)
        elif code == 0xD0:  # ref.null
            cursor.byte()
        elif code == 0xFD and cursor.unsigned() == 12:  # v128.const
            cursor.take(16)
        elif code not in (0x6A, 0x6B, 0x6C, 0x7C, 0x7D, 0x7E):  # add, sub, mul
            raise DamageError(f"a constant expression has the instruction {code:#x}")


def _segment(cursor: Cursor) -> Segment:
    start = cursor.position
    flags = cursor.unsigned()
    if flags > 2:
        raise DamageError(f"a data segment has the flags {flags}")
    if flags == 2 and cursor.unsigned() != 0:
        raise DamageError("a data segment is for a memory that is not there")
    if flags != 1:
        _expression(cursor)
    cursor.take(cursor.unsigned())
    return Segment(flags == 1, cursor.since(start))


def _read_imports(module: Module, cursor: Cursor) -> None:
    for _ in range(cursor.unsigned()):
        place, name, kind = cursor.name(), cursor.name(), cursor.byte()
        signature = None
        if kind == _FUNCTION_KIND:
            signature = _of(module.types, cursor.unsigned(), "type")
            module.functions.append(signature)
        elif kind == _TABLE_KIND:
            module.tables.append(_table_type(cursor))
        elif kind == _MEMORY_KIND:
            module.memories.append(_size(cursor))
        elif kind == _GLOBAL_KIND:
            module.globals.append(Global(*_global_type(cursor), b""))
        elif kind == _TAG_KIND:
            cursor.byte()
            cursor.unsigned()
        else:
            raise DamageError(f"it imports something of the kind {kind}")
        module.imports.append(Import(place, name, _KINDS[kind], signature))


def _read_exports(module: Module, cursor: Cursor) -> None:
    spaces: dict[str, Sequence[object]] = {
        "function": module.functions,
        "table": module.tables,
        "memory": module.memories,
        "global": module.globals,
    }
    names = set()
    for _ in range(cursor.unsigned()):
        name, kind, index = cursor.name(), cursor.byte(), cursor.unsigned()
        if kind >= len(_KINDS):
            raise DamageError(f"it exports something of the kind {kind}")
        if name in names:
            raise DamageError(f"it exports {name!r} twice")
        names.add(name)
        if _KINDS[kind] in spaces:
            _of(spaces[_KINDS[kind]], index, _KINDS[kind])
        module.exports.append(Export(name, _KINDS[kind], index))


def _of(items: Sequence[_T], index: int, what: str) -> _T:
    if index >= len(items):
        raise DamageError(f"it names {what} {index} of {len(items)}")
    return items[index]


def _read_functions(module: Module, cursor: Cursor) -> None:
    module.functions += _items(cursor, lambda each: _of(module.types, each.unsigned(), "type"))


def _read_start(module: Module, cursor: Cursor) -> None:
    module.start = cursor.unsigned()
    _of(module.functions, module.start, "function")


_READERS: dict[int, Callable[[Module, Cursor], None]] = {
    TYPE: lambda module, cursor: module.types.extend(_items(cursor, _function_type)),
    IMPORT: _read_imports,
    FUNCTION: _read_functions,
    TABLE: lambda module, cursor: module.tables.extend(_items(cursor, _table)),
    MEMORY: lambda module, cursor: module.memories.extend(_items(cursor, _size)),
    GLOBAL: lambda module, cursor: module.globals.extend(_items(cursor, _global)),
    EXPORT: _read_exports,
    START: _read_start,
    DATA: lambda module, cursor: module.data.extend(_items(cursor, _segment)),
}
