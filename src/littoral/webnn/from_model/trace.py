"""Lowering operator by operator, keeping account of what each became."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from littoral.tflite import Graph, Operator
from littoral.webnn.errors import OperandError
from littoral.webnn.from_model import (
    convolution,
    elementwise,
    gathering,
    recurrent,
    reduction,
    resizing,
    shaping,
    slicing,
)
from littoral.webnn.from_model.elementwise import Lowering
from littoral.webnn.from_model.folding import folded
from littoral.webnn.from_model.node import Node
from littoral.webnn.from_model.recorder import Recorder
from littoral.webnn.from_model.unmapped import Unmapped, unknown
from littoral.webnn.program import Call


@dataclass(frozen=True)
class Traced:
    """What became of one operator.

    Attributes:
        operator: Its index in the subgraph.
        name: As in "CONV_2D".
        calls: What it became; none where its result is known beforehand, or it does not map.
        refusal: Why it does not map.
    """

    operator: int
    name: str
    calls: tuple[Call, ...]
    refusal: Unmapped | None = None


class Trace(NamedTuple):
    """A program that is made, and what became of each operator."""

    recorder: Recorder
    operators: tuple[Traced, ...]


def trace(graph: Graph, inputs: Sequence[int], subgraph: int, operators: Sequence[int]) -> Trace:
    """Lowers operators in their order; what one that does not map would make is given to those behind it.

    Args:
        graph: The model file.
        inputs: Tensors that are given at each run.
        subgraph: By index.
        operators: By index.

    Raises:
        Unmapped: An input has no counterpart.
    """
    whole = graph.subgraphs[subgraph]
    recorder = Recorder(whole)
    for tensor in inputs:
        recorder.given(tensor)
    traced = []
    for index in sorted(set(operators)):
        before = len(recorder.calls)
        refusal = _lower(recorder, whole.operators[index])
        calls = () if refusal else tuple(recorder.calls[before:])
        traced.append(Traced(index, whole.operators[index].name, calls, refusal))
    return Trace(recorder, tuple(traced))


def _lower(recorder: Recorder, operator: Operator) -> Unmapped | None:
    """Lowers one operator; why not, where it cannot be."""
    try:
        with np.errstate(all="ignore"):
            _record(Node(recorder, operator))
    except Unmapped as refusal:
        return refusal
    except OperandError as error:
        return Unmapped(error.cause, error.remedy)
    except (IndexError, OverflowError, TypeError, ValueError, ZeroDivisionError) as error:  # a file that makes no sense
        return Unmapped(f"its tensors or options contradict each other: {error}", "Convert the model again")
    return None


def _record(node: Node) -> None:
    known = folded(node)
    if known is not None:
        node.put(*known)
    elif node.name in _lowerings():
        _lowerings()[node.name](node)
    else:
        raise unknown(node.name)


@cache
def _lowerings() -> dict[str, Lowering]:
    modules = (convolution, elementwise, gathering, recurrent, reduction, resizing, shaping, slicing)
    return {name: lowering for module in modules for name, lowering in module.LOWERINGS.items()}
