"""MLGraph: a compiled graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from littoral.webnn.errors import InvalidStateError
from littoral.webnn.program import Array, Descriptor, Program

if TYPE_CHECKING:
    from littoral.runtime import Model
    from littoral.webnn.context import MLContext


class MLGraph:
    """A graph on the device of its context; made by `MLGraphBuilder.build` only.

    Attributes:
        inputs: What goes in, by name.
        outputs: What comes out, by name.
    """

    def __init__(self, context: MLContext, program: Program, model: Model) -> None:
        self.inputs: dict[str, Descriptor] = {n: program.operands[i] for n, i in program.inputs.items()}
        self.outputs: dict[str, Descriptor] = {n: program.operands[i] for n, i in program.outputs.items()}
        self._context = context
        self._model: Model | None = model
        self._order = [info.name for info in model.inputs]

    @property
    def model(self) -> Model:
        """What runs it: `model.placement` says where.

        Raises:
            InvalidStateError: It is destroyed.
        """
        self.check_alive()
        assert self._model
        return self._model

    def check_alive(self) -> None:
        """Raises InvalidStateError where it is destroyed."""
        if self._model is None:
            raise InvalidStateError("the graph is destroyed", "Build another one")

    def run(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """Runs once in this thread, past the context's timeline and tensors: arrays in, arrays out.

        Raises:
            DeviceError: The device fails.
            InvalidStateError: It is destroyed.
        """
        result = self.model(*(values[name] for name in self._order), raw=True)
        by_name = result if isinstance(result, dict) else {self.model.outputs[0].name: result}
        return {name: _shaped(by_name[name], descriptor) for name, descriptor in self.outputs.items()}

    def destroy(self) -> None:
        """Frees it, after what was dispatched with it; destroying again does nothing."""
        model, self._model = self._model, None
        if model is not None:
            self._context.finish()
            model.close()


def _shaped(value: Array, descriptor: Descriptor) -> Array:
    return np.ascontiguousarray(value).reshape(descriptor.shape)


def names(descriptors: Mapping[str, Descriptor]) -> Sequence[str]:
    """For errors: the names of inputs or outputs."""
    return [f"{name} ({d.data_type} {list(d.shape)})" for name, d in descriptors.items()]
