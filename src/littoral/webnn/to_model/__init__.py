"""A program as a model file: each operation by what LiteRT has kernels for, and what those lack decomposed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from littoral.tflite import Graph
from littoral.webnn.errors import NotSupportedError
from littoral.webnn.program import Call, Program
from littoral.webnn.to_model.emitter import Emitter

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
    lowerings = _lowerings()
    for call in program.calls:
        lowering = lowerings.get(call.operation)
        if lowering is None:
            raise NotSupportedError(f"{call.operation} cannot be computed by LiteRT")
        made = lowering(emitter, call)
        emitter.put(call, (made,) if isinstance(made, int) else made)
    return Graph(subgraphs=[emitter.finish()], description="made from a WebNN program", metadata=[], signatures=[])


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
        recurrent,
        reduction,
        resample,
        reshaping,
        slicing,
    )

    modules = (
        *(activation, convolution, elementwise, gather, logic, matrices, normalization),
        *(pooling, recurrent, reduction, resample, reshaping, slicing),
    )
    return {name: lowering for module in modules for name, lowering in module.LOWERINGS.items()}
