"""A WebNN program: builder calls as plain values, and the weights. The waist between every front and every back.

MLGraphBuilder records one; lowering a model file makes one; a context lowers one to a model file; a page replays one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]

DTYPES: dict[str, np.dtype[Any]] = {
    name: np.dtype(name) for name in ("float32", "float16", "int32", "uint32", "int64", "uint64", "int8", "uint8")
}
"""The data types of operands, by the names of the standard (MLOperandDataType)."""


@dataclass(frozen=True)
class Ref:
    """An operand of the program, by its number."""

    operand: int


Value: TypeAlias = (
    Ref | tuple[Ref, ...] | bool | int | float | str | tuple[int, ...] | tuple[float, ...] | tuple[str, ...]
)
"""What an argument or option may be. What the standard leaves undefined is left out."""


@dataclass(frozen=True)
class Descriptor:
    """What an operand is (MLOperandDescriptor).

    Attributes:
        data_type: As in `DTYPES`.
        shape: Empty for a scalar.
    """

    data_type: str
    shape: tuple[int, ...]

    @property
    def dtype(self) -> np.dtype[Any]:
        """In numpy."""
        return DTYPES[self.data_type]


def titled(operation: str, label: str) -> str:
    """An operation and its label as errors name them: "conv2d 'first'", or "conv2d" where the label is empty."""
    return f"{operation} {label!r}" if label else operation


@dataclass(frozen=True)
class Call:
    """One call of a builder's method.

    Attributes:
        operation: The method, as the standard spells it: "conv2d".
        arguments: What it is called with, by the standard's names: {"input": Ref(0), "filter": Ref(1)}.
        options: The dictionary that is its last argument, by the standard's names: {"bias": Ref(2), "groups": 4}.
        outputs: The operands that it returns.
        label: What the person who made the call named it, for errors; may be empty.
    """

    operation: str
    arguments: Mapping[str, Value]
    options: Mapping[str, Value]
    outputs: tuple[int, ...]
    label: str = ""

    @property
    def title(self) -> str:
        """The call in an error: "conv2d 'first'"."""
        return titled(self.operation, self.label)


@dataclass(frozen=True)
class Program:
    """A graph as the calls that build it, in an order in which each operand is made before it is used.

    Attributes:
        operands: What each operand is.
        inputs: Operands that are given at each run, by name.
        constants: Operands that are known, as C-contiguous arrays of their type and shape.
        calls: What makes the others.
        outputs: Operands that are asked for, by name.
    """

    operands: tuple[Descriptor, ...]
    inputs: Mapping[str, int]
    constants: Mapping[int, Array]
    calls: tuple[Call, ...]
    outputs: Mapping[str, int]
