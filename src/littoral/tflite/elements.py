"""How the elements of tensors are stored."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from littoral.tflite.enums import TensorType

BITS: dict[TensorType, int] = {
    TensorType.FLOAT32: 32,
    TensorType.FLOAT16: 16,
    TensorType.INT32: 32,
    TensorType.UINT8: 8,
    TensorType.INT64: 64,
    TensorType.BOOL: 8,
    TensorType.INT16: 16,
    TensorType.COMPLEX64: 64,
    TensorType.INT8: 8,
    TensorType.FLOAT64: 64,
    TensorType.COMPLEX128: 128,
    TensorType.UINT64: 64,
    TensorType.UINT32: 32,
    TensorType.UINT16: 16,
    TensorType.INT4: 4,
    TensorType.BFLOAT16: 16,
    TensorType.INT2: 2,
    TensorType.UINT4: 4,
    TensorType.FLOAT8_E4M3FN: 8,
    TensorType.FLOAT8_E5M2: 8,
}
"""Bits of one stored element; types that are missing (STRING, RESOURCE, VARIANT) have no fixed size."""

DTYPES: dict[TensorType, str] = {
    TensorType.FLOAT32: "<f4",
    TensorType.FLOAT16: "<f2",
    TensorType.INT32: "<i4",
    TensorType.UINT8: "u1",
    TensorType.INT64: "<i8",
    TensorType.STRING: "u1",
    TensorType.BOOL: "?",
    TensorType.INT16: "<i2",
    TensorType.COMPLEX64: "<c8",
    TensorType.INT8: "i1",
    TensorType.FLOAT64: "<f8",
    TensorType.COMPLEX128: "<c16",
    TensorType.UINT64: "<u8",
    TensorType.RESOURCE: "u1",
    TensorType.VARIANT: "u1",
    TensorType.UINT32: "<u4",
    TensorType.UINT16: "<u2",
    TensorType.INT4: "i1",
    TensorType.BFLOAT16: "<u2",
    TensorType.INT2: "i1",
    TensorType.UINT4: "u1",
    TensorType.FLOAT8_E4M3FN: "u1",
    TensorType.FLOAT8_E5M2: "u1",
}
"""The numpy dtype that an element is read as: unpacked when of less than a byte, an integer where numpy has none."""


def unpack(packed: npt.NDArray[np.uint8], bits: int, signed: bool) -> npt.NDArray[Any]:
    """Elements of less than a byte (lowest bits first, as LiteRT packs them) in a new array of one byte each."""
    per_byte = 8 // bits
    shifts = np.arange(per_byte, dtype=np.uint8) * bits
    values = ((packed[:, None] >> shifts) & ((1 << bits) - 1)).reshape(-1)
    if signed:
        values = ((values ^ (1 << (bits - 1))).view(np.int8)) - np.int8(1 << (bits - 1))
    values.flags.writeable = False
    return values


def pack(values: npt.NDArray[np.int8], bits: int) -> bytes:
    """Elements of one byte each, flat, as `bits` (4 or 2) each: what `unpack` reads. Zeros fill up the last byte."""
    per_byte = 8 // bits
    padded = np.zeros(-(-values.size // per_byte) * per_byte, np.uint8)
    padded[: values.size] = values.view(np.uint8) & ((1 << bits) - 1)
    shifts = np.arange(per_byte, dtype=np.uint8) * bits
    packed: npt.NDArray[np.uint8] = np.bitwise_or.reduce(padded.reshape(-1, per_byte) << shifts, axis=1)
    return packed.tobytes()
