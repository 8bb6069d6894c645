"""MLGraph: a compiled graph."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from littoral.webnn.errors import InvalidStateError, OperandError
from littoral.webnn.program import Array, Descriptor, Program

if TYPE_CHECKING:
    from littoral.runtime import Model
    from littoral.webnn.context import MLContext
    from littoral.webnn.whole import Whole

_BRIEF = 1e-4  # seconds


class MLGraph:
    """A graph on the device of its context; made by `MLGraphBuilder.build` only.

    Attributes:
        inputs: What goes in, by name.
        outputs: What comes out, by name.
        is_brief: Its last run took no longer than waking a thread for it.
    """

    def __init__(self, context: MLContext, program: Program, load: Callable[[], Model], whole: Whole | None) -> None:
        self.inputs: dict[str, Descriptor] = {n: program.operands[i] for n, i in program.inputs.items()}
        self.outputs: dict[str, Descriptor] = {n: program.operands[i] for n, i in program.outputs.items()}
        self._context = context
        self._load = load
        self._model: Model | None = None
        self._whole = whole
        self.is_brief = False
        self._destroyed = False
        if whole is None:
            self._loaded()

    @property
    def model(self) -> Model:
        """The graph as a model on the device: `model.placement` says where it runs.

        Raises:
            InvalidStateError: It is destroyed.
        """
        self.check_alive()
        return self._loaded()

    def check_alive(self) -> None:
        """Raises InvalidStateError where it is destroyed."""
        if self._destroyed:
            raise InvalidStateError("the graph is destroyed", "Build another one")

    def run(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """Runs once in this thread, past the context's timeline and tensors: arrays in, arrays out.

        Raises:
            DeviceError: The device fails.
            InvalidStateError: It is destroyed.
            OperandError: An input is missing, or of another type or shape.
        """
        self.check_alive()
        return self.compute({name: _given(values, name, descriptor) for name, descriptor in self.inputs.items()})

    def compute(self, values: Mapping[str, Array], rooms: Mapping[str, Array] | None = None) -> dict[str, Array]:
        """As `run`, for what was dispatched before it was destroyed.

        Args:
            values: Of the inputs, C-contiguous; nobody changes them meanwhile.
            rooms: Arrays for the outputs. Where the device can, it writes there, and they are what is returned.
        """
        start = perf_counter()
        if self._whole is None:
            result = self._loaded()(*[values[name] for name in self.inputs], raw=True)
            by_name = result if isinstance(result, dict) else dict.fromkeys(self.outputs, result)
            made = {name: _shaped(by_name[name], descriptor) for name, descriptor in self.outputs.items()}
        else:
            made = {n: np.empty(d.shape, d.dtype) if rooms is None else rooms[n] for n, d in self.outputs.items()}
            self._whole([values[name] for name in self.inputs], [*made.values()])
        self.is_brief = perf_counter() - start < _BRIEF
        return made

    def destroy(self) -> None:
        """Frees it, after what was dispatched with it; destroying again does nothing."""
        if not self._destroyed:
            self._destroyed = True
            self._context.enqueue(self._free)

    def _loaded(self) -> Model:
        if self._model is None:
            self.check_alive()
            self._model = self._load()
            # Who drops a graph need not have destroyed it, as in the standard.
            weakref.finalize(self, self._model.close).atexit = False
        return self._model

    def _free(self) -> None:
        self._whole = None
        if self._model is not None:
            self._model.close()


def _given(values: Mapping[str, Array], name: str, descriptor: Descriptor) -> Array:
    if name not in values:
        raise OperandError(f"input {name!r} is missing")
    value = np.asarray(values[name], order="C")
    if value.dtype != descriptor.dtype or value.shape != descriptor.shape:
        raise OperandError(
            f"input {name!r} is {value.dtype} {list(value.shape)}",
            f"The graph takes {descriptor.data_type} {list(descriptor.shape)}",
        )
    return value


def _shaped(value: Array, descriptor: Descriptor) -> Array:
    return np.ascontiguousarray(value).reshape(descriptor.shape)


def names(descriptors: Mapping[str, Descriptor]) -> Sequence[str]:
    """For errors: the names of inputs or outputs."""
    return [f"{name} ({d.data_type} {list(d.shape)})" for name, d in descriptors.items()]
