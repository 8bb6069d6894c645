"""What a delegate takes of a model, and where each operator really runs. Nothing here runs anything."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from littoral.errors import DeviceError
from littoral.runtime.delegate.base import Delegate
from littoral.runtime.delegate.failures import calling
from littoral.runtime.delegate.limits import limit, unknown_shapes
from littoral.runtime.delegate.regions import Region, regions
from littoral.tflite import Graph, macs

PROCESSOR = "cpu"
Place = tuple[int, int]  # subgraph, operator


@dataclass(frozen=True)
class OperatorPlacement:
    """Where one operator runs.

    Attributes:
        subgraph: The index of its subgraph.
        operator: Its index there.
        name: As in "CONV_2D".
        runner: The delegate's name, or "cpu".
        reason: Why it is not on the accelerator; empty when it is.
        macs: Its multiply-adds.
    """

    subgraph: int
    operator: int
    name: str
    runner: str
    reason: str
    macs: int


@dataclass(frozen=True)
class Placement:
    """Where each operator of a model runs, in the order of the file."""

    operators: tuple[OperatorPlacement, ...]

    @property
    def accelerated(self) -> float:
        """The share of the model's multiply-adds that an accelerator runs, 0 to 1; of operators where none has any."""
        on = [place for place in self.operators if place.runner != PROCESSOR]
        work = sum(place.macs for place in self.operators)
        if work:
            return sum(place.macs for place in on) / work
        return len(on) / len(self.operators) if self.operators else 0.0


@dataclass(frozen=True)
class Plan:
    """What a delegate takes of a model.

    Attributes:
        graph: The model.
        runner: The delegate's name.
        claimed: For each subgraph the operators that it takes.
        reasons: Why it does not take the others, by subgraph and operator.
    """

    graph: Graph
    runner: str
    claimed: tuple[frozenset[int], ...]
    reasons: Mapping[Place, str]

    def placement(self, compiled: Collection[Place] | None = None) -> Placement:
        """Where each operator runs.

        Args:
            compiled: The operators that became part of kernels; None to foretell it.
        """
        if compiled is None:
            compiled = {(index, operator) for index, taken in enumerate(self.claimed) for operator in taken}
        return Placement(tuple(self._place(place, compiled) for place in _places(self.graph)))

    def _place(self, place: Place, compiled: Collection[Place]) -> OperatorPlacement:
        subgraph, operator = place
        taken = place in compiled
        return OperatorPlacement(
            subgraph,
            operator,
            self.graph.subgraphs[subgraph].operators[operator].name,
            self.runner if taken else PROCESSOR,
            "" if taken else self.reasons.get(place, "the runtime or another delegate kept it"),
            macs(self.graph, subgraph, operator),
        )


def plan(graph: Graph, delegate: Delegate, refused: Mapping[Place, str] = MappingProxyType({})) -> Plan:
    """Asks a delegate which operators of a model it takes.

    Args:
        graph: The model.
        delegate: The accelerator.
        refused: Why it has refused to compile some operators: it is not asked about those again.

    Raises:
        DeviceError: `claim` or `select` raised; the original exception is its cause.
    """
    reasons = dict(refused)
    claimed = []
    for subgraph in range(len(graph.subgraphs)):
        wanted = _wanted(graph, subgraph, delegate, reasons)
        found = regions(graph, subgraph, wanted)
        kept = _selected(graph, subgraph, delegate, found)
        for region in found:
            if region not in kept:
                why = f"its region ({len(region.operators)} operators, {region.macs} multiply-adds) was not selected"
                reasons.update({(subgraph, operator): why for operator in region.operators})
        claimed.append(frozenset(operator for region in kept for operator in region.operators))
    return Plan(graph, delegate.name, tuple(claimed), reasons)


def _wanted(graph: Graph, subgraph: int, delegate: Delegate, reasons: dict[Place, str]) -> frozenset[int]:
    """The operators that a delegate claims; the reasons for others are added to `reasons`."""
    whole = graph.subgraphs[subgraph]
    unknown = unknown_shapes(graph, subgraph)
    wanted = set()
    for index, operator in enumerate(whole.operators):
        if (subgraph, index) in reasons:
            continue
        reason = limit(graph, subgraph, operator, unknown)
        if not reason:
            with calling(delegate.name, f"claim of {operator.name} (operator {index})"):
                answer = delegate.claim(whole, operator)
            if answer is True:
                wanted.add(index)
                continue
            reason = answer or f"{delegate.name} does not take {operator.name}"
        reasons[subgraph, index] = reason
    return frozenset(wanted)


def _selected(graph: Graph, subgraph: int, delegate: Delegate, found: Sequence[Region]) -> list[Region]:
    if not found:
        return []
    with calling(delegate.name, "select"):
        kept = list(delegate.select(graph.subgraphs[subgraph], found))
    if any(region not in found for region in kept):
        raise DeviceError(
            f"{delegate.name} selected a region that it was not offered", "select must choose among its argument"
        )
    return kept


def _places(graph: Graph) -> Iterable[Place]:
    for subgraph, whole in enumerate(graph.subgraphs):
        for operator in range(len(whole.operators)):
            yield subgraph, operator
