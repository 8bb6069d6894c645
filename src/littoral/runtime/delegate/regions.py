"""How the runtime will cut claimed operators into partitions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from littoral.tflite import Graph, Operator, Subgraph, TensorType, macs

_CONTROL = {"IF", "WHILE", "CALL_ONCE"}


@dataclass(frozen=True)
class Region:
    """Operators that would run as one kernel.

    Attributes:
        operators: Their indices, in the order in which they run.
        macs: Their multiply-adds.
    """

    operators: tuple[int, ...]
    macs: int


def regions(graph: Graph, subgraph: int, claimed: Collection[int]) -> tuple[Region, ...]:
    """The partitions that the runtime makes of claimed operators, in the order in which they run.

    It takes turns: all that is ready and claimed, then all that is ready and is not. So operators of separate branches
    come together, and no region waits for something that waits for it (tflite/graph_info.cc of LiteRT).
    """
    turns = _turns(graph.subgraphs[subgraph], claimed)
    return tuple(
        Region(tuple(turn), sum(macs(graph, subgraph, index) for index in turn)) for turn in turns if turn[0] in claimed
    )


def _turns(subgraph: Subgraph, claimed: Collection[int]) -> list[list[int]]:
    """The operators in the order in which they run; the claimed ones of a turn are one partition."""
    needs, gives = _dependencies(subgraph)
    missing = set().union(*gives) if gives else set()
    waiting = list(range(len(subgraph.operators)))
    turns = []
    while waiting:
        turn: list[int] = []
        size = -1
        while len(turn) > size:
            size = len(turn)
            for index in waiting:
                same_kind = not turn or (index in claimed) == (turn[0] in claimed)
                if index not in turn and same_kind and missing.isdisjoint(needs[index]):
                    turn.append(index)
                    missing -= gives[index]
        taken = set(turn)
        waiting = [index for index in waiting if index not in taken]
        turns.append(turn)
    return turns


def _dependencies(subgraph: Subgraph) -> tuple[list[set[int]], list[set[int]]]:
    """For each operator the tensors that it needs and gives. Those with side effects also give a token to the next."""
    needs, gives = [], []
    token = None
    for index, operator in enumerate(subgraph.operators):
        needed = {tensor for tensor in operator.inputs if tensor >= 0}
        given = {tensor for tensor in operator.outputs if tensor >= 0}
        if _has_side_effects(subgraph, operator):
            needed |= {token} if token is not None else set()
            token = -1 - index
            given.add(token)
        needs.append(needed)
        gives.append(given)
    return needs, gives


def _has_side_effects(subgraph: Subgraph, operator: Operator) -> bool:
    touched = (subgraph.tensors[index].type for index in (*operator.inputs, *operator.outputs) if index >= 0)
    return operator.name in _CONTROL or TensorType.RESOURCE in touched
