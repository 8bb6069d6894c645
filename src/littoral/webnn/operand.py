"""MLOperand: what flows between operations while a graph is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from littoral.webnn.bind import snake
from littoral.webnn.errors import OperandError
from littoral.webnn.program import DTYPES, Array, Descriptor
from littoral.webnn.rules.given import LARGEST_DIMENSION, MOST_BYTES

DescriptorLike = Descriptor | Mapping[str, Any]
"""MLOperandDescriptor: {"dataType": "float32", "shape": [1, 2]}, or a Descriptor."""


class MLOperand:
    """A value of a graph that is being built; made by a builder only.

    Args:
        builder: Whose it is.
        number: In the builder's program.
        descriptor: What it is.
    """

    __slots__ = ("_builder", "_descriptor", "_number")

    def __init__(self, builder: object, number: int, descriptor: Descriptor) -> None:
        self._builder = builder
        self._number = number
        self._descriptor = descriptor

    @property
    def data_type(self) -> str:
        """Its MLOperandDataType."""
        return self._descriptor.data_type

    @property
    def shape(self) -> tuple[int, ...]:
        """Empty for a scalar."""
        return self._descriptor.shape

    dataType = data_type  # noqa: N815 - the standard's name

    def __repr__(self) -> str:
        return f"MLOperand({self.data_type}, {list(self.shape)})"


def read_descriptor(given: DescriptorLike, what: str) -> Descriptor:
    """A checked descriptor of what a person gave.

    Raises:
        OperandError: It lacks its type or shape, or no implementation holds that.
    """
    if isinstance(given, Descriptor):
        found = given
    elif isinstance(given, Mapping):
        members = {snake(str(name)): value for name, value in given.items()}
        if "data_type" not in members or "shape" not in members:
            raise OperandError(
                f"{what}: the descriptor needs dataType and shape, and has {', '.join(members) or 'none'}"
            )
        found = Descriptor(members["data_type"], _shape(members["shape"], what))
    else:
        raise OperandError(f"{what}: the descriptor is a {type(given).__name__}, and must be a mapping")
    if found.data_type not in DTYPES:
        raise OperandError(f"{what}: the data type is {found.data_type!r}", f"Accepted: {', '.join(DTYPES)}")
    _check_size(found, what)
    return found


def _shape(given: Any, what: str) -> tuple[int, ...]:
    try:
        shape = tuple(given)
    except TypeError:
        raise OperandError(f"{what}: the shape is {given!r}, and must be a sequence of integers") from None
    if not all(hasattr(size, "__index__") and not isinstance(size, bool) for size in shape):
        raise OperandError(f"{what}: the shape is {list(shape)}, and must be a sequence of integers")
    return tuple(int(size) for size in shape)


def _check_size(descriptor: Descriptor, what: str) -> None:
    size = descriptor.dtype.itemsize
    for dimension in descriptor.shape:
        size *= dimension
        if not 0 < dimension <= LARGEST_DIMENSION:
            raise OperandError(
                f"{what}: the shape {list(descriptor.shape)} has {dimension}, which is no valid dimension"
            )
    if size > MOST_BYTES:
        raise OperandError(f"{what}: the shape {list(descriptor.shape)} is too large")


def bytes_as(descriptor: Descriptor, value: Any, what: str) -> Array:
    """A buffer's bytes as an array of a type and shape; not copied.

    Raises:
        OperandError: It is no buffer, of another type, or of another size.
    """
    try:
        given = np.asarray(value) if hasattr(value, "__array__") else np.frombuffer(value, np.uint8)
    except (TypeError, ValueError, BufferError):
        raise OperandError(f"{what}: the value is a {type(value).__name__}, and must be a buffer") from None
    if given.dtype not in (descriptor.dtype, np.dtype(np.uint8), np.dtype(np.bool_)):
        raise OperandError(f"{what}: the buffer is {given.dtype}, and must be {descriptor.data_type}")
    wanted = int(np.prod(descriptor.shape, dtype=np.int64)) * descriptor.dtype.itemsize
    if given.nbytes != wanted:
        raise OperandError(f"{what}: the buffer has {given.nbytes} bytes, and {list(descriptor.shape)} takes {wanted}")
    return np.ascontiguousarray(given).reshape(-1).view(np.uint8).view(descriptor.dtype).reshape(descriptor.shape)
