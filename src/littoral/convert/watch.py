"""Looks at tensors inside a model while it runs.

The tensors are made outputs, so that the fast kernels run and nothing is lost to them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from types import TracebackType
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from littoral.errors import DataError, DeviceError, SourceError
from littoral.runtime import load, main_inputs
from littoral.tflite import Graph

if TYPE_CHECKING:
    from littoral.data import Sample

Array = NDArray[Any]


class Watch:
    """A running model that gives some of its inner tensors too. A context manager.

    Args:
        graph: The model.
        indices: Tensors of its main subgraph.
        threads: For the interpreter.

    Raises:
        SourceError: LiteRT cannot run the model.
    """

    def __init__(self, graph: Graph, indices: Sequence[int], threads: int) -> None:
        self._indices = indices
        self._inputs = main_inputs(graph)
        try:
            self._model = load(_giving(graph, indices), threads=threads)
        except DeviceError as error:
            raise SourceError(f"LiteRT cannot run the model that is being converted: {error}") from error

    def see(self, sample: Sample, take: Callable[[int, Array], None]) -> None:
        """Run one sample.

        Args:
            sample: Its inputs have no batch axis.
            take: Is given each tensor's index and stored values.

        Raises:
            DataError: The sample lacks an input of the model.
            InputError: An input does not fit.
        """
        stored = [info.accept(value) for info, value in zip(self._inputs, self._values(sample), strict=True)]
        found = self._model(*stored, raw=True)
        given = found if isinstance(found, dict) else {self._model.outputs[0].name: found}
        tensors = {info.index: given[info.name] for info in self._model.outputs}
        tensors |= {info.index: value for info, value in zip(self._inputs, stored, strict=True)}
        for index in self._indices:
            take(index, tensors[index])

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._model.close()

    def _values(self, sample: Sample) -> list[Array]:
        """The sample's inputs in the model's order."""
        if len(self._inputs) == len(sample.inputs) == 1:
            return list(sample.inputs.values())
        missing = [info.name for info in self._inputs if info.name not in sample.inputs]
        if missing:
            raise DataError(f"{sample.origin} has no input {missing[0]!r}", f"It has: {', '.join(sample.inputs)}")
        return [sample.inputs[info.name] for info in self._inputs]


def _giving(graph: Graph, indices: Sequence[int]) -> Graph:
    """A copy of the graph that gives these tensors too; without signatures, which would name too few outputs."""
    main = copy(graph.main)
    main.outputs = tuple(dict.fromkeys([*main.outputs, *(i for i in indices if i not in main.inputs)]))
    watched = copy(graph)
    watched.subgraphs = [main, *graph.subgraphs[1:]]
    watched.signatures = []
    return watched
