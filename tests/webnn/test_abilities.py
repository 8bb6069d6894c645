"""What opSupportLimits says, contexts do: each operation compiles and runs with each type and rank that it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from littoral import webnn
from littoral.webnn.idl import Parameter, Signature, signatures
from littoral.webnn.limits import own_limits
from littoral.webnn.program import DTYPES

# Shapes of operands that are not that of the first one, of sides of 2.
SHAPES: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    "batchNormalization": dict.fromkeys(("mean", "variance", "scale", "bias"), (2,)),
    "conv2d": {"input": (1, 2, 3, 3), "filter": (2, 2, 2, 2), "bias": (2,)},
    "convTranspose2d": {"input": (1, 2, 3, 3), "filter": (2, 2, 2, 2), "bias": (2,)},
    "gather": {"indices": (2,)},
    "gatherND": {"indices": (2, 1)},
    "gru": {"input": (2, 1, 3), "weight": (1, 6, 3), "recurrentWeight": (1, 6, 2), "initialHiddenState": (1, 1, 2)}
    | dict.fromkeys(("bias", "recurrentBias"), (1, 6)),
    "gruCell": {"input": (1, 3), "weight": (6, 3), "recurrentWeight": (6, 2), "hiddenState": (1, 2)}
    | dict.fromkeys(("bias", "recurrentBias"), (6,)),
    "instanceNormalization": {"scale": (2,), "bias": (2,)},
    "lstm": {"input": (2, 1, 3), "weight": (1, 8, 3), "recurrentWeight": (1, 8, 2), "peepholeWeight": (1, 6)}
    | dict.fromkeys(("bias", "recurrentBias"), (1, 8))
    | dict.fromkeys(("initialHiddenState", "initialCellState"), (1, 1, 2)),
    "lstmCell": {"input": (1, 3), "weight": (8, 3), "recurrentWeight": (8, 2), "peepholeWeight": (6,)}
    | dict.fromkeys(("bias", "recurrentBias"), (8,))
    | dict.fromkeys(("hiddenState", "cellState"), (1, 2)),
    "scatterND": {"indices": (1, 1)},
}


def _shape(operation: str, operand: str, rank: int) -> tuple[int, ...]:
    same = (2,) * rank
    if operation == "scatterND" and operand == "updates":
        return (1, *same[1:])
    if operation == "layerNormalization" and operand != "input":
        return same[1:]
    return SHAPES.get(operation, {}).get(operand, same)


def _settings(operation: str, rank: int) -> dict[str, Any]:
    """Arguments that are no operands, and options without which a call would break a rule."""
    axis = {
        name: {"axis": 0} for name in ("argMin", "argMax", "batchNormalization", "concat", "cumulativeSum", "softmax")
    }
    steps = {"gru": {"steps": 2}, "lstm": {"steps": 2}}
    hidden = {name: {"hiddenSize": 2} for name in ("gru", "lstm", "gruCell", "lstmCell")}
    shapes = {name: {"newShape": [2] * rank} for name in ("expand", "reshape")}
    others: dict[str, dict[str, Any]] = {
        "cast": {"dataType": "int32"},
        "pad": {"beginningPadding": [1] * rank, "endingPadding": [0] * rank},
        "slice": {"starts": [0] * rank, "sizes": [1] * rank},
        "split": {"splits": 2},
        "tile": {"repetitions": [2] * rank},
    }
    groups: list[Mapping[str, Mapping[str, Any]]] = [axis, steps, hidden, shapes, others]
    return {name: value for group in groups for name, value in group.get(operation, {}).items()}


def _run(context: webnn.MLContext, signature: Signature, types: Mapping[str, str], rank: int) -> None:
    builder = webnn.MLGraphBuilder(context)
    values: dict[str, Any] = {}

    def operand(parameter: Parameter, suffix: str = "") -> webnn.MLOperand:
        kind = types[parameter.name]
        shape = _shape(signature.operation, parameter.name, rank)
        fill = np.zeros if parameter.name == "indices" else np.ones
        values[parameter.name + suffix] = fill(shape, DTYPES[kind])
        return builder.input(parameter.name + suffix, {"dataType": kind, "shape": shape})

    named = {
        each.name: operand(each) if each.kind == "operand" else [operand(each, "0"), operand(each, "1")]
        for each in signature.operands
    }
    made = getattr(builder, signature.operation)(**named, **_settings(signature.operation, rank))
    outputs = {f"y{n}": each for n, each in enumerate(made if isinstance(made, list) else [made])}
    graph = builder.build(outputs)
    for name, found in graph.run(values).items():
        assert (found.dtype.name, found.shape) == (outputs[name].data_type, outputs[name].shape)
    graph.destroy()


def _cases(signature: Signature) -> Iterator[tuple[dict[str, str], int]]:
    """Types of all operands and the rank of the first: each type at the smallest and largest, the first type at all."""
    limits = own_limits().operations[signature.operation]
    first = next(signature.operands)
    least, most = limits[first.name].least_rank, limits[first.name].most_rank
    for each in signature.operands:
        for kind in each.types:
            for rank in {least, most} if each.types.index(kind) else range(least, most + 1):
                yield _types(signature, {each.name: kind}), rank


def _types(signature: Signature, chosen: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in signature.operands:
        found[each.name] = chosen.get(each.name) or found.get(each.same_type) or each.types[0]
    return found


@pytest.mark.parametrize("operation", sorted(signatures()))
def test_what_the_limits_name_runs(context: webnn.MLContext, operation: str) -> None:
    for types, rank in _cases(signatures()[operation]):
        _run(context, signatures()[operation], types, rank)
