"""Names of inputs and outputs: the signature's where there is one, else the tensors' own."""

from __future__ import annotations

from collections.abc import Sequence

from littoral.runtime.tensors import TensorInfo
from littoral.tflite import Graph, Signature, TensorMap


def main_inputs(graph: Graph) -> tuple[TensorInfo, ...]:
    """The inputs of the main subgraph, in its order."""
    entries = [entry for signature in graph.signatures if not signature.subgraph_index for entry in signature.inputs]
    return _infos(graph, 0, graph.main.inputs, entries, "input")


def main_outputs(graph: Graph) -> tuple[TensorInfo, ...]:
    """The outputs of the main subgraph, in its order."""
    entries = [entry for signature in graph.signatures if not signature.subgraph_index for entry in signature.outputs]
    return _infos(graph, 0, graph.main.outputs, entries, "output")


def signature_inputs(graph: Graph, signature: Signature) -> tuple[TensorInfo, ...]:
    """The inputs of a signature, in the order of its subgraph."""
    order = {index: position for position, index in enumerate(graph.subgraphs[signature.subgraph_index].inputs)}
    indices = [entry.tensor_index for entry in signature.inputs]
    indices.sort(key=lambda index: order.get(index, len(order)))
    return _infos(graph, signature.subgraph_index, indices, signature.inputs, "input")


def signature_outputs(graph: Graph, signature: Signature) -> tuple[TensorInfo, ...]:
    """The outputs of a signature, in its own order."""
    indices = [entry.tensor_index for entry in signature.outputs]
    return _infos(graph, signature.subgraph_index, indices, signature.outputs, "output")


def _infos(
    graph: Graph, subgraph: int, indices: Sequence[int], entries: Sequence[TensorMap], kind: str
) -> tuple[TensorInfo, ...]:
    by_index = {entry.tensor_index: entry.name for entry in reversed(entries)}  # the first signature's name wins
    infos: dict[str, TensorInfo] = {}
    for position, index in enumerate(indices):
        tensor = graph.subgraphs[subgraph].tensors[index]
        name = by_index.get(index) or tensor.name
        if not name or name in infos:  # files may leave names out, or give one tensor twice
            name = f"{kind}_{position}"
        infos[name] = TensorInfo.of(tensor, index, name)
    return tuple(infos.values())
