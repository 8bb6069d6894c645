"""Scales and zero points of model files as WebNN has them: arrays with the rank of what they scale."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from littoral.tflite import Tensor
from littoral.webnn.from_model.unmapped import Unmapped
from littoral.webnn.program import Array

_WHOLE = ("INT8", "UINT8", "INT32", "INT4", "UINT4", "INT2", "INT16", "INT64")


def is_integer_quantized(tensor: Tensor) -> bool:
    """Whether its integers stand for real values."""
    return tensor.is_quantized and tensor.type.name in _WHOLE


def parameters(tensor: Tensor, shape: Sequence[int], dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """Scale (float32) and zero point of a tensor in a shape of as many elements, one value a tensor or a channel.

    Args:
        tensor: A quantized one.
        shape: It is used in; its own, where it has one scale a channel.
        dtype: Of the zero point.

    Raises:
        Unmapped: It is quantized in another way.
    """
    quantization = tensor.quantization
    assert quantization is not None
    count = quantization.scale.size
    if not count or quantization.details is not None:
        raise Unmapped(f"{tensor.name!r} is quantized by blocks", "Quantize it by tensor or by channel")
    sizes = [1] * len(shape)
    if count > 1:
        axis = quantization.quantized_dimension
        if tuple(shape) != tuple(tensor.shape) or axis >= len(shape) or shape[axis] != count:
            raise Unmapped(f"{tensor.name!r} has {count} scales in a shape of {list(shape)}", "Use one scale a tensor")
        sizes[axis] = count
    zero_point = quantization.zero_point if quantization.zero_point.size else np.zeros(1, np.int64)
    scale = quantization.scale.astype(np.float32).reshape(sizes)
    return scale, np.broadcast_to(zero_point.astype(dtype), (prod(sizes),)).reshape(sizes)


def same(a: Tensor, b: Tensor) -> bool:
    """Whether stored values of one mean the same in the other."""
    if a.type is not b.type or is_integer_quantized(a) != is_integer_quantized(b):
        return False
    if not is_integer_quantized(a):
        return True
    one, other = a.quantization, b.quantization
    assert one is not None
    assert other is not None
    return bool(np.array_equal(one.scale, other.scale) and np.array_equal(one.zero_point, other.zero_point))


def stored_range(tensor: Tensor) -> tuple[int, int]:
    """The smallest and the largest value that a quantized tensor stores."""
    limits = np.iinfo(tensor.dtype)
    return int(limits.min), int(limits.max)
