"""A model file rewritten so that OpenVINO's reader understands it; what it computes stays the same."""

from __future__ import annotations

from littoral.tflite import Buffer, Graph, Operator, OperatorCode, Subgraph, Tensor, TensorType
from littoral.tflite.operators import BUILTIN_CODES


def readable(graph: Graph) -> Graph:
    """A graph for OpenVINO's reader, with what release 2026.4 needs.

    It takes an operator's number from the older of two fields, which some converters leave 0, and that is ADD; and int4
    weights in few operators: here they are int8 of the same values.
    """
    return graph.replaced(subgraphs=[_subgraph(each) for each in graph.subgraphs])


def _subgraph(subgraph: Subgraph) -> Subgraph:
    return subgraph.replaced(
        tensors=[_tensor(tensor) for tensor in subgraph.tensors],
        operators=[_operator(operator) for operator in subgraph.operators],
    )


def _operator(operator: Operator) -> Operator:
    if operator.name not in BUILTIN_CODES:
        return operator
    return operator.replaced(code=OperatorCode.of(operator.name, operator.code.version))


def _tensor(tensor: Tensor) -> Tensor:
    if tensor.type is not TensorType.INT4 or tensor.data is None:
        return tensor
    return tensor.replaced(type=TensorType.INT8, buffer=Buffer(data=tensor.data.tobytes()))
