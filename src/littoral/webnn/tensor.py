"""MLTensor: memory of a context, written before and read after a graph runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from littoral.webnn.errors import InvalidStateError
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
        self._error: Exception | None = None  # of the dispatch that should have written it
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
            self._context.forget(self)

    def check(self, what: str) -> None:
        """Raises InvalidStateError where it is destroyed."""
        if self._destroyed:
            raise InvalidStateError(f"{what}: the tensor is destroyed", "Create another one")

    def __repr__(self) -> str:
        return f"MLTensor({self.data_type}, {list(self.shape)})"
