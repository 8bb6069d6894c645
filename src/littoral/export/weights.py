"""Constants of a program as few bytes, from which a page makes the same bits again.

A constant is stored as int8 or float16 where widening that gives every bit back, else as it is. The bytes of one
constant lie in planes: all first bytes of its values, then all second bytes ... so that exponents, which are alike,
stand together. All constants follow each other in one zlib stream, which every browser can inflate.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from littoral.webnn.program import Array

# What a page widens, by data type: js/web/weights.ts.
_NARROWER: dict[str, tuple[str, ...]] = {
    "float32": ("int8", "float16"),
    **dict.fromkeys(("float16", "int32", "uint32", "int64", "uint64"), ("int8",)),
}
LEVEL = 9  # of zlib: an export is done once and downloaded often


@dataclass(frozen=True)
class Stored:
    """How one constant lies in the stream.

    Attributes:
        data_type: Of its stored values, by the standard's names; the page widens it to the operand's.
        count: Of its stored values: 1 where all are the same, else all of them.
    """

    data_type: str
    count: int


def pack(constants: Iterable[Array]) -> tuple[list[Stored], bytes, int]:
    """Constants, in order, as one zlib stream.

    Args:
        constants: Of the types in `littoral.webnn.program.DTYPES`.

    Returns:
        How each one lies in it, the stream, and its size when it is inflated.
    """
    packer = zlib.compressobj(LEVEL)
    stored, parts, size = [], [], 0
    for constant in constants:
        values = narrowed(constant)
        plane = planes(values)
        stored.append(Stored(values.dtype.name, values.size))
        parts.append(packer.compress(plane))
        size += len(plane)
    parts.append(packer.flush())
    return stored, b"".join(parts), size


def unpack(stored: Sequence[Stored], like: Sequence[tuple[str, tuple[int, ...]]], data: bytes) -> list[Array]:
    """The constants again, as a page makes them.

    Args:
        stored: As `pack` gave it.
        like: Data type and shape of each constant.
        data: The stream of `pack`.
    """
    inflated = zlib.decompress(data)
    constants, at = [], 0
    for entry, (data_type, shape) in zip(stored, like, strict=True):
        dtype = np.dtype(entry.data_type)
        raw = np.frombuffer(inflated, np.uint8, entry.count * dtype.itemsize, at)
        at += raw.size
        values = np.ascontiguousarray(raw.reshape(dtype.itemsize, -1).T).view(dtype).reshape(-1)
        constants.append(np.broadcast_to(values, _count(shape)).reshape(shape).astype(data_type))
    return constants


def narrowed(constant: Array) -> Array:
    """The values as one row of the narrowest type from which widening gives the same bits; one value if all are it."""
    values = np.ascontiguousarray(constant).reshape(-1)
    bits = values.view(f"u{values.dtype.itemsize}")
    if bits.size and np.all(bits == bits[0]):
        values, bits = values[:1], bits[:1]
    for name in _NARROWER.get(values.dtype.name, ()):
        with np.errstate(all="ignore"):  # what does not fit is what is being looked for
            narrow = values.astype(name)
            wide = narrow.astype(values.dtype)
        if np.array_equal(wide.view(bits.dtype), bits):
            return narrow
    return values


def planes(values: Array) -> bytes:
    """The bytes of a row of values: all their first bytes, then all second ones, little-endian."""
    little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    data: bytes = little.view(np.uint8).reshape(-1, values.dtype.itemsize).T.tobytes()
    return data


def _count(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))
