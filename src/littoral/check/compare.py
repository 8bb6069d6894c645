"""Do two model files take the same inputs and give the same answers?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from littoral.check.inputs import Array, class_scores, matching, random_inputs, run
from littoral.check.statistics import ErrorSums, OutputError, Rate
from littoral.data import open_dataset
from littoral.runtime import Model, TensorInfo, contract_or_default, load
from littoral.tflite import Graph

Verdict = Literal["exact", "close", "approximate", "different"]

FLOAT_TOLERANCES: dict[Verdict, tuple[float, float]] = {"close": (1e-5, 1e-4), "approximate": (1e-3, 1e-2)}
"""For float outputs: a difference of up to absolute + relative * |a| is within. Close is what another order of the same
float32 sums makes; approximate is what float16 makes."""

QUANTIZED_TOLERANCES: dict[Verdict, float] = {"close": 1, "approximate": 4}
"""For quantized outputs: how many steps of the output's scale. Close is one rounding; approximate is what other
int8 kernels make in a deep network."""


@dataclass(frozen=True)
class OutputComparison:
    """One output of two models.

    Args:
        error: How far they are apart, over all samples, under the name in the first model.
        step: The coarser one's quantization step, 0 where neither output is quantized.
        verdict: The tightest tolerance that every value holds.
    """

    error: OutputError
    step: float
    verdict: Verdict


@dataclass(frozen=True)
class Comparison:
    """What two model files have in common.

    Args:
        a: The first file's name.
        b: The second file's name.
        verdict: The worst of the outputs' verdicts; "different" when the files cannot be fed the same inputs.
        differences: What differs in inputs and outputs, each in words.
        outputs: Each output; empty when the files cannot be fed the same inputs.
        agreement: How often the top-1 is the same, where an output is class scores.
        samples: How many were run.
        data: Where they came from: a path, or "random inputs, seed 0".
    """

    a: str
    b: str
    verdict: Verdict
    differences: tuple[str, ...]
    outputs: tuple[OutputComparison, ...]
    agreement: Rate | None
    samples: int
    data: str
    derived: ClassVar[tuple[str, ...]] = ("summary",)

    @property
    def summary(self) -> str:
        """The verdict in a sentence."""
        if not self.outputs:
            return f"{self.a} and {self.b} do not take the same inputs or give the same outputs."
        words = {
            "exact": "give exactly the same outputs",
            "close": "give the same outputs but for rounding",
            "approximate": "give approximately the same outputs",
            "different": "give different outputs",
        }
        agreement = f"; the top-1 is the same on {self.agreement.hits} of them" if self.agreement else ""
        return f"{self.a} and {self.b} {words[self.verdict]} on {self.samples} samples ({self.data}){agreement}."


def compare(
    a: str | os.PathLike[str],
    b: str | os.PathLike[str],
    *,
    data: str | os.PathLike[str] | None = None,
    count: int = 16,
    seed: int = 0,
) -> Comparison:
    """Compares two model files: what goes in, what comes out, and how far apart that is.

    Args:
        a: A model file; its contract says how pictures become tensors.
        b: Another one.
        data: A folder of pictures, .npy or .npz; without it, inputs are random in the range of the contract.
        count: At most so many samples.
        seed: Of the choice of samples, or of the random inputs.

    Raises:
        LittoralError: A file or the data cannot be read, or a model cannot be run.
    """
    with load(a) as first, load(b) as second:
        names = Path(a).name, Path(b).name
        source = f"random inputs, seed {seed}" if data is None else str(data)
        differences = (
            *_differences("input", first.inputs, second.inputs),
            *_differences("output", first.outputs, second.outputs),
        )
        if not _same_shapes(first.inputs, second.inputs) or not _same_shapes(first.outputs, second.outputs):
            return Comparison(*names, "different", differences, (), None, 0, source)
        outputs, agreement, samples = _outputs(first, second, _samples(first, data, count, seed))
    verdict: Verdict = max((one.verdict for one in outputs), key=_rank, default="different")
    return Comparison(*names, verdict, differences, outputs, agreement, samples, source)


def _samples(model: Model, data: str | os.PathLike[str] | None, count: int, seed: int) -> Iterator[dict[str, Array]]:
    if data is None:
        return (random_inputs(model, seed=seed + number) for number in range(count))
    contract, _ = contract_or_default(model.graph)
    return (sample.inputs for sample in open_dataset(data).samples(contract, limit=count, seed=seed))


def _same_shapes(a: Sequence[TensorInfo], b: Sequence[TensorInfo]) -> bool:
    if len(a) != len(b):
        return False
    order = matching([info.name for info in a], [info.name for info in b])
    return all(_alike(info.shape, b[place].shape) for info, place in zip(a, order, strict=True))


def _alike(a: Sequence[int], b: Sequence[int]) -> bool:
    """The same shape, where -1 is any size."""
    return len(a) == len(b) and all(x == y or -1 in (x, y) for x, y in zip(a, b, strict=True))


def _differences(kind: str, a: Sequence[TensorInfo], b: Sequence[TensorInfo]) -> Iterator[str]:
    if len(a) != len(b):
        yield f"{len(a)} {kind}s against {len(b)}"
        return
    for info, place in zip(a, matching([info.name for info in a], [info.name for info in b]), strict=True):
        other = b[place]
        for what, one, two in (
            ("is named", info.name, other.name),
            ("has shape", list(info.shape), list(other.shape)),
            ("is", _stored(info), _stored(other)),
        ):
            if one != two:
                yield f"{kind} {info.name} {what} {one} against {two}"


def _stored(info: TensorInfo) -> str:
    return (
        f"{info.dtype} (scale {info.scale:.6g}, zero point {info.zero_point})" if info.is_quantized else f"{info.dtype}"
    )


def _outputs(
    a: Model, b: Model, samples: Iterator[dict[str, Array]]
) -> tuple[tuple[OutputComparison, ...], Rate | None, int]:
    order = matching([info.name for info in a.outputs], [info.name for info in b.outputs])
    sums = [ErrorSums() for _ in order]
    ranks = [0 for _ in order]
    steps = [max(step_of(a.graph, a.outputs[i]), step_of(b.graph, b.outputs[place])) for i, place in enumerate(order)]
    hits = count = 0
    scores: int | None = None
    for inputs in samples:
        ours, theirs = run(a, inputs), run(b, inputs)
        count += 1
        for index, place in enumerate(order):
            sums[index].add(ours[index], theirs[place])
            ranks[index] = max(ranks[index], _rank(verdict_of(ours[index], theirs[place], steps[index])))
        scores = class_scores([output.shape for output in ours])
        hits += scores is not None and bool(np.argmax(ours[scores]) == np.argmax(theirs[order[scores]]))
    outputs = tuple(
        OutputComparison(total.result(info.name), step, _VERDICTS[rank])
        for total, info, step, rank in zip(sums, a.outputs, steps, ranks, strict=True)
    )
    return outputs, Rate(hits, count) if scores is not None else None, count


_VERDICTS: tuple[Verdict, ...] = ("exact", "close", "approximate", "different")


def _rank(verdict: Verdict) -> int:
    return _VERDICTS.index(verdict)


def verdict_of(a: Array, b: Array, step: float = 0.0) -> Verdict:
    """The tightest named tolerance that all values hold; NaN and infinity are equal to themselves only.

    Args:
        a: Real values.
        b: As many.
        step: The quantization step of the outputs in real units, 0 for float outputs.
    """
    x, y = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    if np.array_equal(x, y, equal_nan=True):
        return "exact"
    finite = np.isfinite(x) & np.isfinite(y)
    if not np.array_equal(x[~finite], y[~finite], equal_nan=True):
        return "different"
    x, y = x[finite], y[finite]
    gap = np.abs(x - y)
    for verdict in _VERDICTS[1:-1]:
        absolute, relative = FLOAT_TOLERANCES[verdict]
        # A hair more than whole steps: both values were rounded to float32.
        within = QUANTIZED_TOLERANCES[verdict] * step * 1.001 if step else absolute + relative * np.abs(x)
        if bool(np.all(gap <= within)):
            return verdict
    return "different"


def step_of(graph: Graph, info: TensorInfo) -> float:
    """The quantization step of an output, also where a DEQUANTIZE makes a float output of it; 0 where there is none."""
    if info.is_quantized:
        return info.scale
    for operator in graph.main.operators:
        if operator.name == "DEQUANTIZE" and info.index in operator.outputs:
            tensor = graph.main.tensors[operator.inputs[0]]
            return TensorInfo.of(tensor, operator.inputs[0], tensor.name).scale
    return 0.0
