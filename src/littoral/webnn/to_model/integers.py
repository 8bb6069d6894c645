"""What LiteRT's kernels lack of integers: 64 bits, and division and powers that never fail."""

from __future__ import annotations

from math import prod

import numpy as np

from littoral.tflite.options.elementwise import NegOptions, RightShiftOptions
from littoral.tflite.options.reduction import ReducerOptions
from littoral.webnn.to_model.emitter import Emitter
from littoral.webnn.to_model.kernels import (
    add,
    both,
    equal,
    floor_modulo,
    greater,
    greater_equal,
    less,
    multiply,
    not_equal,
    select,
    subtract,
)
from littoral.webnn.to_model.kernels import divide as kernel_divide
from littoral.webnn.to_model.types import F32, I64, U32, U64, turned


def _not_zero(emitter: Emitter, b: int) -> int:
    """A divisor with 1 in place of 0, for which kernels fail."""
    value = emitter.value(b)
    if value is not None and value.all():
        return b
    zero, one = emitter.number(0, emitter.type(b)), emitter.number(1, emitter.type(b))
    return select(emitter, equal(emitter, b, zero), one, b)


def divide_small(emitter: Emitter, a: int, b: int) -> int:
    """A / b in int32, towards zero; division by 0 gives a."""
    return kernel_divide(emitter, a, _not_zero(emitter, b))


def divide(emitter: Emitter, a: int, b: int) -> int:
    """Quotients in int64, towards zero; division by 0 gives what was to be divided.

    Of a without its remainder, which b divides, three quotients in float32 of 24 bits each make all 64.
    """
    zero, one, minus_one = (emitter.number(value, I64) for value in (0, 1, -1))
    by_minus_one = equal(emitter, b, minus_one)  # the processor fails for the smallest integer
    safe = select(emitter, by_minus_one, one, _not_zero(emitter, b))
    modulo = floor_modulo(emitter, a, safe)  # with the sign of b; the remainder has that of a
    signs = not_equal(emitter, less(emitter, a, zero), less(emitter, safe, zero))
    other = both(emitter, not_equal(emitter, modulo, zero), signs)
    remainder = select(emitter, other, subtract(emitter, modulo, safe), modulo)
    left = subtract(emitter, a, remainder)
    quotient = _rounded_quotient(emitter, left, safe)
    for _ in range(2):
        rest = subtract(emitter, left, multiply(emitter, quotient, safe))
        quotient = add(emitter, quotient, _rounded_quotient(emitter, rest, safe))
    return select(emitter, by_minus_one, emitter.apply("NEG", (a,), NegOptions()), quotient)


def _rounded_quotient(emitter: Emitter, a: int, b: int) -> int:
    quotient = kernel_divide(emitter, emitter.cast(a, F32), emitter.cast(b, F32))
    return emitter.cast(emitter.apply("ROUND", (quotient,)), I64)


def divide_unsigned(emitter: Emitter, a: int, b: int) -> int:
    """A / b in uint64; division by 0 gives a.

    Half of a is divided as int64, and what is left compared once more; by half of the range and more, it is 0 or 1.
    """
    zero, one = emitter.number(0, I64), emitter.number(1, I64)
    smaller = less(emitter, turned(emitter, emitter.bitcast(a, I64)), turned(emitter, emitter.bitcast(b, I64)))
    at_least = emitter.cast(equal(emitter, emitter.cast(smaller, I64), zero), I64)
    signed_a, signed_b = emitter.bitcast(a, I64), emitter.bitcast(b, I64)
    large = less(emitter, signed_b, zero)
    divisor = select(emitter, large, one, _not_zero(emitter, signed_b))
    half = divide(emitter, _halved(emitter, a), divisor)
    quotient = add(emitter, half, half)
    rest = subtract(emitter, signed_a, multiply(emitter, quotient, divisor))
    too_much = greater_equal(emitter, turned(emitter, rest), turned(emitter, divisor))
    quotient = add(emitter, quotient, emitter.cast(too_much, I64))
    return emitter.bitcast(select(emitter, large, at_least, quotient), U64)


def power(emitter: Emitter, a: int, b: int) -> int:
    """A ** b in int64, wrapping around; by a negative exponent 1 / a ** -b towards zero.

    The exponent's six lowest bits say which squares are multiplied: of larger ones only -1, 0 and 1 stay in range,
    for which 62 or 63 does as well.
    """
    one, zero = emitter.number(1, I64), emitter.number(0, I64)
    odd = floor_modulo(emitter, b, emitter.number(2, I64))
    large = add(emitter, emitter.number(62, I64), odd)
    negative = less(emitter, b, zero)
    exponent = select(
        emitter, both(emitter, less(emitter, b, emitter.number(64, I64)), greater_equal(emitter, b, zero)), b, large
    )
    result, square = one, a
    for bit in range(6):
        below = floor_modulo(emitter, exponent, emitter.number(2 << bit, I64))
        is_set = greater_equal(emitter, below, emitter.number(1 << bit, I64))
        result = multiply(emitter, result, select(emitter, is_set, square, one))
        square = multiply(emitter, square, square)
    is_unit = both(emitter, less(emitter, a, emitter.number(2, I64)), greater(emitter, a, emitter.number(-2, I64)))
    return select(emitter, both(emitter, negative, equal(emitter, emitter.cast(is_unit, I64), zero)), zero, result)


def sign(emitter: Emitter, x: int) -> int:
    """Of int64."""
    zero = emitter.number(0, I64)
    positive, negative = greater(emitter, x, zero), less(emitter, x, zero)
    return subtract(emitter, emitter.cast(positive, I64), emitter.cast(negative, I64))


def float_of_unsigned(emitter: Emitter, x: int) -> int:
    """A uint64 tensor in float32, rounded to the nearest.

    The larger ones are rounded at half their size, whose lowest bit says whether anything below it was set.
    """
    signed, one = emitter.bitcast(x, I64), emitter.number(1, I64)
    half = _halved(emitter, x)
    lowest, odd = (floor_modulo(emitter, value, emitter.number(2, I64)) for value in (signed, half))
    sticky = add(emitter, half, multiply(emitter, lowest, subtract(emitter, one, odd)))
    large = multiply(emitter, emitter.cast(sticky, F32), emitter.number(2.0))
    return select(emitter, less(emitter, signed, emitter.number(0, I64)), large, emitter.cast(signed, F32))


def unsigned_of_float(emitter: Emitter, x: int) -> int:
    """A float32 tensor as uint64, towards zero."""
    half = emitter.number(2.0**63)
    upper = turned(emitter, emitter.cast(subtract(emitter, x, half), I64))
    return emitter.bitcast(select(emitter, less(emitter, x, half), emitter.cast(x, I64), upper), U64)


def _halved(emitter: Emitter, x: int) -> int:
    """Half of a uint64 tensor, rounded down, in int64."""
    count = prod(emitter.shape(x))
    words = emitter.bitcast(emitter.reshape(x, (count,)), U32, (count, 2))  # the lower one first
    shifts = emitter.broadcast(emitter.constant(np.array([1, 0], np.uint32)), (count, 2))
    words = emitter.emit("RIGHT_SHIFT", (words, shifts), (count, 2), None, RightShiftOptions())
    weighed = multiply(emitter, emitter.cast(words, I64), emitter.constant(np.array([1, 2**31], np.int64)))
    total = emitter.emit("SUM", (weighed, emitter.indices([1])), (count,), None, ReducerOptions())
    return emitter.reshape(total, emitter.shape(x))
