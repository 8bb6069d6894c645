"""Which operators suffer from quantization: each is quantized alone, and outputs are held against the float model's."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np

from littoral.check.inputs import Array, class_scores, matching, run
from littoral.check.latency import Progress
from littoral.check.measure import Samples
from littoral.check.results import OperatorSensitivity
from littoral.check.statistics import Rate
from littoral.check.tally import OutputSums
from littoral.errors import DataError, LittoralError
from littoral.runtime import load
from littoral.tflite import Graph, macs, read


@dataclass(frozen=True)
class _Case:
    """A sample and what the float model says about it."""

    inputs: dict[str, Array]
    outputs: list[Array]


def sensitivity(
    float_file: str | os.PathLike[str],
    operators: Sequence[int],
    make_variant: Callable[[int], bytes],
    samples: Samples,
    *,
    limit: int = 16,
    threads: int = 2,
    progress: Progress | None = None,
) -> list[OperatorSensitivity]:
    """Quantizes one operator after the other and measures what that alone does to the outputs.

    At most `limit` samples with their float outputs are kept in memory, and `threads` variants at a time.

    Args:
        float_file: The float model file.
        operators: Indices of operators in its main subgraph.
        make_variant: Gives the bytes of the model file in which only this operator is quantized. Never called by two
            threads at once. A LittoralError from it is recorded as the operator's `refused`.
        samples: What to run.
        limit: How many samples, at least 1.
        threads: How many variants to run at once, one thread each.
        progress: Called with ("sensitivity", operators done, operators).

    Returns:
        One for each operator, the worst first: those that could not be quantized or run, then by signal to noise.

    Raises:
        DataError: There are no samples.
        LittoralError: The float file cannot be read or run.
    """
    graph = read(float_file)
    names, cases = _cases(float_file, samples, limit)
    making = Lock()
    done = 0

    def one(operator: int) -> OperatorSensitivity:
        nonlocal done
        try:
            with making:
                content = make_variant(operator)
            found = _measured(graph, operator, content, names, cases)
        except LittoralError as error:
            found = _described(graph, operator, OutputSums(), names, None, str(error))
        with making:
            done += 1
            if progress:
                progress("sensitivity", done, len(operators))
        return found

    with ThreadPoolExecutor(threads) as pool:
        return sorted(pool.map(one, operators), key=_rank)


def _rank(one: OperatorSensitivity) -> tuple[bool, float, int]:
    return one.error is not None, one.error.sqnr_db if one.error else 0.0, one.index


def _cases(float_file: str | os.PathLike[str], samples: Samples, limit: int) -> tuple[list[str], list[_Case]]:
    cases: list[_Case] = []
    with load(Path(float_file)) as model:
        for sample in samples():
            cases.append(_Case(sample.inputs, run(model, sample.inputs)))
            if len(cases) == limit:
                break
        if not cases:
            raise DataError("there are no samples to measure sensitivity on", "Give data to calibrate or evaluate on")
        return [info.name for info in model.outputs], cases


def _measured(
    graph: Graph, operator: int, content: bytes, names: Sequence[str], cases: Sequence[_Case]
) -> OperatorSensitivity:
    sums = OutputSums()
    agreed = 0
    scores = class_scores([output.shape for output in cases[0].outputs])
    with load(content, threads=1) as model:
        order = matching(names, [info.name for info in model.outputs])
        for case in cases:
            given = run(model, case.inputs)
            outputs = [given[place] for place in order]
            sums.add(case.outputs, outputs)
            if scores is not None:
                agreed += bool(np.argmax(outputs[scores]) == np.argmax(case.outputs[scores]))
    rate = Rate(agreed, len(cases)) if scores is not None else None
    return _described(graph, operator, sums, names, rate, "")


def _described(
    graph: Graph, index: int, sums: OutputSums, names: Sequence[str], agreement: Rate | None, refused: str
) -> OperatorSensitivity:
    main = graph.main
    operator = main.operators[index]
    weights = [main.tensors[i].buffer for i in operator.inputs if i >= 0]
    return OperatorSensitivity(
        index=index,
        kind=operator.name,
        output=next((main.tensors[i].name for i in operator.outputs if i >= 0), ""),
        macs=macs(graph, 0, index),
        weight_bytes=sum(len(buffer.data) for buffer in weights if buffer and buffer.data is not None),
        error=min(sums.results(names), key=lambda error: error.sqnr_db, default=None),
        agreement=agreement,
        refused=refused,
    )
