"""Bytes out of tables: structure first, then weights, which go from the file they lie in to the new one uncopied."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from littoral.errors import ModelFileError
from littoral.tflite.graph import Buffer, Graph, Model, OperatorCode
from littoral.tflite.wire import (
    Array,
    Blob,
    Bytes,
    Child,
    Children,
    Enumeration,
    Field,
    Numbers,
    Reference,
    References,
    Scalar,
    Table,
    Text,
    Union,
    fields_of,
    unpacker,
)

IDENTIFIER = b"TFL3"
LIMIT = 2**31 - 1
"""Bytes that a flatbuffer may have; weights of larger models lie behind it."""
_DATA_ALIGNMENT = 16  # what the schema promises to kernels
_u32 = struct.Struct("<I")
_u64x2 = struct.Struct("<QQ")


def to_bytes(graph: Graph, limit: int = LIMIT) -> bytes:
    """The model file of a graph. A model of more than `limit` bytes gets its weights behind the flatbuffer."""
    return b"".join(_pieces(graph, limit))


def write(graph: Graph, path: str | os.PathLike[str], limit: int = LIMIT) -> None:
    """Write a model file: to a temporary file beside it, which is then renamed, so `path` may be the file read from.

    Raises:
        ModelFileError: The file cannot be written; nothing is left behind.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.urandom(6).hex()}.tmp")
    try:
        try:
            with temporary.open("xb") as file:
                for piece in _pieces(graph, limit):
                    file.write(piece)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ModelFileError(f"{target} cannot be written: {error.strerror}") from error


def _pieces(graph: Graph, limit: int) -> list[Bytes]:
    """What the file consists of, in order."""
    model = Model(
        version=graph.version,
        operator_codes=[],
        subgraphs=graph.subgraphs,
        description=graph.description,
        buffers=[],
        metadata_buffers=graph.metadata_buffers,
        metadata=graph.metadata,
        signatures=graph.signatures,
    )
    writer = Writer(model, outside=False)
    if writer.size > limit:
        writer = Writer(model, outside=True)
    if writer.size > limit:
        raise ModelFileError(f"the model is too large: {writer.size} bytes without weights, and {limit} fit")
    pieces = writer.pieces()
    return [*pieces, graph.trailing] if graph.trailing else pieces


class _Cell(NamedTuple):
    """What one field puts into its table: a value, or a distance to what `child` writes and returns the place of."""

    slot: int
    size: int
    value: bytes = b""
    child: Callable[[int], int | None] | None = None


