"""When no variant holds the bound: int8 with the operators that suffer most left in float."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from littoral import check
from littoral.convert.calibrate import Ranges
from littoral.convert.quantize import quantize
from littoral.convert.recipes import RECIPES
from littoral.tflite import Graph, TensorType, read, to_bytes, write

if TYPE_CHECKING:
    from littoral.check import OperatorSensitivity, Progress, Samples

NAME = "int8-mixed"
BASE = RECIPES["int8"]


def rank(
    float_file: Path, ranges: Ranges, samples: Samples, *, limit: int = 16, progress: Progress | None = None
) -> list[OperatorSensitivity]:
    """Every operator's sensitivity to int8, the worst first.

    Args:
        float_file: The float model file.
        ranges: From one calibration, which serves all.
        samples: What to run.
        limit: How many of them.
        progress: Told after each operator.
    """

    def alone(operator: int) -> bytes:
        return to_bytes(quantize(float_file, BASE, ranges, only=[operator]))

    return check.sensitivity(float_file, _computing(read(float_file)), alone, samples, limit=limit, progress=progress)


def _computing(graph: Graph) -> list[int]:
    """The operators of the main subgraph that compute floats."""
    main = graph.main
    return [
        index
        for index, operator in enumerate(main.operators)
        if any(main.tensors[output].type is TensorType.FLOAT32 for output in operator.outputs if output >= 0)
    ]


def mix(
    float_file: Path,
    ranges: Ranges,
    ranking: Sequence[OperatorSensitivity],
    samples: Samples,
    *,
    max_drop: float,
    progress: Progress | None = None,
) -> tuple[Graph, list[int]] | None:
    """int8 with as few operators in float as the bound allows, along the ranking.

    Args:
        float_file: The float model file.
        ranges: From calibration.
        ranking: From `rank`.
        samples: By which the loss is judged.
        max_drop: The bound, 0..1.
        progress: Told of each try.

    Returns:
        The graph and the operators left in float; None when only the float model itself holds the bound.
    """
    order = [one.index for one in ranking]
    trial = float_file.with_name(f"trial.{NAME}.tflite")

    def holds(count: int) -> bool:
        if progress:
            progress(f"{NAME}: {count} operators in float", 0, 1)
        write(quantize(float_file, BASE, ranges, but=order[:count]), trial)
        variant = check.Variant(trial, NAME)
        proof = check.measure_all(
            [variant], reference=float_file, samples=samples, kernel_samples=0, seconds=0, predictions=0
        )
        return check.choose(proof.measurements, max_drop=max_drop).recipe is not None

    count = _fewest(holds, len(order) - 1)
    if count is None:
        return None
    return quantize(float_file, BASE, ranges, but=order[:count]), order[:count]


def _fewest(holds: Callable[[int], bool], most: int) -> int | None:
    """The smallest number from 1 to `most` that holds, if what holds for one number holds for all larger ones.

    It doubles before it halves: usually a few operators are to blame.
    """
    low, high = 0, 1
    while not holds(min(high, most)):
        if high >= most:
            return None
        low, high = high, high * 2
    high = min(high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
