"""Element by element: arithmetic, elementary functions, casts, choices."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from littoral.tflite import TensorType
from littoral.tflite.options.elementwise import AbsOptions, CosOptions, NegOptions, SignOptions
from littoral.tflite.wire import Table
from littoral.webnn.program import Call
from littoral.webnn.to_model import integers
from littoral.webnn.to_model.emitter import NUMPY, TYPES, Emitter
from littoral.webnn.to_model.kernels import (
    add,
    divide,
    exponential,
    gelu,
    greater,
    logarithm,
    maximum,
    minimum,
    multiply,
    power,
    select,
    square_root,
    subtract,
)
from littoral.webnn.to_model.types import BOOL, F32, I64, U64, from_ordered, ordered, widened

if TYPE_CHECKING:
    from littoral.webnn.to_model import Lowering

Binary = Callable[[Emitter, int, int], int]
Unary = Callable[[Emitter, int], int]


def _modular(kernel: Binary) -> Lowering:
    """Sums and products: of integers they wrap around, whatever they are computed in."""

    def lowering(emitter: Emitter, call: Call) -> int:
        a, b = (widened(emitter, emitter.take(call.arguments[name])) for name in "ab")
        return emitter.give(call, kernel(emitter, a, b))

    return lowering


def _ordering(kernel: Binary) -> Lowering:
    """The larger or smaller of two."""

    def lowering(emitter: Emitter, call: Call) -> int:
        a, b = (emitter.take(call.arguments[name]) for name in "ab")
        return from_ordered(emitter, kernel(emitter, ordered(emitter, a), ordered(emitter, b)), emitter.type(a))

    return lowering


def _div(emitter: Emitter, call: Call) -> int:
    a, b = (emitter.take(call.arguments[name]) for name in "ab")
    if emitter.type(a) == U64:
        return integers.divide_unsigned(emitter, a, b)
    a, b = widened(emitter, a), widened(emitter, b)
    by_type = {F32: divide, I64: integers.divide}
    return emitter.give(call, by_type.get(emitter.type(a), integers.divide_small)(emitter, a, b))


def _pow(emitter: Emitter, call: Call) -> int:
    a, b = (emitter.take_float(call.arguments[name]) for name in "ab")
    if emitter.type(a) == F32:
        return emitter.give(call, power(emitter, a, b))
    return emitter.give(call, integers.power(emitter, emitter.cast(a, I64), emitter.cast(b, I64)))


def unary(compute: Unary) -> Lowering:
    """A function of one float tensor, computed in float32."""

    def lowering(emitter: Emitter, call: Call) -> int:
        return emitter.give(call, compute(emitter, emitter.take_float(call.arguments["input"])))

    return lowering


def _kernel(name: str, options: Callable[[], Table] | None = None) -> Lowering:
    return unary(lambda emitter, x: emitter.apply(name, (x,), options() if options else None))


def _tan(emitter: Emitter, x: int) -> int:
    sine, cosine = emitter.apply("SIN", (x,)), emitter.apply("COS", (x,), CosOptions())
    return divide(emitter, sine, cosine)


def _erf(emitter: Emitter, x: int) -> int:
    """erf(x) = gelu(y) * 2 / y - 1 where y = x * sqrt(2); beyond 4 it is 1 in float32, and near 0 a line."""
    limited = minimum(emitter, emitter.number(4.0), maximum(emitter, emitter.number(-4.0), x))
    y = multiply(emitter, limited, emitter.number(2**0.5))
    far = subtract(
        emitter,
        divide(emitter, gelu(emitter, add(emitter, y, emitter.number(0.0))), multiply(emitter, y, emitter.number(0.5))),
        emitter.number(1.0),
    )
    near = multiply(emitter, x, emitter.number(2 / np.pi**0.5))
    is_far = greater(emitter, emitter.apply("ABS", (x,), AbsOptions()), emitter.number(2.0**-11))
    return select(emitter, is_far, far, near)


def _abs(emitter: Emitter, call: Call) -> int:
    x = widened(emitter, emitter.take(call.arguments["input"]))
    if emitter.type(x) == I64:
        return maximum(emitter, x, emitter.apply("NEG", (x,), NegOptions()))
    return emitter.give(call, emitter.apply("ABS", (x,), AbsOptions()))


def _neg(emitter: Emitter, call: Call) -> int:
    x = widened(emitter, emitter.take(call.arguments["input"]))
    return emitter.give(call, emitter.apply("NEG", (x,), NegOptions()))


def _sign(emitter: Emitter, call: Call) -> int:
    x = widened(emitter, emitter.take(call.arguments["input"]))
    if emitter.type(x) == I64:
        return integers.sign(emitter, x)
    return emitter.give(call, emitter.apply("SIGN", (x,), SignOptions()))


def _relu(emitter: Emitter, call: Call) -> int:
    x = widened(emitter, emitter.take(call.arguments["input"]))
    if emitter.type(x) == F32 or emitter.quantizing:
        return emitter.give(call, emitter.apply("RELU", (x,)))
    return emitter.give(call, maximum(emitter, emitter.number(0, emitter.type(x)), x))


_LIMITS = {(0.0, np.inf): "RELU", (0.0, 6.0): "RELU6", (-1.0, 1.0): "RELU_N1_TO_1", (0.0, 1.0): "RELU_0_TO_1"}


def limit(emitter: Emitter, x: int, low: float, high: float) -> int:
    """A float32 tensor with what lies outside limits moved to them; NaN stays."""
    if name := _LIMITS.get((low, high)):
        return emitter.apply(name, (x,))
    if low > -np.inf:
        x = maximum(emitter, emitter.number(low), x)
    return minimum(emitter, emitter.number(high), x) if high < np.inf else x


def _clamp(emitter: Emitter, call: Call) -> int:
    x = emitter.take(call.arguments["input"])
    low, high = call.options.get("minValue", -np.inf), call.options.get("maxValue", np.inf)
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    if emitter.quantizing:
        return emitter.apply(_LIMITS[low, high], (x,))
    type_ = emitter.type(x)
    dtype = np.dtype(NUMPY[type_])
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            low, high = (float(dtype.type(value)) for value in (low, high))
        return emitter.give(call, limit(emitter, emitter.take_float(call.arguments["input"]), low, high))
    info = np.iinfo(dtype)
    y = ordered(emitter, x)
    for bound, kernel in ((low, maximum), (high, minimum)):
        if info.min < bound < info.max:
            edge = emitter.constant(np.array(round(bound), dtype))  # halves to even, as the standard casts
            y = kernel(emitter, y, ordered(emitter, edge))
    return from_ordered(emitter, y, type_)


def _cast(emitter: Emitter, call: Call) -> int:
    x, type_ = emitter.take(call.arguments["input"]), TYPES[str(call.arguments["dataType"])]
    if emitter.value(x) is None:
        if emitter.type(x) == U64 and type_ in _FLOATING:
            return emitter.cast(integers.float_of_unsigned(emitter, x), type_)
        if emitter.type(x) in _FLOATING and type_ == U64:
            return integers.unsigned_of_float(emitter, emitter.cast(x, F32))
    return emitter.cast(x, type_)


_FLOATING = {F32, TensorType.FLOAT16}


def _where(emitter: Emitter, call: Call) -> int:
    condition = emitter.cast(emitter.take(call.arguments["condition"]), BOOL)
    return select(emitter, condition, *(emitter.take(call.arguments[name]) for name in ("trueValue", "falseValue")))


LOWERINGS: dict[str, Lowering] = {
    "add": _modular(add),
    "sub": _modular(subtract),
    "mul": _modular(multiply),
    "div": _div,
    "pow": _pow,
    "max": _ordering(maximum),
    "min": _ordering(minimum),
    "abs": _abs,
    "neg": _neg,
    "sign": _sign,
    "relu": _relu,
    "ceil": _kernel("CEIL"),
    "floor": _kernel("FLOOR"),
    "roundEven": _kernel("ROUND"),
    "sin": _kernel("SIN"),
    "cos": _kernel("COS", CosOptions),
    "tan": unary(_tan),
    "sqrt": unary(square_root),
    "exp": unary(exponential),
    "log": unary(logarithm),
    "erf": unary(_erf),
    "reciprocal": unary(lambda emitter, x: divide(emitter, emitter.number(1.0), x)),
    "clamp": _clamp,
    "cast": _cast,
    "where": _where,
}
