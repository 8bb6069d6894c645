"""FlexBuffers: maps without a schema, in which custom operators keep their options. Reading is verifying.

A value is read from its end: the last byte says how wide the root is, the one before it of which kind, and before that
lies the root: a number, or the distance back to what it is. A map is two vectors, of keys and of values, and behind
its values lies a byte a value with kind (upper six bits) and width (lower two). Source: flatbuffers/flexbuffers.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import NoReturn

from littoral.errors import ModelFileError
from littoral.tflite.wire import Bytes

Item = None | bool | int | float | memoryview
Value = Item | tuple[Item, ...]

_LONGEST_KEY = 255
_CODES = {1: "b", 2: "h", 4: "i", 8: "q"}
_FLOAT_CODES = {2: "e", 4: "f", 8: "d"}


class _Kind(IntEnum):
    NULL = 0
    INT = 1
    UINT = 2
    FLOAT = 3
    KEY = 4
    STRING = 5
    INDIRECT_INT = 6
    INDIRECT_UINT = 7
    INDIRECT_FLOAT = 8
    MAP = 9
    VECTOR = 10
    VECTOR_INT = 11
    VECTOR_UINT = 12
    VECTOR_FLOAT = 13
    VECTOR_KEY = 14
    BLOB = 25
    BOOL = 26
    VECTOR_BOOL = 36


_INDIRECT = {
    _Kind.INDIRECT_INT: _Kind.INT,
    _Kind.INDIRECT_UINT: _Kind.UINT,
    _Kind.INDIRECT_FLOAT: _Kind.FLOAT,
}
_TYPED = {
    _Kind.VECTOR_INT: _Kind.INT,
    _Kind.VECTOR_UINT: _Kind.UINT,
    _Kind.VECTOR_FLOAT: _Kind.FLOAT,
    _Kind.VECTOR_KEY: _Kind.KEY,
    _Kind.VECTOR_BOOL: _Kind.BOOL,
}


def read_map(data: Bytes, what: str) -> dict[str, Value]:
    """The map that `data` is.

    Texts and blobs are views of `data`, not decoded: some tools keep binary data in texts. Vectors are tuples.

    Args:
        data: All of the FlexBuffer, such as an operator's `custom_options`.
        what: What to call it in errors.

    Raises:
        ModelFileError: It is damaged, is not a map, or holds what no operator's options do (maps or vectors inside of
            vectors, maps inside of maps).
    """
    return _Reader(memoryview(data), what).map()


class _Reader:
    def __init__(self, data: memoryview, what: str) -> None:
        self.data = data
        self.what = what
        self.left = len(data)  # items and characters still to be made: several fields can point to the same long vector

    def fail(self, why: str) -> NoReturn:
        raise ModelFileError(f"{self.what} is damaged: {why}", "Get the file again, or make it again")

    def map(self) -> dict[str, Value]:
        if len(self.data) < 3:
            self.fail(f"a FlexBuffer has at least 3 bytes, and this one has {len(self.data)}")
        kind, child = self.kind(len(self.data) - 2)
        width = self.data[-1]
        if width not in _CODES or kind is not _Kind.MAP:
            self.fail("it is not a map in the format FlexBuffers")
        values = self.target(len(self.data) - 2 - width, width)
        count = self.uint(values - child, child)
        keys = self.target(values - 3 * child, child)
        keys_width = self.uint(values - 2 * child, child)
        if keys_width not in _CODES or self.uint(keys - keys_width, keys_width) != count:
            self.fail("a map has not as many keys as values")
        names = [self.key(self.target(keys + i * keys_width, keys_width)) for i in range(self.pay(count))]
        return {name: self.value(*place) for name, place in zip(names, self.places(values, count, child), strict=True)}

    # Bounds

    def need(self, position: int, size: int) -> None:
        if position < 0 or position + size > len(self.data):
            self.fail(f"{size} bytes at byte {position} lie outside its {len(self.data)}")

    def pay(self, count: int) -> int:
        self.left -= count
        if self.left < 0:
            self.fail("it unfolds to more than it holds")
        return count

    # Numbers

    def uint(self, position: int, width: int) -> int:
        self.need(position, width)
        return int.from_bytes(self.data[position : position + width], "little")

    def number(self, kind: _Kind, position: int, width: int) -> bool | int | float:
        if kind in (_Kind.UINT, _Kind.BOOL):
            value = self.uint(position, width)
            return bool(value) if kind is _Kind.BOOL else value
        code = (_CODES if kind is _Kind.INT else _FLOAT_CODES).get(width)
        if code is None:
            self.fail(f"a number at byte {position} has {width} bytes")
        self.need(position, width)
        number: int | float = struct.unpack_from("<" + code, self.data, position)[0]
        return number

    def kind(self, position: int) -> tuple[_Kind, int]:
        """What a byte of type says: the kind, and the width in bytes of what is pointed to."""
        packed = self.data[position]
        try:
            return _Kind(packed >> 2), 1 << (packed & 3)
        except ValueError:
            self.fail(f"it has a value of kind {packed >> 2}, which options do not have")

    # What is pointed to

    def target(self, position: int, width: int) -> int:
        """Where the distance back at a place leads to."""
        target = position - self.uint(position, width)
        self.need(target, 0)
        return target

    def key(self, position: int) -> str:
        text, end, _ = bytes(self.data[position : position + _LONGEST_KEY + 1]).partition(b"\0")
        if not end or not text.isascii():
            self.fail(f"the key at byte {position} does not end or is not ASCII")
        self.pay(len(text))
        return text.decode()

    def places(self, start: int, count: int, width: int) -> Iterator[tuple[_Kind, int, int, int]]:
        """Of each item of a vector with types: kind, place, its own width, width of what it points to."""
        self.need(start, count * (width + 1))
        for index in range(count):
            kind, child = self.kind(start + count * width + index)
            yield kind, start + index * width, width, child

    def value(self, kind: _Kind, position: int, width: int, child: int) -> Value:
        if kind is _Kind.VECTOR:
            start = self.target(position, width)
            count = self.pay(self.uint(start - child, child))
            return tuple(self.item(*place) for place in self.places(start, count, child))
        if kind in _TYPED:
            start = self.target(position, width)
            count = self.pay(self.uint(start - child, child))
            self.need(start, count * child)
            return tuple(self.item(_TYPED[kind], start + index * child, child, 1) for index in range(count))
        return self.item(kind, position, width, child)

    def item(self, kind: _Kind, position: int, width: int, child: int) -> Item:
        if kind is _Kind.NULL:
            return None
        if kind in (_Kind.INT, _Kind.UINT, _Kind.FLOAT, _Kind.BOOL):
            return self.number(kind, position, width)
        if kind is _Kind.MAP or kind is _Kind.VECTOR or kind in _TYPED:
            self.fail("it has vectors or maps inside of others, which options do not have")
        start = self.target(position, width)
        if kind in _INDIRECT:
            return self.number(_INDIRECT[kind], start, child)
        if kind is _Kind.KEY:
            return memoryview(self.key(start).encode())
        size = self.uint(start - child, child)
        self.need(start, size)
        return self.data[start : start + size]
