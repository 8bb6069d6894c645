"""MLOperand: what flows between operations while a graph is built."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from littoral.webnn.bind import kind_of, snake, unsigneds, word
from littoral.webnn.errors import OperandError
from littoral.webnn.program import DTYPES, Array, Descriptor
from littoral.webnn.rules.given import flaw_of

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
        OperandError: It lacks its type or shape, or no operand of ours is like that.
    """
    if isinstance(given, Descriptor):
        members: Mapping[str, Any] = {"data_type": given.data_type, "shape": given.shape}
    elif isinstance(given, Mapping):
        members = {snake(str(name)): value for name, value in given.items()}
    else:
        raise OperandError(f"{what}: the descriptor is {kind_of(given)}, and must be a mapping")
    if missing := {"data_type", "shape"} - members.keys():
        raise OperandError(f"{what}: the descriptor has no {' and no '.join(sorted(missing))}")
    data_type = word(members["data_type"], tuple(DTYPES), f"{what}: the data type")
    found = Descriptor(data_type, unsigneds(members["shape"], f"{what}: the shape"))
    if flaw := flaw_of(found):
        raise OperandError(f"{what}: the descriptor has {flaw}")
    return found


def bytes_as(descriptor: Descriptor, value: Any, what: str) -> Array:
    """A buffer's bytes as an array of a type and shape; not copied where they lie one after the other.

    Raises:
        OperandError: It is no buffer, of another type, or of another size.
    """
    try:
        given = np.asarray(value) if hasattr(value, "__array__") else np.frombuffer(value, np.uint8)
    except (TypeError, ValueError, BufferError):
        raise OperandError(f"{what}: the value is {kind_of(value)}, and must be a buffer") from None
    if given.dtype not in (descriptor.dtype, np.dtype(np.uint8), np.dtype(np.bool_)):
        raise OperandError(f"{what}: the buffer is {given.dtype}, and must be {descriptor.data_type}")
    wanted = prod(descriptor.shape) * descriptor.dtype.itemsize
    if given.nbytes != wanted:
        raise OperandError(f"{what}: the buffer has {given.nbytes} bytes, and {list(descriptor.shape)} takes {wanted}")
    return np.ascontiguousarray(given).reshape(-1).view(np.uint8).view(descriptor.dtype).reshape(descriptor.shape)


def writable_as(descriptor: Descriptor, target: Any, what: str) -> Array:
    """The memory of a buffer as an array of a type and shape, to be written.

    Raises:
        OperandError: It is no buffer, of another type or size, cannot be written, or lies in pieces.
    """
    array = bytes_as(descriptor, target, what)
    if not array.flags.writeable or (isinstance(target, np.ndarray) and not target.flags.c_contiguous):
        raise OperandError(f"{what}: the buffer is read-only, or not C-contiguous", "Give a buffer that can be written")
    return array
