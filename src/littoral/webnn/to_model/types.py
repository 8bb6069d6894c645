"""Which types LiteRT computes in, in place of those that its kernels lack."""

from __future__ import annotations

from collections.abc import Set

from littoral.tflite import TensorType
from littoral.tflite.options.elementwise import AddOptions
from littoral.webnn.to_model.emitter import Emitter

F32, F16, I32, U32 = TensorType.FLOAT32, TensorType.FLOAT16, TensorType.INT32, TensorType.UINT32
I64, U64, I8, U8, BOOL = TensorType.INT64, TensorType.UINT64, TensorType.INT8, TensorType.UINT8, TensorType.BOOL

COMMON = frozenset({F32, I32, I64})
"""What nearly all kernels take."""

FLOATS = frozenset({F32})
SMALL = frozenset({F32, I32})

_WIDER = {F16: F32, I8: I32, U8: I32, BOOL: I32, I32: I64, U32: I64, U64: I64}
_SMALLEST = -(2**63)


def widened(emitter: Emitter, tensor: int, types: Set[TensorType] = COMMON) -> int:
    """The tensor in the nearest type of those that holds its values.

    uint64 becomes the int64 of the same bytes: sums and products, cast back, are right, as integers wrap around.
    What is quantized stays as it is.
    """
    while not emitter.quantizing and emitter.type(tensor) not in types:
        tensor = emitter.cast(tensor, _WIDER[emitter.type(tensor)])
    return tensor


def ordered(emitter: Emitter, tensor: int, types: Set[TensorType] = COMMON) -> int:
    """As `widened`, in a type whose values are in the same order: uint64 is moved down by 2 ** 63."""
    if emitter.type(tensor) != U64:
        return widened(emitter, tensor, types)
    return turned(emitter, emitter.bitcast(tensor, I64))


def from_ordered(emitter: Emitter, tensor: int, type_: TensorType) -> int:
    """Back from `ordered` to the type that it was."""
    return emitter.bitcast(turned(emitter, tensor), U64) if type_ == U64 else emitter.cast(tensor, type_)


def turned(emitter: Emitter, tensor: int) -> int:
    """An int64 tensor, moved by 2 ** 63: unsigned order becomes signed order, and back."""
    return emitter.apply("ADD", (tensor, emitter.number(_SMALLEST, I64)), AddOptions())
