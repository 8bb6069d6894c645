"""The device `webnn[:device...]`: parts of a model file as WebNN graphs, on a context of another device.

What has a form in WebNN runs there; the rest, such as a detector's post-processing, is left to XNNPACK.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from littoral.devices import parse
from littoral.errors import DeviceError
from littoral.runtime.delegate import Array, Delegate, Kernel, Partition, RefusalError
from littoral.runtime.places import AUTO, check_device
from littoral.tflite import Graph, Operator, Subgraph
from littoral.webnn.context import create_context
from littoral.webnn.errors import NotSupportedError, OperationError
from littoral.webnn.graph import MLGraph
from littoral.webnn.program import Program

Arrays = tuple[Array, ...]


class WebNN(Delegate):
    """Runs parts of a model as WebNN graphs; made from the options of a device string: `WebNN("openvino", "bf16")`.

    Args:
        options: The device beneath, as its string is written; cpu by default.

    Raises:
        DeviceError: There is no such device, or it is webnn or auto.
    """

    name: ClassVar[str] = "webnn"

    def __init__(self, *options: str) -> None:
        (self.device,) = parse(":".join(options) or "cpu")
        if self.device.name in (self.name, AUTO):
            raise DeviceError(f"webnn cannot stand on {self.device}", "Name a device, as in webnn:openvino:bf16")
        check_device(self.device)
        self._known: tuple[Subgraph | None, Mapping[int, str]] = (None, {})

    @staticmethod
    def devices() -> list[str]:
        """None that tuning should try: it computes with the kernels of the device beneath."""
        return []

    def claim(self, subgraph: Subgraph, operator: Operator) -> bool | str:
        """All that has a form in WebNN."""
        whole, reasons = self._known
        if whole is not subgraph:
            reasons = _objections(subgraph)
            self._known = subgraph, reasons
        return reasons.get(id(operator), True)

    def compile(self, partition: Partition) -> Kernel:
        """A kernel of the device beneath: on the interpreter's memory where that device is a delegate as well.

        Raises:
            RefusalError: The region has no form in WebNN, or the device beneath does not take that.
        """
        from littoral.webnn import from_model

        try:
            program = from_model.lower(partition.graph, partition.subgraph, partition.operators)
            order = _Order.of(partition, program)
            return _Region(create_context(str(self.device), threads=partition.threads).compile(program), order)
        except (NotSupportedError, OperationError) as error:
            raise RefusalError(self.name, error.cause) from error


@dataclass(frozen=True)
class _Order:
    """The program's inputs and outputs by name: where they are among the partition's."""

    inputs: Mapping[str, int]
    outputs: Mapping[str, int]

    @classmethod
    def of(cls, partition: Partition, program: Program) -> _Order:
        from littoral.webnn import from_model

        inputs, outputs = from_model.edges(partition.graph, partition.subgraph, partition.operators)
        return cls(
            {name: partition.inputs.index(inputs[name]) for name in program.inputs},
            {name: partition.outputs.index(outputs[name]) for name in program.outputs},
        )


class _Region:
    """A graph that takes the place of a region; the device beneath writes into the interpreter's memory if it can."""

    def __init__(self, graph: MLGraph, order: _Order) -> None:
        self._graph = graph
        self._order = order

    def __call__(self, inputs: Arrays, outputs: Arrays) -> None:
        rooms = {name: _plain(outputs[place]) for name, place in self._order.outputs.items()}
        made = self._graph.compute({name: _plain(inputs[place]) for name, place in self._order.inputs.items()}, rooms)
        for name, room in rooms.items():
            if made[name] is not room:
                room[...] = made[name]


def _objections(subgraph: Subgraph) -> dict[int, str]:
    """Why operators have no form in WebNN, by the identity of the operator."""
    from littoral.webnn.from_model.trace import trace
    from littoral.webnn.from_model.unmapped import Unmapped

    graph = Graph(subgraphs=[subgraph], description="", metadata=[], signatures=[])
    try:
        traced = trace(graph, subgraph.inputs, 0, range(len(subgraph.operators))).operators
    except Unmapped as error:
        return {id(operator): error.cause for operator in subgraph.operators}
    return {id(subgraph.operators[one.operator]): one.refusal.cause for one in traced if one.refusal}


def _plain(array: Array) -> Array:
    """Truth values are uint8 in WebNN."""
    return array.view(np.uint8) if array.dtype == np.bool_ else array
