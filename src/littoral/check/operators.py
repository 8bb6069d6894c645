"""What a model file computes in integers and what in float, and whether its variables have values."""

from __future__ import annotations

from collections.abc import Iterator

from littoral.check.results import FloatOperator, OperatorShare
from littoral.tflite import Graph, Operator, Subgraph, Tensor, TensorType, macs

_CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")
_FLOATS = (TensorType.FLOAT32, TensorType.FLOAT16, TensorType.BFLOAT16, TensorType.FLOAT64)
_SMALL = (
    TensorType.FLOAT16, TensorType.BFLOAT16, TensorType.INT16, TensorType.INT8, TensorType.UINT8,
    TensorType.INT4, TensorType.UINT4, TensorType.INT2,
)  # fmt: skip
_MOST_NAMED = 50


def operator_share(graph: Graph) -> OperatorShare:
    """Counts what is quantized in a graph.

    QUANTIZE and DEQUANTIZE are left out, and so are operators on plain integers such as shapes.
    """
    count = {"integer": 0, "weights": 0, "float": 0}
    work = dict.fromkeys(count, 0)
    floats: list[FloatOperator] = []
    for number, subgraph in enumerate(graph.subgraphs):
        unpacked = _unpacked_weights(subgraph)
        for index, operator in enumerate(subgraph.operators):
            kind = _kind(subgraph, operator, unpacked)
            if kind is None:
                continue
            count[kind] += 1
            work[kind] += macs(graph, number, index)
            if kind != "integer" and len(floats) < _MOST_NAMED:
                output = next((subgraph.tensors[i].name for i in operator.outputs if i >= 0), "")
                floats.append(FloatOperator(index, operator.name, output))
    return OperatorShare(
        total=sum(count.values()),
        integer=count["integer"],
        weights_only=count["weights"],
        macs=sum(work.values()),
        integer_macs=work["integer"],
        weights_only_macs=work["weights"],
        floats=tuple(floats),
    )


def _unpacked_weights(subgraph: Subgraph) -> set[int]:
    """Tensors that hold weights after a DEQUANTIZE of smaller ones: how float16 files are made."""
    return {
        operator.outputs[0]
        for operator in subgraph.operators
        if operator.name == "DEQUANTIZE" and subgraph.tensors[operator.inputs[0]].is_constant
    }


def _kind(subgraph: Subgraph, operator: Operator, unpacked: set[int]) -> str | None:
    """What it counts as: "integer", "weights" or "float"; None where the operator does not count."""
    if operator.name in _CONVERSIONS:
        return None
    inputs = [i for i in operator.inputs if i >= 0]
    weights = [i for i in inputs if i in unpacked or subgraph.tensors[i].is_constant]
    activations = [subgraph.tensors[i] for i in (*inputs, *operator.outputs) if i >= 0 and i not in weights]
    if not any(tensor.type in _FLOATS for tensor in activations):
        return "integer" if any(tensor.is_quantized for tensor in activations) else None
    small = any(i in unpacked or _is_small(subgraph.tensors[i]) for i in weights)
    return "weights" if small else "float"


def _is_small(tensor: Tensor) -> bool:
    return tensor.type in _SMALL and (tensor.is_quantized or tensor.type in _FLOATS)


def float_edges(graph: Graph) -> list[str]:
    """The names of the main subgraph's inputs and outputs that are float."""
    main = graph.main
    tensors = [main.tensors[i] for i in (*main.inputs, *main.outputs)]
    return [tensor.name for tensor in tensors if tensor.type in _FLOATS]


def unset_variables(graph: Graph) -> list[str]:
    """The names of the resource variables that the main subgraph reads before anything gives them a value.

    A file converted without freezing is full of them, runs, and computes with nothing.
    """
    known: set[str] = set()
    unset: list[str] = []
    names = _variable_names(graph.main)
    for operator in graph.main.operators:
        if operator.name == "CALL_ONCE":
            known.update(_assigned(graph, operator))
        name = names.get(operator.inputs[0]) if operator.inputs else None
        if name is None:
            continue
        if operator.name == "ASSIGN_VARIABLE":
            known.add(name)
        elif operator.name == "READ_VARIABLE" and name not in known and name not in unset:
            unset.append(name)
    return unset


def _variable_names(subgraph: Subgraph) -> dict[int, str]:
    """The variable that each handle tensor stands for."""
    return {
        operator.outputs[0]: str(
            getattr(operator.options, "shared_name", "") or subgraph.tensors[operator.outputs[0]].name
        )
        for operator in subgraph.operators
        if operator.name == "VAR_HANDLE"
    }


def _assigned(graph: Graph, call_once: Operator) -> Iterator[str]:
    subgraph = graph.subgraphs[int(getattr(call_once.options, "init_subgraph_index", 0))]
    names = _variable_names(subgraph)
    for operator in subgraph.operators:
        if operator.name == "ASSIGN_VARIABLE" and operator.inputs[0] in names:
            yield names[operator.inputs[0]]
