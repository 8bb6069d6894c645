"""Scales and zero points: as a program's constants, and as the quantization of a model file's tensors."""

from __future__ import annotations

import numpy as np

from littoral.tflite import Quantization, TensorType
from littoral.webnn.program import Array, Call, Program, Ref
from littoral.webnn.to_model.emitter import NUMPY, TYPES, Emitter
from littoral.webnn.to_model.patterns import operands
from littoral.webnn.to_model.types import I8, I32, U8

_KERNELS_TYPES = (I8, U8, I32)


def known(program: Program, value: object) -> Array | None:
    """The value of an operand that is constant."""
    return program.constants.get(value.operand) if isinstance(value, Ref) else None


def parameters(program: Program, call: Call) -> Quantization | None:
    """What a call of quantizeLinear or dequantizeLinear says of its integers, as a tensor says it.

    None where a tensor cannot: scales that are computed, not positive, of blocks, of several axes, or not float32.
    """
    scale, zero_point = (known(program, call.arguments[name]) for name in ("scale", "zeroPoint"))
    if scale is None or zero_point is None or scale.dtype != np.float32:
        return None
    if TYPES[zero_point.dtype.name] not in _KERNELS_TYPES or not (np.isfinite(scale) & (scale > 0)).all():
        return None
    shape = program.operands[call.outputs[0]].shape
    axes = [axis for axis, size in enumerate(scale.shape) if size != 1]
    if len(axes) > 1 or any(shape[axis] != scale.shape[axis] for axis in axes):
        return None
    return Quantization(
        scale=scale.reshape(-1),
        zero_point=zero_point.reshape(-1).astype(np.int64),
        quantized_dimension=axes[0] if axes else 0,
    )


def same(a: Quantization, b: Quantization) -> bool:
    """Whether integers mean the same under both."""
    return np.array_equal(a.scale, b.scale) and np.array_equal(a.zero_point, b.zero_point)


def product_scale(emitter: Emitter, x: int, weights: int) -> Quantization:
    """Of what is added to the product of two quantized tensors."""
    first, second = (emitter.tensors[tensor].quantization for tensor in (x, weights))
    assert first is not None
    assert second is not None
    scale = first.scale * second.scale
    return Quantization(scale=scale, zero_point=np.zeros(scale.size, np.int64))


def stored_range(quantization: Quantization, type_: TensorType) -> tuple[float, float]:
    """The smallest and the largest real number that a tensor with one scale can hold."""
    limits = np.iinfo(NUMPY[type_])
    scale, zero_point = float(quantization.scale[0]), int(quantization.zero_point[0])
    return (int(limits.min) - zero_point) * scale, (int(limits.max) - zero_point) * scale


def stored(emitter: Emitter, call: Call, quantization: Quantization) -> int:
    """The tensor that a call of dequantizeLinear is given, with its quantization.

    It is the operand's own where nothing uses its integers as such, else another view of them.
    """
    tensor = emitter.take(call.arguments["input"])
    old = emitter.tensors[tensor]
    if old.quantization is not None and same(old.quantization, quantization):
        return tensor
    if old.data is not None:
        return emitter.constant(old.data, old.type, quantization)
    if old.quantization is not None or not _only_dequantized(emitter.program, call):
        tensor = emitter.copy(tensor)
    emitter.tensors[tensor] = emitter.tensors[tensor].replaced(quantization=quantization)
    return tensor


def _only_dequantized(program: Program, call: Call) -> bool:
    source = call.arguments["input"]
    assert isinstance(source, Ref)
    if source.operand not in program.inputs.values():
        return False
    return all(call.operation == "dequantizeLinear" for call in program.calls if source in operands(call))
