"""Shapes, constants, quantization and sparsity of one tensor."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from littoral.tflite.elements import BITS
from littoral.tflite.enums import DimensionType, TensorType
from littoral.tflite.graph import (
    BlockwiseQuantization,
    DimensionMetadata,
    Int32Vector,
    MultiAxisQuantization,
    Quantization,
    Sparsity,
    Subgraph,
    Tensor,
    Uint8Vector,
    Uint16Vector,
)

_MOST_ELEMENTS = 2**31 - 1  # kernels count in 32 bits
_MOST_BYTES = 2**40
_MOST_DIMENSIONS = 32
_ZERO_POINTS = {
    TensorType.UINT8: (0, 255),
    TensorType.INT8: (-128, 127),
    TensorType.INT16: (-32768, 32767),
    TensorType.INT4: (-8, 7),
    TensorType.INT2: (-2, 1),
    TensorType.UINT4: (0, 15),
}


def tensor_problems(subgraph: Subgraph, tensor: Tensor) -> Iterator[str]:
    """What is wrong with a tensor."""
    if tensor.external_buffer:
        yield "its value is in another file, which littoral does not read"
    problem = next(_shape_problems(tensor), None)
    if problem is not None:
        yield problem
        return  # what follows multiplies the dimensions
    if tensor.is_constant:
        yield from _constant_problems(tensor)
    if tensor.is_variable and tensor.is_constant:
        yield "it is a variable with a value in the file, which LiteRT does not take"
    if tensor.quantization is not None:
        yield from _quantization_problems(tensor, tensor.quantization)
        yield from _details_problems(tensor.quantization, len(subgraph.tensors))


def _shape_problems(tensor: Tensor) -> Iterator[str]:
    shape, signature = tensor.shape, tensor.shape_signature
    if len(shape) > _MOST_DIMENSIONS:
        yield f"it has {len(shape)} dimensions, and {_MOST_DIMENSIONS} is the most"
    elif any(size < 0 for size in shape):
        yield f"its shape {shape} has a negative size"
    elif prod(shape) > _MOST_ELEMENTS or prod(shape) * BITS.get(tensor.type, 8) // 8 > _MOST_BYTES:
        yield f"its shape {shape} is more than can be computed with"
    elif signature and (len(signature) != len(shape) or any(size < -1 for size in signature)):
        yield f"its shape {shape} and its signature {signature} do not go together"


def _constant_problems(tensor: Tensor) -> Iterator[str]:
    assert tensor.buffer is not None
    assert tensor.buffer.data is not None
    size = len(tensor.buffer.data)
    bits = BITS.get(tensor.type)
    if tensor.sparsity is not None:
        yield from _sparsity_problems(tensor, tensor.sparsity, size * 8 // (bits or 8))
    elif bits is not None:
        needed = (prod(tensor.shape) * bits + 7) // 8
        if size != needed:
            yield f"its value has {size} bytes, and {tensor.type.name} of shape {tensor.shape} needs {needed}"
    elif tensor.type is TensorType.STRING:
        yield from _string_problems(tensor, np.frombuffer(tensor.buffer.data, np.uint8))


def _string_problems(tensor: Tensor, data: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> Iterator[str]:
    """A number of strings, where each starts, where the last ends (32-bit integers from the start), and their bytes."""
    count = int(data[:4].view("<i4")[0]) if data.size >= 4 else -1
    if count < 0 or data.size < 4 * (count + 2) or count != prod(tensor.shape):
        yield f"its value is not {prod(tensor.shape)} strings"
        return
    offsets = data[4 : 4 * (count + 2)].view("<i4")
    if offsets[0] < 4 * (count + 2) or offsets[-1] > data.size or (np.diff(offsets) < 0).any():
        yield "its strings lie outside its value"


def _quantization_problems(tensor: Tensor, quantization: Quantization) -> Iterator[str]:
    scale, zero_point = quantization.scale, quantization.zero_point
    if scale.size == 0:
        return
    axis = quantization.quantized_dimension
    if zero_point.size != scale.size:
        yield f"it has {scale.size} scales and {zero_point.size} zero points"
        return
    if tensor.shape and not 0 <= axis < len(tensor.shape):
        yield f"it is quantized along dimension {axis}, and has {len(tensor.shape)}"
    elif scale.size > 1 and (not tensor.shape or scale.size != tensor.shape[axis]):
        yield f"it has {scale.size} scales along dimension {axis} of shape {tensor.shape}"
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        yield "it has a scale that is not a positive number"
    low, high = _ZERO_POINTS.get(tensor.type, (-(2**31), 2**31 - 1))
    if (zero_point < low).any() or (zero_point > high).any():
        yield f"it has a zero point that {tensor.type.name} cannot hold"


def _details_problems(quantization: Quantization, count: int) -> Iterator[str]:
    details = quantization.details
    if not isinstance(details, (BlockwiseQuantization, MultiAxisQuantization)):
        return
    if not 0 <= details.scales < count or not -1 <= details.zero_points < count:
        yield f"its scales or zero points are a tensor that is not there: there are {count}"
    if details.block_size < 0:
        yield f"its blocks have {details.block_size} elements"


def _sparsity_problems(tensor: Tensor, sparsity: Sparsity, stored: int) -> Iterator[str]:
    """Walk the dimensions as they are stored, counting what should be there."""
    rank, blocks = len(tensor.shape), len(sparsity.block_map)
    order, levels = sparsity.traversal_order, sparsity.dim_metadata
    if sorted(order) != list(range(rank + blocks)) or len(levels) != len(order):
        yield "its sparsity does not name every dimension once"
        return
    if any(not 0 <= dimension < rank for dimension in sparsity.block_map):
        yield "its sparsity has blocks in a dimension that is not there"
        return
    sizes = list(tensor.shape) + [0] * blocks
    for index, dimension in enumerate(sparsity.block_map):
        level = levels[order.index(rank + index)]
        if level.format is not DimensionType.DENSE or level.dense_size < 1 or sizes[dimension] % level.dense_size:
            yield "its sparsity has blocks that do not fill a dimension"
            return
        sizes[rank + index] = level.dense_size
        sizes[dimension] //= level.dense_size
    nodes = 1
    for dimension, level in zip(order, levels, strict=True):
        nodes = _next_nodes(level, sizes[dimension], nodes)
        if nodes < 0:
            yield f"its sparsity contradicts itself in dimension {dimension}"
            return
    if nodes != stored:
        yield f"it has {stored} values stored, and its sparsity speaks of {nodes}"


def _next_nodes(level: DimensionMetadata, size: int, nodes: int) -> int:
    """How many nodes a level has below so many above it; -1 when it contradicts itself."""
    if level.format is DimensionType.DENSE:
        return nodes * size if level.dense_size == size else -1
    segments, indices = _values(level.array_segments), _values(level.array_indices)
    if segments.size != nodes + 1 or segments[0] != 0 or segments[-1] != indices.size or (np.diff(segments) < 0).any():
        return -1
    return indices.size if ((indices >= 0) & (indices < size)).all() else -1


def _values(vector: object) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    if isinstance(vector, (Int32Vector, Uint16Vector, Uint8Vector)):
        return vector.values.astype(np.int64)
    return np.empty(0, np.int64)
