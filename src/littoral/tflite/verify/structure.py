"""Indices, order and calls. Each function gives what is wrong, in words; nothing when all is well."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from littoral.tflite.calls import called_subgraphs
from littoral.tflite.graph import Graph, Operator, Signature, Subgraph
from littoral.tflite.operators import BUILTIN_NAMES
from littoral.tflite.verify.operators import may_be_absent, operator_problems
from littoral.tflite.verify.tensors import tensor_problems

_VERSION = 3  # of the schema; there has been no other since 2017


def graph_problems(graph: Graph) -> Iterator[str]:
    """What is wrong with a graph."""
    if graph.version != _VERSION:
        yield f"it is of version {graph.version} of the format, and {_VERSION} is known"
    if not graph.subgraphs:
        yield "it has no subgraph"
    for index, subgraph in enumerate(graph.subgraphs):
        where = f"subgraph {index}, " if len(graph.subgraphs) > 1 else ""
        yield from (where + problem for problem in _subgraph_problems(subgraph))
    yield from _call_problems(graph)
    for signature in graph.signatures:
        yield from (f"signature {signature.key!r}: {problem}" for problem in _signature_problems(graph, signature))
    if not all(entry.name for entry in graph.metadata):
        yield "a metadata entry has no name"


def _subgraph_problems(subgraph: Subgraph) -> Iterator[str]:
    for index, tensor in enumerate(subgraph.tensors):
        yield from (f"tensor {index} ({tensor.name}): {problem}" for problem in tensor_problems(subgraph, tensor))
    count = len(subgraph.tensors)
    yield from _index_problems("its inputs name", subgraph.inputs, count)
    yield from _index_problems("its outputs name", subgraph.outputs, count)
    for index, operator in enumerate(subgraph.operators):
        where = f"operator {index} ({operator.name}): "
        problem = next(_reference_problems(operator, count), None)
        if problem is not None:
            yield where + problem
            return  # what follows looks tensors up
        yield from (where + problem for problem in operator_problems(subgraph, operator))
    yield from _order_problems(subgraph)


def _index_problems(what: str, indices: Iterable[int], count: int) -> Iterator[str]:
    for index in indices:
        if not 0 <= index < count:
            yield f"{what} tensor {index}, and there are {count}"


def _reference_problems(operator: Operator, count: int) -> Iterator[str]:
    if not 0 <= operator.code.number < len(BUILTIN_NAMES):
        yield f"operator {operator.code.number} is unknown: the file may be newer than this littoral"
    for position, index in enumerate(operator.inputs):
        if index != -1:
            yield from _index_problems("it reads", (index,), count)
        elif not may_be_absent(operator, position):
            yield f"its input {position} is absent, and must be there"
    yield from _index_problems("it writes", operator.outputs, count)
    yield from _index_problems("it keeps", operator.intermediates, count)


def _order_problems(subgraph: Subgraph) -> Iterator[str]:
    """Every tensor must have a value before it is read, from one place only."""
    ready = {
        index
        for index, tensor in enumerate(subgraph.tensors)
        if tensor.is_constant or tensor.is_variable or 0 in tensor.shape
    } | set(subgraph.inputs)
    made: set[int] = set()
    fixed = {index for index, tensor in enumerate(subgraph.tensors) if tensor.is_constant} | set(subgraph.inputs)
    for index, operator in enumerate(subgraph.operators):
        where = f"operator {index} ({operator.name}) "
        for tensor in operator.inputs:
            if tensor >= 0 and tensor not in ready:
                yield f"{where}reads tensor {tensor} before any operator writes it: in a circle, too late or never"
        for tensor in operator.outputs:
            if tensor in made:
                yield f"{where}writes tensor {tensor}, which another output has written already"
            if tensor in fixed:
                yield f"{where}writes tensor {tensor}, which is a constant or an input"
            made.add(tensor)
            ready.add(tensor)
    for tensor in subgraph.outputs:
        if tensor not in ready:
            yield f"nothing writes tensor {tensor}, which is an output"


def _call_problems(graph: Graph) -> Iterator[str]:
    """Subgraphs that operators run must be there, and none may come back to itself."""
    count = len(graph.subgraphs)
    calls: list[set[int]] = []
    for subgraph in graph.subgraphs:
        called = {index for operator in subgraph.operators for index in called_subgraphs(operator)}
        for index in called:
            if not 0 <= index < count:
                yield f"an operator runs subgraph {index}, and there are {count}"
                return
        calls.append(called)
    # Subgraphs that call only settled ones are settled; what is left calls itself.
    settled: set[int] = set()
    while True:
        more = {index for index, called in enumerate(calls) if index not in settled and called <= settled}
        if not more:
            break
        settled |= more
    if len(settled) < count:
        yield f"subgraph {min(set(range(count)) - settled)} runs itself, directly or through others"


def _signature_problems(graph: Graph, signature: Signature) -> Iterator[str]:
    if not signature.key:
        yield "it has no name"
    if signature.subgraph_index >= len(graph.subgraphs):
        yield f"it names subgraph {signature.subgraph_index}, and there are {len(graph.subgraphs)}"
        return
    count = len(graph.subgraphs[signature.subgraph_index].tensors)
    for entry in (*signature.inputs, *signature.outputs):
        if not entry.name:
            yield f"tensor {entry.tensor_index} has no name in it"
        yield from _index_problems("it names", (entry.tensor_index,), count)
