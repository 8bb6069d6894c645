"""A program as a model file: each operation by what LiteRT has kernels for, and what those lack decomposed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial

from littoral.tflite import Graph
from littoral.webnn.errors import NotSupportedError
from littoral.webnn.program import Call, Program
from littoral.webnn.to_model.emitter import Emitter
from littoral.webnn.to_model.finishing import finished
from littoral.webnn.to_model.patterns import Patterns, find
from littoral.webnn.to_model.quantized import fused

Lowering = Callable[[Emitter, Call], "Sequence[int] | int"]
"""Writes a call's operators; gives the tensors that it returns."""


def lower(program: Program) -> Graph:
    """The model file that computes a program; inputs and outputs have the program's names and types.

    Args:
        program: With all options filled in, as a builder records it.

    Raises:
        NotSupportedError: LiteRT cannot compute a call, which is named.
    """
    emitter = Emitter(program)
    patterns = find(program)
    for call in program.calls:
        lowered = partial(_lower_call, emitter, call, patterns)
        if patterns.inner.isdisjoint(call.outputs):
            lowered()
        else:
            emitter.defer(call, lowered)
    return finished(emitter.finish())


def _lower_call(emitter: Emitter, call: Call, patterns: Patterns) -> None:
    made: Sequence[int] | int | None = None
    if call.operation == "quantizeLinear" and (pattern := patterns.by_output.get(call.outputs[0])):
        made = fused(emitter, call, pattern, _lower)
    made = _lower(emitter, call) if made is None else made
    emitter.put(call, (made,) if isinstance(made, int) else made)


def _lower(emitter: Emitter, call: Call) -> Sequence[int] | int:
    lowering = _lowerings().get(call.operation)
    if lowering is None:
        raise NotSupportedError(f"{call.operation} cannot be computed by LiteRT")
    return lowering(emitter, call)


@cache
def _lowerings() -> dict[str, Lowering]:
    from littoral.webnn.to_model import (
        activation,
        convolution,
        elementwise,
        gather,
        logic,
        matrices,
        normalization,
        pooling,
        quantization,
        recurrent,
        reduction,
        resample,
        reshaping,
        slicing,
    )

    modules = (
        *(activation, convolution, elementwise, gather, logic, matrices, normalization),
        *(pooling, quantization, recurrent, reduction, resample, reshaping, slicing),
    )
    return {name: lowering for module in modules for name, lowering in module.LOWERINGS.items()}
