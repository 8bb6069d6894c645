"""Activations."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from littoral.tflite.options.activation import HardSwishOptions, LeakyReluOptions
from littoral.tflite.options.elementwise import AbsOptions, NegOptions
from littoral.webnn.program import Call
from littoral.webnn.to_model.elementwise import limit, unary
from littoral.webnn.to_model.emitter import Emitter
from littoral.webnn.to_model.kernels import (
    add,
    divide,
    exponential,
    gelu,
    maximum,
    minimum,
    multiply,
)
from littoral.webnn.to_model.moves import real
from littoral.webnn.to_model.types import F32, widened

if TYPE_CHECKING:
    from littoral.webnn.to_model import Lowering


def line(emitter: Emitter, x: int, alpha: float, beta: float) -> int:
    """Alpha * x + beta."""
    if alpha != 1:
        x = multiply(emitter, x, emitter.number(alpha))
    return x if beta == 0 else add(emitter, x, emitter.number(beta))


def elu(emitter: Emitter, x: int, alpha: float) -> int:
    """X above 0, alpha * (e ** x - 1) below."""
    if alpha == 1:
        return emitter.apply("ELU", (x,))
    below = emitter.apply("ELU", (minimum(emitter, emitter.number(0.0), x),))
    return add(emitter, emitter.apply("RELU", (x,)), multiply(emitter, below, emitter.number(alpha)))


def leaky_relu(emitter: Emitter, x: int, alpha: float) -> int:
    """X above 0, alpha * x below."""
    return emitter.apply("LEAKY_RELU", (x,), LeakyReluOptions(alpha=alpha))


def hard_sigmoid(emitter: Emitter, x: int, alpha: float, beta: float) -> int:
    """Alpha * x + beta, between 0 and 1."""
    return limit(emitter, line(emitter, x, alpha, beta), 0.0, 1.0)


def softplus(emitter: Emitter, x: int) -> int:
    """log(1 + e ** x) = max(x, 0) + log(1 + u) where u = e ** -|x|.

    XNNPACK's logarithm is coarse near 1: log(1 + u) is 2 artanh(s) where s = u / (2 + u), at most 1/3, by its series.
    """
    small = exponential(emitter, emitter.apply("NEG", (emitter.apply("ABS", (x,), AbsOptions()),), NegOptions()))
    s = divide(emitter, small, add(emitter, small, emitter.number(2.0)))
    square = multiply(emitter, s, s)
    series = emitter.number(2 / _TERMS[0])
    for power in _TERMS[1:]:
        series = add(emitter, multiply(emitter, series, square), emitter.number(2 / power))
    return add(emitter, emitter.apply("RELU", (x,)), multiply(emitter, series, s))


_TERMS = range(15, 0, -2)
"""Powers of the series; what is left out is less than the last digit of float32."""


def softsign(emitter: Emitter, x: int) -> int:
    """X / (1 + |x|)."""
    return divide(emitter, x, add(emitter, emitter.apply("ABS", (x,), AbsOptions()), emitter.number(1.0)))


def _with(compute: Callable[..., int], *names: str) -> Lowering:
    def lowering(emitter: Emitter, call: Call) -> int:
        options = [real(call, name) for name in names]
        return emitter.give(call, compute(emitter, emitter.take_float(call.arguments["input"]), *options))

    return lowering


def _prelu(emitter: Emitter, call: Call) -> int:
    x, slope = (widened(emitter, emitter.take(call.arguments[name])) for name in ("input", "slope"))
    if _fits_kernel(emitter, x, slope):
        channels = emitter.reshape(slope, emitter.shape(slope)[-1:])
        return emitter.give(call, emitter.emit("PRELU", (x, channels), emitter.shape(x)))
    zero = emitter.number(0, emitter.type(x))
    below = multiply(emitter, slope, minimum(emitter, zero, x))
    return emitter.give(call, add(emitter, maximum(emitter, zero, x), below))


def _fits_kernel(emitter: Emitter, x: int, slope: int) -> bool:
    """Whether there is one constant slope a channel."""
    known = emitter.value(slope)
    shape = emitter.shape(x)
    return (
        emitter.type(x) == F32 and known is not None and bool(shape) and known.shape[-1:] == shape[-1:] == (known.size,)
    )


LOWERINGS: dict[str, Lowering] = {
    "elu": _with(elu, "alpha"),
    "gelu": unary(gelu),
    "hardSigmoid": _with(hard_sigmoid, "alpha", "beta"),
    "hardSwish": unary(lambda emitter, x: emitter.apply("HARD_SWISH", (x,), HardSwishOptions())),
    "leakyRelu": _with(leaky_relu, "alpha"),
    "linear": _with(line, "alpha", "beta"),
    "prelu": _prelu,
    "sigmoid": unary(lambda emitter, x: emitter.apply("LOGISTIC", (x,))),
    "softplus": unary(softplus),
    "softsign": unary(softsign),
    "tanh": unary(lambda emitter, x: emitter.apply("TANH", (x,))),
}
