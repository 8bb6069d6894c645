"""The ranges of a float model's activations over real samples: the absolute smallest and largest value of each tensor.

Every activation is made an output, so that the fast kernels run and nothing is lost to them. One sample is in memory at
a time, and minima and maxima do not depend on the order of samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from littoral.errors import DataError, SourceError
from littoral.runtime import Signature, main_inputs
from littoral.tflite import Graph, TensorType, to_bytes

if TYPE_CHECKING:
    from littoral.check import Progress
    from littoral.data import Sample

Range = tuple[float, float]


@dataclass(frozen=True)
class Ranges:
    """What calibration found.

    Attributes:
        tensors: (smallest, largest) by tensor name, of every float activation of the main subgraph.
        inputs: (smallest, largest) by input name, as in the contract.
        samples: How many samples it saw.
    """

    tensors: dict[str, Range]
    inputs: dict[str, Range]
    samples: int


def calibrate(
    graph: Graph,
    samples: Iterable[Sample],
    *,
    total: int = 0,
    threads: int = 2,
    progress: Progress | None = None,
) -> Ranges:
    """Run the float model over the samples.

    Args:
        graph: The float model; tensor names are unique.
        samples: Any number; their inputs have no batch axis.
        total: How many there will be, for the progress bar.
        threads: For the interpreter.
        progress: Told after each sample.

    Raises:
        DataError: There are no samples, or one does not fit the model.
        SourceError: LiteRT cannot run the model, or it computes NaN or infinity.
    """
    watch = _Watch(graph, threads)
    count = 0
    for count, sample in enumerate(samples, 1):
        watch.see(sample)
        if progress:
            progress("calibrating", count, max(count, total))
    if not count:
        raise DataError("there are no samples to calibrate on", "Give a folder of photos, or an .npy or .npz file")
    return watch.ranges(count)


class _Watch:
    """An interpreter whose outputs are all of the model's float activations."""

    def __init__(self, graph: Graph, threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._graph = graph
        self._indices = _float_activations(graph)
        self._low = np.full(len(self._indices), np.inf)
        self._high = np.full(len(self._indices), -np.inf)
        try:
            self._native: Any = Interpreter(
                model_content=to_bytes(_all_outputs(graph, self._indices)), num_threads=threads
            )
            self._native.allocate_tensors()
        except RuntimeError as error:
            raise SourceError(f"LiteRT cannot run the float model: {error}") from error
        self._inputs = main_inputs(graph)
        self._call = Signature(self._inputs, (), self._run)

    def see(self, sample: Sample) -> None:
        """Widen the ranges by what the model computes for one sample."""
        self._call(*(sample.inputs.values() if len(self._inputs) == 1 else [sample.inputs]))
        if not (np.isfinite(self._low).all() and np.isfinite(self._high).all()):
            raise self._not_finite(sample.origin)

    def _run(self, values: Sequence[np.ndarray[Any, Any]]) -> Sequence[np.ndarray[Any, Any]]:
        for info, value in zip(self._inputs, values, strict=True):
            self._native.set_tensor(info.index, value)
        self._native.invoke()
        for place, index in enumerate(self._indices):
            value = self._native.tensor(index)()
            if value.size:
                # numpy's minimum and maximum pass NaN on, so that it is not overlooked
                self._low[place] = np.minimum(self._low[place], value.min())
                self._high[place] = np.maximum(self._high[place], value.max())
            del value  # the interpreter refuses to run while a view of its memory lives
        return ()

    def _not_finite(self, origin: str) -> SourceError:
        main = self._graph.main
        finite = dict(zip(self._indices, np.isfinite(self._low) & np.isfinite(self._high), strict=True))
        for operator in main.operators:
            if bad := [main.tensors[i].name for i in operator.outputs if not finite.get(i, True)]:
                return SourceError(
                    f"the float model computes NaN or infinity in {operator.name} '{bad[0]}' for {origin}",
                    "Such a model has no ranges to quantize by: check its training, or use float16 or dynamic",
                )
        return SourceError(f"{origin} holds NaN or infinity", "Leave it out")

    def ranges(self, samples: int) -> Ranges:
        """The result."""
        names = [self._graph.main.tensors[i].name for i in self._indices]
        found = dict(zip(names, zip(self._low.tolist(), self._high.tolist(), strict=True), strict=True))
        inputs = {info.name: found[info.tensor] for info in self._inputs if info.tensor in found}
        return Ranges(found, inputs, samples)


def _float_activations(graph: Graph) -> list[int]:
    main = graph.main
    made = [i for operator in main.operators for i in operator.outputs if i >= 0]
    return [i for i in dict.fromkeys([*main.inputs, *made]) if main.tensors[i].type is TensorType.FLOAT32]


def _all_outputs(graph: Graph, indices: Sequence[int]) -> Graph:
    """A copy of the graph that gives these tensors too; without signatures, which would name too few outputs."""
    main = copy(graph.main)
    main.outputs = tuple(dict.fromkeys([*main.outputs, *(i for i in indices if i not in main.inputs)]))
    watched = copy(graph)
    watched.subgraphs = [main, *graph.subgraphs[1:]]
    watched.signatures = []
    return watched