class Writer:
    """Writes one file.

    Args:
        model: The root table; its pools are filled with what the other tables refer to.
        outside: Whether weights and custom options lie behind the flatbuffer.
    """

    def __init__(self, model: Model, *, outside: bool) -> None:
        self._out = bytearray(4) + IDENTIFIER
        self._outside = outside
        self._blobs: list[tuple[int, Bytes]] = []
        self._far_blobs: list[tuple[int, Bytes]] = []
        self._vtables: dict[bytes, int] = {}
        self._pools: dict[type[Table], list[Any]] = {OperatorCode: [], Buffer: [Buffer()]}  # buffer 0 means no data
        self._indices: dict[Any, int] = {}
        self._methods: dict[type, Callable[[Field, Any], list[_Cell]]] = {
            Scalar: self._scalar,
            Enumeration: self._scalar,
            Reference: self._reference,
            References: self._references,
            Text: self._text,
            Numbers: self._numbers,
            Array: self._array,
            Blob: self._blob,
            Child: self._child,
            Children: self._children,
            Union: self._union,
        }
        _u32.pack_into(self._out, 0, self._table(model))

    @property
    def size(self) -> int:
        """The bytes of the flatbuffer, or a few more."""
        return len(self._out) + sum(len(data) + 4 + _DATA_ALIGNMENT for _, data in self._blobs)

    def pieces(self) -> list[Bytes]:
        """What the file consists of, in order: structure, then each blob after what aligns it."""
        pieces: list[Bytes] = []
        end = len(self._out)
        for field, data in self._blobs:
            gap = -(end + 4) % _DATA_ALIGNMENT
            _u32.pack_into(self._out, field, end + gap - field)
            pieces += (bytes(gap) + _u32.pack(len(data)), data)
            end += gap + 4 + len(data)
        for field, data in self._far_blobs:
            gap = -end % _DATA_ALIGNMENT
            _u64x2.pack_into(self._out, field, end + gap, len(data))
            pieces += (bytes(gap), data)
            end += gap + len(data)
        return [bytes(self._out), *pieces]

    def _table(self, table: Table) -> int:
        """Write a table and what it refers to."""
        cells: list[_Cell] = []
        for field in reversed(fields_of(type(table))):  # pools last: what refers into them decides what is in them
            value = getattr(table, field.name)
            if field.name in vars(table) and value is not None:
                cells += self._methods[type(field.kind)](field, value)
        # Larger cells first, so that none needs padding.
        places: dict[int, int] = {}
        size = 4
        for cell in sorted(cells, key=lambda cell: -cell.size):
            places[cell.slot] = size
            size += cell.size
        vtable = self._vtable(places, size)
        self._pad(8, 4 if any(cell.size == 8 for cell in cells) else 0)
        position = len(self._out)
        self._out += struct.pack("<i", position - vtable) + bytes(size - 4)
        for cell in cells:
            place = position + places[cell.slot]
            self._out[place : place + len(cell.value)] = cell.value
        for cell in cells:
            if cell.child is not None:
                self._link(position + places[cell.slot], cell.child)
        return position

    def _vtable(self, places: dict[int, int], size: int) -> int:
        slots = max(places, default=-1) + 1
        vtable = struct.pack(f"<{slots + 2}H", 4 + 2 * slots, size, *(places.get(slot, 0) for slot in range(slots)))
        if vtable not in self._vtables:
            self._pad(2)
            self._vtables[vtable] = len(self._out)
            self._out += vtable
        return self._vtables[vtable]

    def _link(self, field: int, child: Callable[[int], int | None]) -> None:
        target = child(field)
        if target is not None:
            _u32.pack_into(self._out, field, target - field)

    def _pad(self, alignment: int, remainder: int = 0) -> None:
        self._out += bytes((remainder - len(self._out)) % alignment)

    def _index(self, table: Table | None) -> int:
        """The index of a table in its pool, into which it is put when it is not there yet."""
        if table is None or (isinstance(table, Buffer) and table.data is None):
            return 0
        key = tuple(vars(table).items()) if isinstance(table, OperatorCode) else id(table)
        pool = self._pools[type(table)]
        if key not in self._indices:
            self._indices[key] = len(pool)
            pool.append(table)
        return self._indices[key]

    def _items(self, count: int, item: int, content: bytes) -> int:
        """Write a vector."""
        self._pad(max(item, 4), 4 if item == 8 else 0)
        position = len(self._out)
        self._out += _u32.pack(count) + content
        return position

    # One method a kind of field

    def _scalar(self, field: Field, value: Any) -> list[_Cell]:
        if value == field.default:
            return []
        return [_Cell(field.slot, field.kind.size, unpacker(field.kind.code).pack(value))]

    def _reference(self, field: Field, value: Any) -> list[_Cell]:
        index = self._index(value)
        return [_Cell(field.slot, 4, _u32.pack(index))] if index else []

    def _references(self, field: Field, value: Any) -> list[_Cell]:
        indices = [self._index(table) for table in value]
        return [
            _Cell(
                field.slot, 4, child=lambda _: self._items(len(indices), 4, struct.pack(f"<{len(indices)}i", *indices))
            )
        ]

    def _text(self, field: Field, value: str) -> list[_Cell]:
        content = value.encode()
        return [_Cell(field.slot, 4, child=lambda _: self._items(len(content), 1, content + b"\0"))]

    def _numbers(self, field: Field, value: tuple[Any, ...]) -> list[_Cell]:
        content = struct.pack(f"<{len(value)}{field.kind.code}", *value)
        return [_Cell(field.slot, 4, child=lambda _: self._items(len(value), field.kind.item, content))]

    def _array(self, field: Field, value: Any) -> list[_Cell]:
        content = value.astype(field.kind.dtype, copy=False).tobytes()
        return [_Cell(field.slot, 4, child=lambda _: self._items(value.size, field.kind.item, content))]

    def _blob(self, field: Field, value: Bytes) -> list[_Cell]:
        data = memoryview(value).cast("B") if isinstance(value, memoryview) else value
        if field.kind.outside and self._outside and len(data):
            # Two cells that must lie side by side: one of 16 bytes would need an alignment of its own.
            def later(place: int) -> None:
                self._far_blobs.append((place, data))

            return [_Cell(field.kind.outside, 8, child=later), _Cell(field.kind.outside + 1, 8)]

        def soon(place: int) -> None:
            self._blobs.append((place, data))

        return [_Cell(field.slot, 4, child=soon)]

    def _child(self, field: Field, value: Table) -> list[_Cell]:
        return [_Cell(field.slot, 4, child=lambda _: self._table(value))]

    def _children(self, field: Field, value: list[Table]) -> list[_Cell]:
        def tables(_: int) -> int:
            items = self._pools[field.kind.table] if field.kind.pool else value
            position = self._items(len(items), 4, bytes(4 * len(items)))
            for index, table in enumerate(items):
                self._link(position + 4 + 4 * index, lambda _, table=table: self._table(table))  # type: ignore[misc]
            return position

        return [_Cell(field.slot, 4, child=tables)]

    def _union(self, field: Field, value: Table) -> list[_Cell]:
        code = next((code for code, cls in field.kind.tables.items() if cls is type(value)), None)
        if code is None:
            raise TypeError(f"{field.name} cannot be a {type(value).__name__}")
        return [_Cell(field.slot, 1, bytes([code])), _Cell(field.slot + 1, 4, child=lambda _: self._table(value))]
