"""The kernels that decompositions are made of, as functions of tensors of types that they take."""

from __future__ import annotations

from collections.abc import Callable

from littoral.tflite.options.activation import GeluOptions
from littoral.tflite.options.elementwise import (
    AddOptions,
    DivOptions,
    EqualOptions,
    ExpOptions,
    FloorModOptions,
    GreaterEqualOptions,
    GreaterOptions,
    LessEqualOptions,
    LessOptions,
    LogicalAndOptions,
    LogicalNotOptions,
    LogicalOrOptions,
    MaximumMinimumOptions,
    MulOptions,
    NotEqualOptions,
    PowOptions,
    SelectV2Options,
    SubOptions,
)
from littoral.tflite.wire import Table
from littoral.webnn.to_model.emitter import Emitter
from littoral.webnn.to_model.types import BOOL

Binary = Callable[[Emitter, int, int], int]


def _binary(name: str, options: Callable[[], Table], truth: bool = False) -> Binary:
    def kernel(emitter: Emitter, a: int, b: int) -> int:
        return emitter.apply(name, (a, b), options(), BOOL if truth else None)

    kernel.__doc__ = f"{name} of two tensors that broadcast."
    return kernel


add = _binary("ADD", AddOptions)
subtract = _binary("SUB", SubOptions)
multiply = _binary("MUL", MulOptions)
divide = _binary("DIV", DivOptions)
power = _binary("POW", PowOptions)
floor_modulo = _binary("FLOOR_MOD", FloorModOptions)
maximum = _binary("MAXIMUM", MaximumMinimumOptions)
minimum = _binary("MINIMUM", MaximumMinimumOptions)
equal = _binary("EQUAL", EqualOptions, truth=True)
not_equal = _binary("NOT_EQUAL", NotEqualOptions, truth=True)
greater = _binary("GREATER", GreaterOptions, truth=True)
greater_equal = _binary("GREATER_EQUAL", GreaterEqualOptions, truth=True)
less = _binary("LESS", LessOptions, truth=True)
less_equal = _binary("LESS_EQUAL", LessEqualOptions, truth=True)
both = _binary("LOGICAL_AND", LogicalAndOptions, truth=True)
either = _binary("LOGICAL_OR", LogicalOrOptions, truth=True)


def negation(emitter: Emitter, x: int) -> int:
    """What a BOOL tensor is not."""
    return emitter.apply("LOGICAL_NOT", (x,), LogicalNotOptions())


def select(emitter: Emitter, condition: int, yes: int, no: int) -> int:
    """Of two tensors of one type, element by element by a BOOL tensor."""
    return emitter.apply("SELECT_V2", (condition, yes, no), SelectV2Options(), emitter.type(yes))


def exponential(emitter: Emitter, x: int) -> int:
    """E ** x; XNNPACK's kernel gives 0 for NaN, and its maximum gives the second of two where one is NaN."""
    return maximum(emitter, emitter.apply("EXP", (x,), ExpOptions()), x)


def logarithm(emitter: Emitter, x: int) -> int:
    """The natural one."""
    return emitter.apply("LOG", (x,))


def square_root(emitter: Emitter, x: int) -> int:
    """Of a float32 tensor."""
    return emitter.apply("SQRT", (x,))


def gelu(emitter: Emitter, x: int) -> int:
    """X * (1 + erf(x / sqrt(2))) / 2."""
    return emitter.apply("GELU", (x,), GeluOptions())
