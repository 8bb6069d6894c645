"""Claimed operators that run as one kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from littoral.tflite import Graph, Subgraph, Tensor, boundary, slice_operators

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Partition:
    """Claimed operators that run as one kernel.

    Attributes:
        graph: The model. The shapes of the partition's tensors are those of now, also after inputs were resized.
        subgraph: The index of the subgraph where the operators are.
        operators: Their indices, in the order in which they run.
        threads: How many the accelerator may use on the processor; None leaves it to the accelerator.
    """

    graph: Graph
    subgraph: int
    operators: tuple[int, ...]
    threads: int | None = None

    @property
    def whole(self) -> Subgraph:
        """The subgraph where the operators are."""
        return self.graph.subgraphs[self.subgraph]

    @cached_property
    def _boundary(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return boundary(self.graph, self.operators, self.subgraph)

    @property
    def inputs(self) -> tuple[int, ...]:
        """The tensors that the kernel reads, by index; constants are not among them."""
        return self._boundary[0]

    @property
    def outputs(self) -> tuple[int, ...]:
        """The tensors that the kernel writes, by index."""
        return self._boundary[1]

    def tensor(self, index: int) -> Tensor:
        """A tensor of the subgraph."""
        return self.whole.tensors[index]

    def slice(self) -> Graph:
        """A model of its own of these operators: inputs, outputs and their order are those of the partition.

        All its shapes are fixed: to those of now.
        """
        part = slice_operators(self.graph, self.operators, self.subgraph)
        part.subgraphs = [
            each.replaced(tensors=[tensor.replaced(shape_signature=tensor.shape) for tensor in each.tensors])
            for each in part.subgraphs
        ]
        return part

    def reshaped(self, shapes: Mapping[int, Shape]) -> Partition:
        """The same operators on tensors of other shapes, by tensor index; itself when none changes."""
        changed = {index: shape for index, shape in shapes.items() if self.tensor(index).shape != shape}
        if not changed:
            return self
        tensors = list(self.whole.tensors)
        for index, shape in changed.items():
            tensors[index] = tensors[index].replaced(shape=shape)
        subgraphs = list(self.graph.subgraphs)
        subgraphs[self.subgraph] = self.whole.replaced(tensors=tensors)
        return Partition(self.graph.replaced(subgraphs=subgraphs), self.subgraph, self.operators, self.threads)
