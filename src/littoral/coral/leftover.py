"""The operators of a compiled model that the compiler left to the processor, and why."""

from __future__ import annotations

from dataclasses import dataclass

from littoral.coral.rules import NOT_SUPPORTED, ONE_SUBGRAPH, Refusal, View, refusal
from littoral.tflite import Graph, Operator, Subgraph, macs
from littoral.tflite.graph import CUSTOM


@dataclass(frozen=True)
class CpuOperator:
    """An operator of a compiled model that runs on the processor.

    The file does not say why it does: `status` and `change` are what `littoral.coral.rules` tells of such an operator.

    Attributes:
        subgraph, operator: Indices in the model file.
        name: Such as "ARG_MAX".
        macs: Its multiply-adds.
        status: In the compiler's words.
        change: What to change for it to be on the chip; empty for custom operators, which never are, and for those that
            only stand behind another one that is not.
    """

    subgraph: int
    operator: int
    name: str
    macs: int
    status: str
    change: str


def cpu_operators(graph: Graph, chip: str) -> tuple[CpuOperator, ...]:
    """All operators but those named `chip`, in order."""
    found = []
    for number, subgraph in enumerate(graph.subgraphs):
        for index, operator in enumerate(subgraph.operators):
            if operator.name != chip:
                why = _why(subgraph, operator)
                work = macs(graph, number, index)
                found.append(CpuOperator(number, index, operator.name, work, why.status, why.change))
    return tuple(found)


def _why(subgraph: Subgraph, operator: Operator) -> Refusal:
    if operator.code.number == CUSTOM:
        return Refusal(NOT_SUPPORTED, "")
    return refusal(View.of(subgraph, operator)) or Refusal(ONE_SUBGRAPH, "")
