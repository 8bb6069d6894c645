"""One operation at a time, as a program, as a model file, as numbers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from littoral.runtime import load
from littoral.webnn.idl import signatures
from littoral.webnn.program import Array, Call, Descriptor, Program, Ref
from littoral.webnn.rules import complete
from littoral.webnn.to_model import lower


def program_of(operation: str, known: Collection[str] = (), **given: Any) -> Program:
    """A program of one call.

    Args:
        operation: As the standard spells it.
        known: Those of its operands that are constants; the others are inputs, by their names.
        given: Arguments and options by the standard's names: arrays are operands, lists of arrays become lists of them.
    """
    operands: list[Array] = []
    names: list[str] = []

    def value_of(name: str, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            operands.append(value)
            names.append(name)
            return Ref(len(operands) - 1)
        if isinstance(value, list | tuple):
            return tuple(value_of(f"{name}{n}", each) for n, each in enumerate(value))
        return value

    values = {name: value_of(name, value) for name, value in given.items()}
    takes = {parameter.name for parameter in signatures()[operation].arguments}
    described = [Descriptor(value.dtype.name, value.shape) for value in operands]
    done = complete(
        operation,
        {name: value for name, value in values.items() if name in takes},
        {name: value for name, value in values.items() if name not in takes},
        lambda ref: described[ref.operand],
    )
    outputs = tuple(range(len(described), len(described) + len(done.outputs)))
    return Program(
        operands=(*described, *done.outputs),
        inputs={name: n for n, name in enumerate(names) if name not in known},
        constants={n: np.asarray(operands[n], order="C") for n, name in enumerate(names) if name in known},
        calls=(Call(operation, done.arguments, done.options, outputs),),
        outputs={f"output{n}": operand for n, operand in enumerate(outputs)},
    )


def run(program: Program, values: dict[str, Any], device: str = "cpu") -> list[Array]:
    """The outputs of a program in order, for values of its inputs by name."""
    with load(lower(program), device) as model:
        results = model({name: values[name] for name in program.inputs}, raw=True)
    found = results if isinstance(results, dict) else {"output0": results}
    return [np.asarray(found[name]) for name in program.outputs]


def compute(operation: str, known: Collection[str] = (), **given: Any) -> list[Array]:
    """What an operation gives, by way of a model file; arguments as those of `program_of`."""
    program = program_of(operation, known, **given)
    listed = {
        f"{name}{n}": each
        for name, value in given.items()
        if isinstance(value, list | tuple)
        for n, each in enumerate(value)
    }
    return run(program, {**given, **listed})


def operators(operation: str, known: Collection[str] = (), **given: Any) -> list[str]:
    """The operators that an operation becomes."""
    return [operator.name for operator in lower(program_of(operation, known, **given)).main.operators]


def bits(seed: int, data_type: str, shape: tuple[int, ...]) -> Array:
    """Any bits at all as an array: of floats, NaN and infinities too."""
    dtype = np.dtype(data_type)
    count = int(np.prod(shape, dtype=np.int64))
    return np.random.default_rng(seed).integers(0, 256, count * dtype.itemsize, np.uint8).view(dtype).reshape(shape)


def same(found: Array, wanted: Array) -> bool:
    """Whether arrays agree in type, shape, and every bit."""
    return (found.dtype, found.shape, found.tobytes()) == (wanted.dtype, wanted.shape, wanted.tobytes())
