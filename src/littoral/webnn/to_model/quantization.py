"""quantizeLinear and dequantizeLinear by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from littoral.tflite.options.conversion import DequantizeOptions, QuantizeOptions
from littoral.webnn.program import Array, Call, Value
from littoral.webnn.to_model.emitter import NUMPY, TYPES, Emitter
from littoral.webnn.to_model.kernels import add, divide, maximum, minimum, multiply, subtract
from littoral.webnn.to_model.scales import parameters, stored
from littoral.webnn.to_model.types import F32, I8, I64, U8

if TYPE_CHECKING:
    from littoral.webnn.to_model import Lowering

_FAR = 2.0**62


def _dequantize(emitter: Emitter, call: Call) -> int:
    """(x - zero point) * scale."""
    x = emitter.take(call.arguments["input"])
    if (real := _computed(emitter, call, x)) is not None:
        return emitter.constant(real)
    quantization = parameters(emitter.program, call)
    if quantization is not None and quantization.scale.size == 1 and emitter.type(x) in (I8, U8):
        tensor = stored(emitter, call, quantization)
        return emitter.emit("DEQUANTIZE", (tensor,), emitter.shape(x), F32, DequantizeOptions(), 2)
    zero_point = emitter.cast(_spread(emitter, call.arguments["zeroPoint"], x), I64)
    scale = emitter.cast(_spread(emitter, call.arguments["scale"], x), F32)
    offset = subtract(emitter, emitter.cast(x, I64), zero_point)
    return emitter.give(call, multiply(emitter, emitter.cast(offset, F32), scale))


def _computed(emitter: Emitter, call: Call, x: int) -> Array | None:
    """What a constant stands for; XNNPACK fails for operators on constants only."""
    scale, zero_point = (_spread(emitter, call.arguments[name], x) for name in ("scale", "zeroPoint"))
    values = [emitter.value(tensor) for tensor in (x, scale, zero_point)]
    integers, factor, offset = values
    if integers is None or factor is None or offset is None:
        return None
    real = (integers.astype(np.int64) - offset).astype(np.float32) * factor.astype(np.float32)
    return real.astype(factor.dtype)


def _quantize(emitter: Emitter, call: Call) -> int:
    """round(x / scale) + zero point, halves to even, between the limits of the type."""
    x = emitter.take_float(call.arguments["input"])
    type_ = TYPES[emitter.described(call.outputs[0]).data_type]
    quantization = parameters(emitter.program, call)
    if quantization is not None and quantization.scale.size == 1 and type_ in (I8, U8):
        made = emitter.emit("QUANTIZE", (x,), emitter.shape(x), type_, QuantizeOptions())
        emitter.requantize(made, quantization)
        return made
    scale = emitter.cast(_spread(emitter, call.arguments["scale"], x), F32)
    zero_point = emitter.cast(_spread(emitter, call.arguments["zeroPoint"], x), I64)
    rounded = emitter.apply("ROUND", (divide(emitter, x, scale),))
    near = minimum(emitter, emitter.number(_FAR), maximum(emitter, emitter.number(-_FAR), rounded))
    moved = add(emitter, emitter.cast(near, I64), zero_point)
    limits = np.iinfo(NUMPY[type_])
    low, high = emitter.number(int(limits.min), I64), emitter.number(int(limits.max), I64)
    return emitter.cast(minimum(emitter, high, maximum(emitter, low, moved)), type_)


def _spread(emitter: Emitter, value: Value, x: int) -> int:
    """One number a block, repeated so that it broadcasts to what is quantized."""
    tensor = emitter.take(value)
    blocks, shape = emitter.shape(tensor), emitter.shape(x)
    if all(count in (1, size) for count, size in zip(blocks, shape, strict=True)):
        return tensor
    for axis, (count, size) in enumerate(zip(blocks, shape, strict=True)):
        if count not in (1, size):
            now = emitter.shape(tensor)
            column = emitter.reshape(tensor, (*now[: axis + 1], 1, *now[axis + 1 :]))
            repeated = emitter.broadcast(column, (*now[: axis + 1], size // count, *now[axis + 1 :]))
            tensor = emitter.reshape(repeated, (*now[:axis], size, *now[axis + 1 :]))
    return tensor


LOWERINGS: dict[str, Lowering] = {"dequantizeLinear": _dequantize, "quantizeLinear": _quantize}
