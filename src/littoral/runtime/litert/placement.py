"""Where LiteRT runs each operator on its own devices."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from littoral.runtime.delegate.placement import PROCESSOR, OperatorPlacement, Place, Placement
from littoral.tflite import Graph, Subgraph, macs

_OWN = "LiteRT's own kernel"
_UNKNOWN = "not known: it is not in the main subgraph"


def compiled_placement(graph: Graph, own: Collection[Place]) -> Placement:
    """Where a compiled model runs each operator on the processor.

    Args:
        graph: The model.
        own: The operators that LiteRT's own kernels ran, as a profiler saw. XNNPACK took the others of the main
            subgraph; of other subgraphs nobody knows whether they ran.
    """

    def words(subgraph: int, operator: int) -> str:
        if (subgraph, operator) in own:
            return _OWN
        return _UNKNOWN if subgraph else "XNNPACK"

    return _placement(graph, {key: (PROCESSOR, words(*key)) for key in _places(graph)})


def interpreted_placement(
    graph: Graph, nodes: Sequence[Mapping[str, Any]], accelerator: str = "", own: int = 0
) -> Placement:
    """Where an interpreter runs each operator.

    Args:
        graph: The model.
        nodes: All nodes of the main subgraph, as the interpreter lists them: the file's operators, and behind them one
            for each part that a delegate took. What is between such a part's inputs and outputs is what it took.
        accelerator: The delegate that took the first of those parts; empty for none. XNNPACK took the others.
        own: How many nodes there were before XNNPACK took its parts.
    """
    parts = max(own, len(graph.main.operators))
    accelerated = _taken(graph.main, nodes[len(graph.main.operators) : parts]) if accelerator else set()
    taken = _taken(graph.main, nodes[parts:])
    left = f"{accelerator} left it: " if accelerator else ""

    def where(subgraph: int, operator: int) -> tuple[str, str]:
        if subgraph:
            return PROCESSOR, _UNKNOWN
        if operator in accelerated:
            return accelerator, ""
        return PROCESSOR, left + ("XNNPACK" if operator in taken else _OWN)

    return _placement(graph, {key: where(*key) for key in _places(graph)})


def _taken(subgraph: Subgraph, parts: Sequence[Mapping[str, Any]]) -> set[int]:
    """The operators that some parts stand for."""
    return {operator for part in parts for operator in _between(subgraph, set(part["inputs"]), list(part["outputs"]))}


def _between(subgraph: Subgraph, inputs: set[int], tensors: list[int]) -> set[int]:
    """The operators that compute some tensors out of others."""
    makers = {index: number for number, operator in enumerate(subgraph.operators) for index in operator.outputs}
    found: set[int] = set()
    while tensors:
        tensor = tensors.pop()
        maker = makers.get(tensor)
        if tensor not in inputs and maker is not None and maker not in found:
            found.add(maker)
            tensors += subgraph.operators[maker].inputs
    return found


def uniform_placement(graph: Graph, runner: str, words: str = "") -> Placement:
    """All operators in one place."""
    return _placement(graph, dict.fromkeys(_places(graph), (runner, words)))


def _placement(graph: Graph, where: dict[Place, tuple[str, str]]) -> Placement:
    return Placement(
        tuple(
            OperatorPlacement(
                subgraph,
                index,
                graph.subgraphs[subgraph].operators[index].name,
                runner,
                reason,
                macs(graph, subgraph, index),
            )
            for (subgraph, index), (runner, reason) in where.items()
        )
    )


def _places(graph: Graph) -> list[Place]:
    return [
        (subgraph, operator)
        for subgraph, whole in enumerate(graph.subgraphs)
        for operator in range(len(whole.operators))
    ]
