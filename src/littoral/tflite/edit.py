"""Small tools for changing graphs: work on a copy of the lists, and replace tables instead of changing them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from littoral.tflite.graph import (
    BlockwiseQuantization,
    Graph,
    MultiAxisQuantization,
    Operator,
    OperatorCode,
    Signature,
    Subgraph,
    Tensor,
)


def copied(graph: Graph) -> Graph:
    """A graph whose lists may be changed without changing those of `graph`. The tables in them are shared."""
    return graph.replaced(
        subgraphs=[
            subgraph.replaced(tensors=list(subgraph.tensors), operators=list(subgraph.operators))
            for subgraph in graph.subgraphs
        ],
        metadata=list(graph.metadata),
        signatures=list(graph.signatures),
    )


def add_tensor(subgraph: Subgraph, tensor: Tensor) -> int:
    """Append a tensor to a subgraph; its index."""
    subgraph.tensors.append(tensor)
    return len(subgraph.tensors) - 1


def producer(subgraph: Subgraph, tensor: int) -> Operator | None:
    """The operator that writes a tensor."""
    return next((operator for operator in subgraph.operators if tensor in operator.outputs), None)


def consumers(subgraph: Subgraph, tensor: int) -> list[Operator]:
    """The operators that read a tensor."""
    return [operator for operator in subgraph.operators if tensor in operator.inputs]


def tensors_of(operators: Iterable[Operator]) -> set[int]:
    """All tensors that operators name: inputs, outputs and intermediates."""
    return {tensor for op in operators for tensor in (*op.inputs, *op.outputs, *op.intermediates) if tensor >= 0}


def moved_signature(signature: Signature, moves: Mapping[int, int]) -> Signature:
    """A signature with tensor indices replaced."""
    inputs, outputs = (
        [entry.replaced(tensor_index=moves.get(entry.tensor_index, entry.tensor_index)) for entry in entries]
        for entries in (signature.inputs, signature.outputs)
    )
    return signature.replaced(inputs=inputs, outputs=outputs)


def with_tensors(subgraph: Subgraph, kept: Iterable[int]) -> tuple[Subgraph, dict[int, int]]:
    """A subgraph with only some of its tensors, in the order given, and where each went.

    Tensors that hold the scales of kept ones are kept too.
    """
    order = list(dict.fromkeys(kept))
    order += dict.fromkeys(
        index for tensor in order for index in _scales(subgraph.tensors[tensor]) if index not in order
    )
    moves = {old: new for new, old in enumerate(order)}
    moved = subgraph.replaced(
        tensors=[_moved_tensor(subgraph.tensors[old], moves) for old in order],
        inputs=tuple(moves[tensor] for tensor in subgraph.inputs),
        outputs=tuple(moves[tensor] for tensor in subgraph.outputs),
        operators=[_moved_operator(operator, moves) for operator in subgraph.operators],
    )
    return moved, moves


def without_unused_tensors(graph: Graph, subgraph: int = 0) -> Graph:
    """A graph without the tensors of a subgraph that nothing refers to."""
    old = graph.subgraphs[subgraph]
    signatures = [signature for signature in graph.signatures if signature.subgraph_index == subgraph]
    named = {entry.tensor_index for signature in signatures for entry in (*signature.inputs, *signature.outputs)}
    used = {*old.inputs, *old.outputs, *tensors_of(old.operators), *named}
    new, moves = with_tensors(old, (index for index in range(len(old.tensors)) if index in used))
    return graph.replaced(
        subgraphs=[new if index == subgraph else other for index, other in enumerate(graph.subgraphs)],
        signatures=[
            moved_signature(signature, moves) if signature.subgraph_index == subgraph else signature
            for signature in graph.signatures
        ],
    )


def _moved_operator(operator: Operator, moves: Mapping[int, int]) -> Operator:
    inputs, outputs, intermediates = (
        tuple(moves[tensor] if tensor >= 0 else tensor for tensor in tensors)
        for tensors in (operator.inputs, operator.outputs, operator.intermediates)
    )
    changes = {"intermediates": intermediates} if intermediates else {}
    return operator.replaced(inputs=inputs, outputs=outputs, **changes)


def _moved_tensor(tensor: Tensor, moves: Mapping[int, int]) -> Tensor:
    if not _scales(tensor):
        return tensor
    assert tensor.quantization is not None
    details = tensor.quantization.details
    assert isinstance(details, (BlockwiseQuantization, MultiAxisQuantization))
    details = details.replaced(
        scales=moves[details.scales], zero_points=moves.get(details.zero_points, details.zero_points)
    )
    return tensor.replaced(quantization=tensor.quantization.replaced(details=details))


def _scales(tensor: Tensor) -> tuple[int, ...]:
    """The tensors that hold the scales and zero points of a tensor, where it has them elsewhere."""
    details = tensor.quantization.details if tensor.quantization else None
    if isinstance(details, (BlockwiseQuantization, MultiAxisQuantization)):
        return (details.scales, details.zero_points) if details.zero_points > 0 else (details.scales,)
    return ()


def spell_codes(graph: Graph) -> None:
    """Write operator codes into both of their fields: some readers know only one. This changes the graph."""
    for subgraph in graph.subgraphs:
        for operator in subgraph.operators:
            operator.code = OperatorCode.of(operator.name, operator.code.version)
