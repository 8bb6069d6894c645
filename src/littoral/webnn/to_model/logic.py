"""Comparisons and logic: what is true is 1 in uint8."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from littoral.tflite.options.elementwise import AbsOptions
from littoral.webnn.program import Call
from littoral.webnn.to_model import kernels
from littoral.webnn.to_model.emitter import Emitter
from littoral.webnn.to_model.kernels import Binary
from littoral.webnn.to_model.types import BOOL, U8, ordered, widened

if TYPE_CHECKING:
    from littoral.webnn.to_model import Lowering


def _comparison(kernel: Binary) -> Lowering:
    def lowering(emitter: Emitter, call: Call) -> int:
        a, b = (ordered(emitter, emitter.take(call.arguments[name])) for name in "ab")
        return emitter.cast(kernel(emitter, a, b), U8)

    return lowering


def _equality(kernel: Binary) -> Lowering:
    def lowering(emitter: Emitter, call: Call) -> int:
        a, b = (widened(emitter, emitter.take(call.arguments[name])) for name in "ab")
        return emitter.cast(kernel(emitter, a, b), U8)

    return lowering


def _logic(kernel: Binary) -> Lowering:
    def lowering(emitter: Emitter, call: Call) -> int:
        a, b = (emitter.cast(emitter.take(call.arguments[name]), BOOL) for name in "ab")
        return emitter.cast(kernel(emitter, a, b), U8)

    return lowering


def _not(emitter: Emitter, call: Call) -> int:
    return emitter.cast(kernels.negation(emitter, emitter.cast(emitter.take(call.arguments["a"]), BOOL)), U8)


def _is_nan(emitter: Emitter, call: Call) -> int:
    x = emitter.take_float(call.arguments["a"])
    return emitter.cast(kernels.not_equal(emitter, x, x), U8)


def _is_infinite(emitter: Emitter, call: Call) -> int:
    x = emitter.take_float(call.arguments["a"])
    size = emitter.apply("ABS", (x,), AbsOptions())
    return emitter.cast(kernels.equal(emitter, size, emitter.number(np.inf)), U8)


LOWERINGS: dict[str, Lowering] = {
    "equal": _equality(kernels.equal),
    "notEqual": _equality(kernels.not_equal),
    "greater": _comparison(kernels.greater),
    "greaterOrEqual": _comparison(kernels.greater_equal),
    "lesser": _comparison(kernels.less),
    "lesserOrEqual": _comparison(kernels.less_equal),
    "logicalAnd": _logic(kernels.both),
    "logicalOr": _logic(kernels.either),
    "logicalXor": _logic(kernels.not_equal),
    "logicalNot": _not,
    "isNaN": _is_nan,
    "isInfinite": _is_infinite,
}
