"""Some operators of a graph as a model of their own."""

from __future__ import annotations

from collections.abc import Sequence

from littoral.tflite.calls import called_subgraphs, with_calls_moved
from littoral.tflite.edit import tensors_of, with_tensors
from littoral.tflite.graph import Graph, Subgraph


def boundary(graph: Graph, operators: Sequence[int], subgraph: int = 0) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What some operators need and give: tensor indices of `graph`.

    The inputs are what they read and do not make themselves, constants and state aside, in order of first use; the
    outputs what others read or the subgraph gives, in the order in which they are made.
    """
    whole = graph.subgraphs[subgraph]
    chosen = set(operators)
    inside = [whole.operators[index] for index in sorted(chosen)]
    made = dict.fromkeys(tensor for operator in inside for tensor in operator.outputs)
    inputs = dict.fromkeys(
        tensor
        for operator in inside
        for tensor in operator.inputs
        if tensor >= 0 and tensor not in made and not _held(whole, tensor)
    )
    elsewhere = {
        tensor for index, operator in enumerate(whole.operators) if index not in chosen for tensor in operator.inputs
    }
    wanted = elsewhere | set(whole.outputs)
    return tuple(inputs), tuple(tensor for tensor in made if tensor in wanted)


def slice_operators(graph: Graph, operators: Sequence[int], subgraph: int = 0) -> Graph:
    """A stand-alone graph of some operators of a subgraph, in the order in which they run.

    Its inputs and outputs are those that `boundary` gives. Tensors keep names, types and quantization; constants are
    shared with `graph`; subgraphs that the operators run come along. Signatures and metadata stay behind, as they speak
    of the whole. A variable that another part of the graph initialises is not initialised in the slice.
    """
    whole = graph.subgraphs[subgraph]
    inputs, outputs = boundary(graph, operators, subgraph)
    chosen = [whole.operators[index] for index in sorted(set(operators))]
    used = tensors_of(chosen)
    part, _ = with_tensors(
        Subgraph(tensors=whole.tensors, inputs=inputs, outputs=outputs, operators=chosen, name=whole.name),
        sorted(used),
    )
    order = _reached(graph, part)
    moves = {old: new for new, old in enumerate(order, start=1)}
    subgraphs = [part, *(graph.subgraphs[index] for index in order)]
    return Graph(
        version=graph.version,
        description=graph.description,
        subgraphs=[
            each.replaced(operators=[with_calls_moved(operator, moves) for operator in each.operators])
            for each in subgraphs
        ],
        metadata=[],
        signatures=[],
    )


def _held(subgraph: Subgraph, tensor: int) -> bool:
    """Whether a tensor has its value from the file, or keeps it between runs, so that nobody must give it."""
    if tensor in subgraph.inputs:
        return False
    return subgraph.tensors[tensor].is_constant or subgraph.tensors[tensor].is_variable


def _reached(graph: Graph, part: Subgraph) -> list[int]:
    """The subgraphs that a part runs, directly or not, in order of first call."""
    reached: dict[int, None] = {}
    waiting = [part]
    while waiting:
        for operator in waiting.pop(0).operators:
            for index in called_subgraphs(operator):
                if index not in reached:
                    reached[index] = None
                    waiting.append(graph.subgraphs[index])
    return list(reached)
