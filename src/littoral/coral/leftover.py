"""The operators of a compiled model that the compiler left to the processor, and why as far as the file shows it."""

from __future__ import annotations

from dataclasses import dataclass

from littoral.tflite import Graph, Operator, Subgraph, macs
from littoral.tflite.graph import CUSTOM

_CHIP_TYPES = ("int8", "uint8", "int16", "int32")  # of tensors that some operator on the chip has


@dataclass(frozen=True)
class CpuOperator:
    """An operator of a compiled model that runs on the processor.

    Attributes:
        subgraph, operator: Indices in the model file.
        name: Such as "ARG_MAX".
        macs: Its multiply-adds.
        reason: Why the compiler left it there; empty where the file does not show it.
    """

    subgraph: int
    operator: int
    name: str
    macs: int
    reason: str


def cpu_operators(graph: Graph, chip: str) -> tuple[CpuOperator, ...]:
    """All operators but those named `chip`, in order."""
    return tuple(
        CpuOperator(number, index, operator.name, macs(graph, number, index), reason)
        for number, subgraph in enumerate(graph.subgraphs)
        for index, (operator, reason) in enumerate(_reasons(subgraph, chip))
        if operator.name != chip
    )


def _reasons(subgraph: Subgraph, chip: str) -> list[tuple[Operator, str]]:
    """Each operator with its reason: what it works on itself, else what it follows."""
    found: list[tuple[Operator, str]] = []
    blocked: dict[int, str] = {}  # tensors that come from the processor behind a segment, and from which operator
    reached: set[int] = set()  # tensors that come from a segment, by whatever way
    for operator in subgraph.operators:
        behind = operator.name == chip or any(index in reached for index in operator.inputs)
        before = next((blocked[index] for index in operator.inputs if index in blocked), "")
        found.append((operator, "" if operator.name == chip else _own(subgraph, operator) or _follows(before)))
        if behind:
            reached.update(operator.outputs)
            if operator.name != chip:
                blocked |= dict.fromkeys(operator.outputs, operator.name)
    return found


def _own(subgraph: Subgraph, operator: Operator) -> str:
    if operator.code.number == CUSTOM:
        return "a custom operator, which the compiler does not know"
    types = [subgraph.tensors[index].type.name.lower() for index in (*operator.inputs, *operator.outputs) if index >= 0]
    strange = next((name for name in types if name not in _CHIP_TYPES), "")
    return f"works on {strange}, and the chip on 8-bit integers" if strange else ""


def _follows(before: str) -> str:
    return f"follows {before}, which is on the processor: the compiler ends its segment there" if before else ""
