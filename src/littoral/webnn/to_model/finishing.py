"""The last touches to a model file that a program became."""

from __future__ import annotations

from collections import Counter

from littoral.tflite import Graph, Operator, Subgraph
from littoral.tflite.edit import without_unused_tensors
from littoral.tflite.enums import ActivationFunction

_ACTIVATIONS = {
    "RELU": ActivationFunction.RELU,
    "RELU6": ActivationFunction.RELU6,
    "RELU_N1_TO_1": ActivationFunction.RELU_N1_TO_1,
}

_FUSE = {
    "ADD",
    "SUB",
    "MUL",
    "DIV",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "AVERAGE_POOL_2D",
    "MAX_POOL_2D",
}
"""Operators that apply an activation themselves."""


def finished(subgraph: Subgraph) -> Graph:
    """The model file without operators and tensors that nothing needs, and with activations where they are applied."""
    fused = subgraph.replaced(operators=_with_activations(subgraph, _needed(subgraph)))
    graph = Graph(subgraphs=[fused], description="made from a WebNN program", metadata=[], signatures=[])
    return without_unused_tensors(graph)


def _needed(subgraph: Subgraph) -> list[Operator]:
    wanted = set(subgraph.outputs)
    kept = []
    for operator in reversed(subgraph.operators):
        if not wanted.isdisjoint(operator.outputs):
            kept.append(operator)
            wanted.update(operator.inputs)
    return kept[::-1]


def _with_activations(subgraph: Subgraph, operators: list[Operator]) -> list[Operator]:
    """An activation of what nothing else reads is applied by the operator that writes it."""
    uses = Counter(tensor for operator in operators for tensor in operator.inputs)
    uses.update(subgraph.outputs)
    places: dict[int, int] = {}  # tensor -> place of the operator that writes it
    fused: list[Operator] = []
    for operator in operators:
        source = operator.inputs[0]
        place = places.get(source) if operator.name in _ACTIVATIONS and uses[source] == 1 else None
        if place is None or not _takes_activation(subgraph, fused[place]):
            places.update(dict.fromkeys(operator.outputs, len(fused)))
            fused.append(operator)
            continue
        fused[place] = activated(fused[place], _ACTIVATIONS[operator.name]).replaced(outputs=operator.outputs)
        places[operator.outputs[0]] = place
    return fused


def _takes_activation(subgraph: Subgraph, operator: Operator) -> bool:
    """Of real numbers: quantized ones were given theirs when they were made."""
    output = subgraph.tensors[operator.outputs[0]]
    return operator.name in _FUSE and output.type.name == "FLOAT32" and takes_activation(operator)


def takes_activation(operator: Operator) -> bool:
    """Whether an operator could apply an activation, and does not yet."""
    return getattr(operator.options, "fused_activation_function", None) == ActivationFunction.NONE


def activated(operator: Operator, activation: ActivationFunction) -> Operator:
    """An operator that applies an activation itself."""
    assert operator.options is not None
    return operator.replaced(options=operator.options.replaced(fused_activation_function=activation))
