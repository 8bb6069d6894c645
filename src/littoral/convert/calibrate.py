"""The ranges of a float model's activations over real samples: the absolute smallest and largest value of each tensor.

One sample is in memory at a time, and minima and maxima do not depend on the order of samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from littoral.convert.watch import Array, Watch
from littoral.errors import DataError, SourceError
from littoral.runtime import TensorInfo, main_inputs
from littoral.tflite import Graph, TensorType

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
    indices = _float_activations(graph)
    extremes = _Extremes(graph, indices)
    count = 0
    with Watch(graph, indices, threads) as watch:
        for count, sample in enumerate(samples, 1):
            watch.see(sample, extremes.widen)
            extremes.check(sample.origin)
            if progress:
                progress("calibrating", count, max(count, total))
    if not count:
        raise DataError("there are no samples to calibrate on", "Give a folder of photos, or an .npy or .npz file")
    return extremes.ranges(main_inputs(graph), count)


class _Extremes:
    """The smallest and largest value of each float activation so far."""

    def __init__(self, graph: Graph, indices: Sequence[int]) -> None:
        self._graph = graph
        self._indices = indices
        self._place = {index: place for place, index in enumerate(indices)}
        self._low = np.full(len(indices), np.inf)
        self._high = np.full(len(indices), -np.inf)

    def widen(self, index: int, value: Array) -> None:
        """Take in a tensor's values."""
        if value.size:
            place = self._place[index]
            # numpy's minimum and maximum pass NaN on, so that it is not overlooked
            self._low[place] = np.minimum(self._low[place], value.min())
            self._high[place] = np.maximum(self._high[place], value.max())

    def check(self, origin: str) -> None:
        """Refuse what has no range.

        Raises:
            SourceError: The sample of this origin made NaN or infinity.
        """
        if not (np.isfinite(self._low).all() and np.isfinite(self._high).all()):
            raise self._not_finite(origin)

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

    def ranges(self, inputs: Sequence[TensorInfo], samples: int) -> Ranges:
        """The result."""
        names = [self._graph.main.tensors[i].name for i in self._indices]
        found = dict(zip(names, zip(self._low.tolist(), self._high.tolist(), strict=True), strict=True))
        spans = {info.name: found[info.tensor] for info in inputs if info.tensor in found}
        return Ranges(found, spans, samples)


def _float_activations(graph: Graph) -> list[int]:
    main = graph.main
    made = [i for operator in main.operators for i in operator.outputs if i >= 0]
    return [i for i in dict.fromkeys([*main.inputs, *made]) if main.tensors[i].type is TensorType.FLOAT32]
