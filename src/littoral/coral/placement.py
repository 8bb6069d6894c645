"""Predict, without the compiler, which operators of a model will run on the Edge TPU, and what to change for others.

A prediction: Google's compiler is closed. How often it is right on real compiled models is what
benchmarks/edgetpu_placement.py prints.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from littoral.coral import rules
from littoral.coral.compiled import is_compiled
from littoral.coral.fit import Fit, estimate
from littoral.coral.rules import MAPPED, NEWEST_RUNTIME, OLDEST_RUNTIME, ONE_SUBGRAPH, Refusal, View
from littoral.errors import InputError, ModelFileError
from littoral.runtime.delegate import regions
from littoral.tflite import Graph, Operator, Subgraph, macs

_KNOWN_CUSTOM = ("TFLite_Detection_PostProcess", "PosenetDecoderOp")  # those that the compiler passes through
_NEWEST_ELSEWHERE = {"EXP": 1, "LEAKY_RELU": 2, "FILL": 3, "BATCH_MATMUL": 4, "GATHER": 5}  # for operators not in RULES


@dataclass(frozen=True)
class OperatorPrediction:
    """Where one operator will run.

    Attributes:
        operator: Its index in the main subgraph.
        name: As in "CONV_2D".
        output: The name of its first output.
        status: In the compiler's words.
        change: What to change for it to map, in ours; empty when it maps.
        macs: Its multiply-adds.
    """

    operator: int
    name: str
    output: str
    status: str
    change: str
    macs: int

    derived: ClassVar = ("mapped",)

    @property
    def mapped(self) -> bool:
        """Whether it runs on the Edge TPU."""
        return self.status == MAPPED


@dataclass(frozen=True)
class Obstacle:
    """Why the compiler will not compile the file at all: what it will say or mean, and the way out."""

    cause: str
    remedy: str


@dataclass(frozen=True)
class Prediction:
    """What the compiler is expected to make of a model file.

    Attributes:
        runtime_version: The Edge TPU runtime that it is compiled for.
        operators: Those of the main subgraph, in the order of the file.
        obstacles: Why it will not compile at all; empty when it will.
        memory: Of the chip.
        kind: "prediction", so that nobody takes a printed one for the compiler's word.
    """

    runtime_version: int
    operators: tuple[OperatorPrediction, ...]
    obstacles: tuple[Obstacle, ...]
    memory: Fit
    kind: Literal["prediction"] = "prediction"

    derived: ClassVar = ("compiles", "mapped", "accelerated")

    @property
    def compiles(self) -> bool:
        """Whether the compiler will make a file, be it one of which nothing is on the chip."""
        return not self.obstacles

    @property
    def mapped(self) -> int:
        """How many operators run on the Edge TPU."""
        return sum(one.mapped for one in self.operators)

    @property
    def accelerated(self) -> float:
        """The share of the multiply-adds that run there, 0 to 1."""
        work = sum(one.macs for one in self.operators)
        return sum(one.macs for one in self.operators if one.mapped) / work if work else 0.0


def predict(graph: Graph, runtime_version: int = NEWEST_RUNTIME, *, multiple_subgraphs: bool = False) -> Prediction:
    """Predict what the Edge TPU compiler makes of a model.

    All that is supported and does not wait for something that is not becomes one part, which runs on the chip; what
    depends on an unsupported operator stays on the processor, supported or not.

    Args:
        graph: A model that is not compiled.
        runtime_version: The Edge TPU runtime to compile for, 10 to 14 (the compiler's --min_runtime_version).
        multiple_subgraphs: As the compiler's --enable_multiple_subgraphs: several parts may go to the chip.

    Raises:
        InputError: There is no such runtime version.
        ModelFileError: The model is compiled already.
    """
    if not OLDEST_RUNTIME <= runtime_version <= NEWEST_RUNTIME:
        accepted = f"Accepted: {OLDEST_RUNTIME} to {NEWEST_RUNTIME}"
        raise InputError(f"there is no Edge TPU runtime version {runtime_version}", accepted)
    refuse_compiled(graph)
    refusals = _refusals(graph, runtime_version)
    parts = regions(graph, 0, set(range(len(graph.main.operators))) - refusals.keys())
    taken = {index for part in (parts if multiple_subgraphs else parts[:1]) for index in part.operators}
    operators = tuple(
        OperatorPrediction(
            operator=index,
            name=operator.name,
            output=_output(graph.main, operator),
            status=refusal.status if refusal else MAPPED,
            change=refusal.change if refusal else "",
            macs=macs(graph, 0, index),
        )
        for index, (operator, refusal) in enumerate(_verdicts(graph.main, taken, refusals))
    )
    return Prediction(runtime_version, operators, _obstacles(graph), estimate(graph.main, taken))


def refuse_compiled(graph: Graph, name: str = "the model") -> None:
    """Refuse a model that is compiled already.

    Raises:
        ModelFileError: It is.
    """
    if is_compiled(graph):
        raise ModelFileError(f"{name} is compiled for the Edge TPU already", "Give the model that it was made from")


def _refusals(graph: Graph, runtime_version: int) -> dict[int, Refusal]:
    views = [View.of(graph.main, operator) for operator in graph.main.operators]
    found = [(index, rules.refusal(view, runtime_version)) for index, view in enumerate(views)]
    return {index: refusal for index, refusal in found if refusal is not None}


def _verdicts(
    main: Subgraph, taken: Collection[int], refusals: dict[int, Refusal]
) -> Iterator[tuple[Operator, Refusal | None]]:
    """Each operator, and why it is not on the chip: it cannot be, or it waits for one that cannot."""
    waits_for: dict[int, str] = {}  # by tensor
    for index, operator in enumerate(main.operators):
        if index in taken:
            yield operator, None
            continue
        cause = next((waits_for[i] for i in operator.inputs if i in waits_for), "")
        wait = f"it waits for {cause}, which is not on the chip: change or move that one"
        yield operator, refusals.get(index, Refusal(ONE_SUBGRAPH, wait))
        if index in refusals:
            cause = f"{operator.name} {_output(main, operator)!r}"
        waits_for |= dict.fromkeys(operator.outputs, cause)


def _output(main: Subgraph, operator: Operator) -> str:
    return main.tensors[operator.outputs[0]].name if operator.outputs else ""


def _obstacles(graph: Graph) -> tuple[Obstacle, ...]:
    """What stops the compiler before it looks at single operators."""
    views = [View.of(graph.main, operator) for operator in graph.main.operators]
    found = []
    if not any(tensor.is_quantized and tensor.dtype.itemsize == 1 for view in views for tensor in view.outputs):
        remedy = "Quantize it: littoral convert -r full-int8 --calibrate PHOTOS --target edgetpu"
        found.append(Obstacle("Model not quantized", remedy))
    for view in views:
        found += _unreadable(view)
    return tuple(dict.fromkeys(found))


def _unreadable(view: View) -> list[Obstacle]:
    name, version = view.operator.name, view.operator.code.version
    rule = rules.RULES.get(name)
    newest = rule.version if rule else _NEWEST_ELSEWHERE.get(name)
    found = []
    if newest is not None and version > newest:
        remedy = f"The compiler knows {name} up to version {newest}: convert with --target edgetpu"
        found.append(Obstacle(f"Didn't find op for builtin opcode '{name}' version '{version}'", remedy))
    if view.operator.code.custom_code and name not in _KNOWN_CUSTOM:
        remedy = "Cut the model before it, or replace it by builtin operators"
        found.append(Obstacle(f"Encountered unresolved custom op: {name}", remedy))
    if rule and rule.is_open(view):
        remedy = "Fix the batch and all sizes when converting"
        found.append(Obstacle(f"{name} has a size that is computed at run time (dynamic-sized tensors)", remedy))
    return found
