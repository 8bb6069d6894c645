"""One kernel in an interpreter: compiled when shapes are known, bound to the interpreter's memory, run."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

import numpy as np

from littoral.errors import DeviceError
from littoral.runtime.delegate import structs
from littoral.runtime.delegate.base import Array, Kernel
from littoral.runtime.delegate.failures import RefusalError, calling
from littoral.runtime.delegate.partition import Partition

if TYPE_CHECKING:
    from littoral.runtime.delegate.native import Attachment

_word = ctypes.c_void_p.from_address


class BoundKernel:
    """A partition in one interpreter, alive from the runtime's `init` to its `free`.

    Attributes:
        partition: What it runs, with the shapes that it was last compiled for.
        stale: The runtime has prepared the graph again: shapes or memory may have changed.
    """

    def __init__(self, owner: Attachment, context: int, partition: Partition) -> None:
        self.owner = owner
        self.partition = partition
        self.stale = True
        self._kernel: Kernel | None = None
        self._tensors = _word(context + structs.CONTEXT_TENSORS)
        self._used = sorted(_used(partition))
        self._base: int | None = None
        self._cells: list[ctypes.c_void_p] = []
        self._pointers: list[int | None] = []
        self._inputs: tuple[Array, ...] = ()
        self._outputs: tuple[Array, ...] = ()

    @property
    def label(self) -> str:
        """Names it in errors."""
        operators = self.partition.operators
        first = self.partition.whole.operators[operators[0]].name
        if len(operators) == 1:
            return f"the kernel of operator {operators[0]} ({first})"
        return f"the kernel of {len(operators)} operators from {operators[0]} ({first})"

    def prepare(self, context: int) -> None:
        """The runtime prepares the graph: shapes and memory may change.

        What comes out of a custom operator it does not know: the kernel may say, which has to be now.

        Raises:
            DeviceError: The delegate failed to compile; or the runtime does not take the shapes.
        """
        self.stale = True
        if self.owner.has_fixed_shapes:
            self.compile()
            if shapes := self._given_shapes():
                for index, shape in shapes.items():
                    structs.resize(context, self._address(index), shape)
                self.partition = self.partition.reshaped(shapes)

    def run(self) -> None:
        """Runs the kernel once. This is the hot path: nothing is made unless shapes or memory have changed."""
        if self.stale or self._tensors.value != self._base or [cell.value for cell in self._cells] != self._pointers:
            self._refresh()
        self._kernel(self._inputs, self._outputs)  # type: ignore[misc]

    def compile(self) -> None:
        """Compiles for the shapes of now, unless that is done.

        Raises:
            DeviceError: The delegate failed to; the original exception is its cause.
        """
        partition = self.partition.reshaped({index: structs.items(self._tensor(index).dims) for index in self._used})
        if self._kernel is not None and partition is self.partition:
            return
        known = bool(self._given_shapes())
        self._kernel = None
        if partition is not self.partition and self.owner.has_fixed_shapes and not known:
            raise DeviceError(
                f"{self.owner.delegate.name} cannot follow a resize: nobody knows the shapes behind a custom operator",
                "Run the model with the shapes in its file",
            )
        try:
            with calling(self.owner.delegate.name, f"compiling {self.label}"):
                self._kernel = self.owner.delegate.compile(partition)
        except RefusalError as error:
            self.owner.refused.update({(partition.subgraph, index): error.reason for index in partition.operators})
            raise
        self.partition = partition

    def _given_shapes(self) -> dict[int, tuple[int, ...]]:
        """The shapes that the kernel gives its outputs, by tensor; empty where it leaves them as they are."""
        shapes = getattr(self._kernel, "shapes", None)
        if shapes is None:
            return {}
        outputs = self.partition.outputs
        if len(shapes) != len(outputs):
            raise DeviceError(f"{self.label} has {len(outputs)} outputs and gives {len(shapes)} shapes")
        return {index: tuple(map(int, shape)) for index, shape in zip(outputs, shapes, strict=True)}

    def _refresh(self) -> None:
        """Compiles if need be, and binds to the memory of now: there is none before a subgraph runs."""
        self.compile()
        self._bind()
        self.stale = False

    def _bind(self) -> None:
        partition = self.partition
        self._base = self._tensors.value
        indices = (*partition.inputs, *partition.outputs)
        assert self._base is not None
        self._cells = [_word(self._base + index * structs.TENSOR_SIZE + structs.TENSOR_DATA) for index in indices]
        self._pointers = [cell.value for cell in self._cells]
        views = [self._view(index) for index in indices]
        self._inputs = tuple(views[: len(partition.inputs)])
        self._outputs = tuple(views[len(partition.inputs) :])
        for view in self._inputs:
            view.flags.writeable = False

    def _address(self, index: int) -> int:
        assert self._tensors.value is not None
        return self._tensors.value + index * structs.TENSOR_SIZE

    def _tensor(self, index: int) -> structs.Tensor:
        return structs.Tensor.from_address(self._address(index))

    def _view(self, index: int) -> Array:
        """The memory of a tensor as an array: no copy, and no protection once the memory is freed."""
        native, tensor = self._tensor(index), self.partition.tensor(index)
        size = int(np.prod(tensor.shape, dtype=np.int64)) * tensor.dtype.itemsize
        if size == 0:
            return np.empty(tensor.shape, tensor.dtype)
        if not native.data or native.bytes != size:
            there = native.bytes if native.data else "no"
            raise DeviceError(
                f"tensor {tensor.name!r} has {there} bytes of memory, and {size} are needed",
                f"{self.owner.delegate.name} must leave the operators around it to the processor",
            )
        memory = (ctypes.c_char * size).from_address(native.data)
        view: Array = np.ndarray(tensor.shape, tensor.dtype, buffer=memory)  # type: ignore[arg-type] # it is a buffer
        return view


def _used(partition: Partition) -> set[int]:
    """The tensors of a partition that are computed."""
    operators = (partition.whole.operators[index] for index in partition.operators)
    tensors = {index for operator in operators for index in (*operator.inputs, *operator.outputs) if index >= 0}
    return {index for index in tensors if not partition.tensor(index).is_constant}
