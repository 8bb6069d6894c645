"""MLGraph: a compiled graph."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from littoral.webnn.errors import InvalidStateError
from littoral.webnn.program import Array, Descriptor, Program

if TYPE_CHECKING:
    from littoral.runtime import Model
    from littoral.webnn.context import MLContext

_BRIEF = 1e-4  # seconds


class MLGraph:
    """A graph on the device of its context; made by `MLGraphBuilder.build` only.

    Attributes:
        inputs: What goes in, by name.
        outputs: What comes out, by name.
        is_brief: Its last run took no longer than waking a thread for it.
    """

    def __init__(self, context: MLContext, program: Program, model: Model) -> None:
        self.inputs: dict[str, Descriptor] = {n: program.operands[i] for n, i in program.inputs.items()}
        self.outputs: dict[str, Descriptor] = {n: program.operands[i] for n, i in program.outputs.items()}
        self._context = context
        self._model = model
        self._order = [info.name for info in model.inputs]
        self.is_brief = False
        self._destroyed = False
        # Who drops a graph need not have destroyed it, as in the standard.
        weakref.finalize(self, model.close).atexit = False

    @property
    def model(self) -> Model:
        """What runs it: `model.placement` says where.

        Raises:
            InvalidStateError: It is destroyed.
        """
        self.check_alive()
        return self._model

    def check_alive(self) -> None:
        """Raises InvalidStateError where it is destroyed."""
        if self._destroyed:
            raise InvalidStateError("the graph is destroyed", "Build another one")

    def run(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """Runs once in this thread, past the context's timeline and tensors: arrays in, arrays out.

        Raises:
            DeviceError: The device fails.
            InvalidStateError: It is destroyed.
        """
        self.check_alive()
        return self.compute(values)

    def compute(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """As `run`, for what was dispatched before it was destroyed."""
        start = perf_counter()
        result = self._model(*[values[name] for name in self._order], raw=True)
        by_name = result if isinstance(result, dict) else dict.fromkeys(self.outputs, result)
        self.is_brief = perf_counter() - start < _BRIEF
        return {name: _shaped(by_name[name], descriptor) for name, descriptor in self.outputs.items()}

    def destroy(self) -> None:
        """Frees it, after what was dispatched with it; destroying again does nothing."""
        if not self._destroyed:
            self._destroyed = True
            self._context.enqueue(self._model.close)


def _shaped(value: Array, descriptor: Descriptor) -> Array:
    return np.ascontiguousarray(value).reshape(descriptor.shape)


def names(descriptors: Mapping[str, Descriptor]) -> Sequence[str]:
    """For errors: the names of inputs or outputs."""
    return [f"{name} ({d.data_type} {list(d.shape)})" for name, d in descriptors.items()]
