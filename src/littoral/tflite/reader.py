"""Tables out of bytes. Reading is verifying: whatever is read was within the file, in bounds, aligned and paid for.

Layout of a flatbuffer (all numbers little-endian): the first four bytes are the distance to the root table. A table
starts with the signed distance back to its vtable: two-byte sizes of vtable and table, then for each slot the field's
place in the table, 0 when absent. Strings, vectors and tables lie elsewhere, at an unsigned distance from the field.
Slots that the schema did not have when this was written are passed over, and not written again.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import numpy as np

from littoral.errors import ModelFileError
from littoral.tflite.wire import (
    Array,
    Blob,
    Blobs,
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

T = TypeVar("T", bound=Table)

_MOST_SLOTS = 32  # more than any table has
# Bytes of memory that things cost, about: what a file may make us hold is 9 times its size and 256 KB.
# Files without weights need up to 10 times their size, so the sum is not too low for any up to 256 KB.
_TABLE_COST = 160
_VECTOR_COST = 60
_ITEM_COST = 40
_VIEW_COST = 200
_BUDGET_TIMES = 9
_BUDGET_FLOOR = 256 << 10
_u32 = struct.Struct("<I").unpack_from
_i32 = struct.Struct("<i").unpack_from

Offsets = tuple[int, ...]  # by slot: the place of a field in its table, 0 when absent


class Reader:
    """Reads tables from one file.

    Args:
        data: The whole file.
        origin: What to call the file in errors.
    """

    def __init__(self, data: memoryview, origin: str) -> None:
        self.data = data
        self.size = len(data)
        self.origin = origin
        self.end = 0
        """How far into the file anything that was read reaches."""
        self._budget = _BUDGET_TIMES * self.size + _BUDGET_FLOOR
        self._vtables: dict[int, tuple[int, Offsets]] = {}
        self._plans: dict[tuple[type[Table], int], list[tuple[Field, Callable[..., Any]]]] = {}
        self._pools: dict[type[Table], list[Any]] = {}
        self._methods: dict[type, Callable[..., Any]] = {
            Scalar: self._scalar,
            Enumeration: self._enumeration,
            Reference: self._reference,
            References: self._references,
            Text: self._text,
            Numbers: self._numbers,
            Array: self._array,
            Blob: self._blob,
            Blobs: self._blobs,
            Child: self._child,
            Children: self._children,
            Union: self._union,
        }

    def fail(self, what: str) -> NoReturn:
        """Refuse the file."""
        raise ModelFileError(f"{self.origin} is damaged: {what}", "Get the file again, or convert the model again")

    def root(self, cls: type[T]) -> T:
        """The table that the first four bytes point to."""
        self._need(0, 8, "the header")
        return self.table(cls, self._follow(0, cls.__name__))

    def table(self, cls: type[T], position: int) -> T:
        """The table at a place in the file."""
        self._pay(_TABLE_COST)
        vtable, size, offsets = self._vtable(cls, position)
        plan = self._plans.get((cls, vtable))
        if plan is None:
            plan = self._plans[cls, vtable] = self._plan(cls, position, size, offsets)
        table = cls.__new__(cls)
        for field, method in plan:
            setattr(table, field.name, method(field, position, offsets))
        return table

    # Bounds

    def _need(self, position: int, size: int, what: str) -> None:
        end = position + size
        if position < 0 or end > self.size:
            self.fail(f"{what} at byte {position} needs {size} bytes, and the file has {self.size}")
        if end > self.end:
            self.end = end

    def _pay(self, cost: int) -> None:
        self._budget -= cost
        if self._budget < 0:
            self.fail("it unfolds to many times its size: parts of it are used again and again")

    def _follow(self, position: int, what: str) -> int:
        """Where the distance at a place leads to."""
        distance: int = _u32(self.data, position)[0]
        target = position + distance
        if distance < 4 or target % 4:
            self.fail(f"{what} at byte {position} points {distance} bytes ahead, where nothing can be")
        self._need(target, 4, what)
        return target

    def _vector(self, position: int, item: int, what: str) -> tuple[int, int]:
        """The first byte and the number of items of the vector that a field points to."""
        target = self._follow(position, what)
        count: int = _u32(self.data, target)[0]
        start = target + 4
        self._need(start, count * item, what)
        if start % item:
            self.fail(f"{what} at byte {start} is not aligned to {item} bytes")
        return start, count

    def _vtable(self, cls: type[Table], position: int) -> tuple[int, int, Offsets]:
        vtable = position - _i32(self.data, position)[0]
        known = self._vtables.get(vtable)
        if known is None:
            what = f"the layout of {cls.__name__} at byte {position}"
            self._need(vtable, 4, what)
            length, size = struct.unpack_from("<HH", self.data, vtable)
            if length < 4 or length % 2 or vtable % 2 or size < 4:
                self.fail(f"{what} makes no sense")
            self._need(vtable, length, what)
            slots = min((length - 4) // 2, _MOST_SLOTS)
            offsets = struct.unpack_from(f"<{slots}H", self.data, vtable + 4)
            known = self._vtables[vtable] = (size, offsets + (0,) * (_MOST_SLOTS - slots))
        self._need(position, known[0], cls.__name__)
        return vtable, *known

    def _plan(
        self, cls: type[Table], position: int, size: int, offsets: Offsets
    ) -> list[tuple[Field, Callable[..., Any]]]:
        """Which fields a table of this class and layout has, and what reads each."""
        plan = []
        for field in fields_of(cls):
            kind = field.kind
            if isinstance(kind, Union):
                slots = {field.slot: 1, field.slot + 1: 4}
            elif isinstance(kind, Blob) and kind.outside:
                slots = {field.slot: 4, kind.outside: 8, kind.outside + 1: 8}
            else:
                slots = {field.slot: kind.size}
            for slot, width in slots.items():
                offset = offsets[slot]
                if offset and (offset < 4 or offset + width > size or offset % min(width, 4)):
                    self.fail(f"{cls.__name__}.{field.name} at byte {position} lies outside its table")
            if any(offsets[slot] for slot in slots) or not hasattr(cls, field.name):
                plan.append((field, self._methods[type(kind)]))
        return plan

    # One method a kind of field

    def _scalar(self, field: Field, position: int, offsets: Offsets) -> Any:
        return unpacker(field.kind.code).unpack_from(self.data, position + offsets[field.slot])[0]

    def _enumeration(self, field: Field, position: int, offsets: Offsets) -> Any:
        value = self._scalar(field, position, offsets)
        try:
            return field.kind.enum(value)
        except ValueError:
            accepted = f"0 to {len(field.kind.enum) - 1}"
            self.fail(f"{field.name} at byte {position} is {value}, and {field.kind.enum.__name__} has {accepted}")

    def _reference(self, field: Field, position: int, offsets: Offsets) -> Any:
        index = self._scalar(field, position, offsets) if offsets[field.slot] else 0
        return self._referred(field, index)

    def _referred(self, field: Field, index: int) -> Any:
        pool = self._pools.get(field.kind.table, [])
        if not 0 <= index < len(pool):
            self.fail(f"{field.name} refers to {field.kind.table.__name__} {index}, and there are {len(pool)}")
        return pool[index]

    def _references(self, field: Field, position: int, offsets: Offsets) -> Any:
        return tuple(self._referred(field, index) for index in self._tuple(field, "i", 4, position, offsets))

    def _text(self, field: Field, position: int, offsets: Offsets) -> str:
        start, count = self._vector(position + offsets[field.slot], 1, field.name)
        self._need(start, count + 1, field.name)
        self._pay(count + _VECTOR_COST)
        if self.data[start + count]:
            self.fail(f"the text of {field.name} at byte {start} does not end with a zero byte")
        try:
            return str(self.data[start : start + count], "utf-8")
        except UnicodeDecodeError:
            self.fail(f"the text of {field.name} at byte {start} is not UTF-8")

    def _numbers(self, field: Field, position: int, offsets: Offsets) -> Any:
        return self._tuple(field, field.kind.code, field.kind.item, position, offsets)

    def _tuple(self, field: Field, code: str, item: int, position: int, offsets: Offsets) -> tuple[Any, ...]:
        start, count = self._vector(position + offsets[field.slot], item, field.name)
        self._pay(_VECTOR_COST + count * _ITEM_COST)
        return struct.unpack_from(f"<{count}{code}", self.data, start)

    def _array(self, field: Field, position: int, offsets: Offsets) -> Any:
        start, count = self._vector(position + offsets[field.slot], field.kind.item, field.name)
        self._pay(_VIEW_COST)
        return np.frombuffer(self.data, field.kind.dtype, count, start)

    def _blob(self, field: Field, position: int, offsets: Offsets) -> memoryview | None:
        place = size = 0
        if field.kind.outside and offsets[field.kind.outside] and offsets[field.kind.outside + 1]:
            place = unpacker("Q").unpack_from(self.data, position + offsets[field.kind.outside])[0]
            size = unpacker("Q").unpack_from(self.data, position + offsets[field.kind.outside + 1])[0]
        if place > 1:  # 1 is what writers put before they know the place
            self._need(place, size, field.name)
        elif offsets[field.slot]:
            place, size = self._vector(position + offsets[field.slot], 1, field.name)
        else:
            return None
        self._pay(size + _VIEW_COST)
        return self.data[place : place + size]

    def _blobs(self, field: Field, position: int, offsets: Offsets) -> list[memoryview]:
        first, count = self._vector(position + offsets[field.slot], 4, field.name) if offsets[field.slot] else (0, 0)
        blobs = []
        for place in range(first, first + 4 * count, 4):
            start, size = self._vector(place, 1, field.name)
            self._pay(size + _VIEW_COST)
            blobs.append(self.data[start : start + size])
        return blobs

    def _child(self, field: Field, position: int, offsets: Offsets) -> Any:
        return self.table(field.kind.table, self._follow(position + offsets[field.slot], field.name))

    def _children(self, field: Field, position: int, offsets: Offsets) -> list[Any]:
        cls, name = field.kind.table, field.name
        tables: list[Table] = []
        if offsets[field.slot]:
            start, count = self._vector(position + offsets[field.slot], 4, name)
            self._pay(_VECTOR_COST)
            tables += (self.table(cls, self._follow(place, name)) for place in range(start, start + 4 * count, 4))
        if field.kind.pool:
            self._pools[cls] = [table.pooled(index) for index, table in enumerate(tables)]
        return tables

    def _union(self, field: Field, position: int, offsets: Offsets) -> Any:
        type_offset, offset = offsets[field.slot], offsets[field.slot + 1]
        code = self.data[position + type_offset] if type_offset else 0
        if not code or not offset:
            return None
        cls = field.kind.tables.get(code)
        if cls is None:
            self.fail(f"{field.name} at byte {position} is of kind {code}, which this littoral does not know")
        return self.table(cls, self._follow(position + offset, field.name))
