"""A model file, or some of its operators, as a WebNN program.

Quantized operators become dequantizeLinear, the operation on real numbers, quantizeLinear: what a builder's
implementation may fuse again. What depends on constants and shapes alone is computed now. State (LSTM) is fresh at each
run.
"""

from __future__ import annotations

from collections.abc import Sequence

from littoral.tflite import Graph, boundary
from littoral.webnn.errors import NotSupportedError
from littoral.webnn.from_model.explain import Mapped, explain
from littoral.webnn.from_model.trace import trace
from littoral.webnn.program import Program

__all__ = ["Mapped", "edges", "explain", "lower"]


def edges(
    graph: Graph, subgraph: int = 0, operators: Sequence[int] | None = None
) -> tuple[dict[str, int], dict[str, int]]:
    """Inputs and outputs of what `lower` makes: the file's tensors by the program's names, in order.

    Those of the main subgraph have the names that a loaded model has; others those of their tensors.
    """
    from littoral.runtime.names import main_inputs, main_outputs

    if operators is None and subgraph == 0:
        infos = main_inputs(graph), main_outputs(graph)
        return {info.name: info.index for info in infos[0]}, {info.name: info.index for info in infos[1]}
    whole = graph.subgraphs[subgraph]
    inputs, outputs = (whole.inputs, whole.outputs) if operators is None else boundary(graph, operators, subgraph)
    return _named(graph, subgraph, inputs, "input"), _named(graph, subgraph, outputs, "output")


def _named(graph: Graph, subgraph: int, tensors: Sequence[int], kind: str) -> dict[str, int]:
    names: dict[str, int] = {}
    for position, tensor in enumerate(tensors):
        name = graph.subgraphs[subgraph].tensors[tensor].name
        names[name if name and name not in names else f"{kind}_{position}"] = tensor
    return names


def lower(graph: Graph, subgraph: int = 0, operators: Sequence[int] | None = None) -> Program:
    """The program that computes what a model file does.

    Args:
        graph: The model file.
        subgraph: By index.
        operators: Those of a region, by index; all when not given. Inputs and outputs are then those of `boundary`.

    Returns:
        A program whose inputs and outputs are named as `edges` says and hold what the file's tensors hold: integers
        where they are quantized, uint8 for bool. Inputs that nothing needs are left out.

    Raises:
        NotSupportedError: Some operators do not map; all are listed.
    """
    inputs, outputs = edges(graph, subgraph, operators)
    chosen = range(len(graph.subgraphs[subgraph].operators)) if operators is None else operators
    traced = trace(graph, tuple(inputs.values()), subgraph, chosen)
    if refused := [one for one in traced.operators if one.refusal]:
        said = [f"{one.operator} {one.name}: {one.refusal.cause}" for one in refused if one.refusal]
        remedies = dict.fromkeys(one.refusal.remedy for one in refused if one.refusal)
        raise NotSupportedError(
            f"{len(said)} operator(s) have no form in WebNN: {'; '.join(said)}", ". ".join(remedies)
        )
    return traced.recorder.program(inputs, outputs)
