"""MLTensor: memory of a context, written before and read after a graph runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from littoral.webnn.errors import InvalidStateError, OperandError, OperationError
from littoral.webnn.program import Array, Descriptor

if TYPE_CHECKING:
    from littoral.webnn.context import MLContext


class MLTensor:
    """A tensor of a context; made by `MLContext.create_tensor` only.

    Attributes:
        readable: Whether `read_tensor` may be called.
        writable: Whether `write_tensor` may be called.
        constant: Whether it may be a constant of a graph; nothing changes it then.
    """

    def __init__(
        self, context: MLContext, descriptor: Descriptor, *, readable: bool, writable: bool, value: Array | None = None
    ) -> None:
        self.readable = readable
        self.writable = writable
        self.constant = value is not None
        self._context = context
        self._descriptor = descriptor
        self._value = np.zeros(descriptor.shape, descriptor.dtype) if value is None else value
        self._error: BaseException | None = None  # of the dispatch that should have written it
        self._destroyed = False

    @property
    def data_type(self) -> str:
        """Its MLOperandDataType."""
        return self._descriptor.data_type

    @property
    def shape(self) -> tuple[int, ...]:
        """Empty for a scalar."""
        return self._descriptor.shape

    dataType = data_type  # noqa: N815 - the standard's name

    def destroy(self) -> None:
        """Frees its memory, after what was dispatched with it; destroying again does nothing."""
        if not self._destroyed:
            self._destroyed = True
            self._context.enqueue(self._free)

    def check(self, what: str) -> None:
        """Raises OperandError where it is destroyed: the standard has a TypeError there."""
        if self._destroyed:
            raise OperandError(f"{what}: the tensor is destroyed", "Create another one")

    def put(self, value: Array) -> None:
        """Has a value, which nobody changes any more; on the timeline only, as all below."""
        self._value, self._error = value, None

    def write(self, value: Array) -> None:
        """Copies a value into the memory that it has."""
        if self._value.shape == value.shape:  # else it is freed
            np.copyto(self._value, value)
            self._error = None

    def room(self) -> Array:
        """Its memory, for a result that is `put` afterwards."""
        return self._value

    def fail(self, error: BaseException) -> None:
        """Has no value, as what should have written it failed."""
        self._error = error

    def value(self) -> Array:
        """The value; it must not be changed.

        Raises:
            OperationError: What should have written it failed.
        """
        if self._error is not None:
            raise OperationError(f"the dispatch that writes this tensor failed: {self._error}") from self._error
        return self._value

    def take(self, target: Array | None) -> Array:
        """A copy of the value, in an array of its type and shape if one is given.

        Raises:
            InvalidStateError: It has been destroyed since it was asked for.
            OperationError: What should have written it failed.
        """
        if self._destroyed:
            raise InvalidStateError("read_tensor: the tensor was destroyed while this waited")
        value = self.value()
        taken = np.empty_like(value) if target is None else target
        np.copyto(taken, value)
        return taken

    def _free(self) -> None:
        self._value = np.empty(0, np.uint8)

    def __repr__(self) -> str:
        return f"MLTensor({self.data_type}, {list(self.shape)})"
