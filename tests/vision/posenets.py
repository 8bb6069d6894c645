"""Model files that are PosenetDecoderOp alone, or between constants."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from littoral.tflite import Graph, Operator, OperatorCode, Quantization, Subgraph, Tensor, TensorType
from littoral.vision.posenet import OPERATOR

OPTIONS = {"max_detections": 5, "nms_radius": 10.0, "score_threshold": 0.2, "stride": 16}


def flexbuffer(values: Mapping[str, float]) -> bytes:
    """A FlexBuffer map of numbers, all of them four bytes wide."""
    data, keys = b"", []
    for name in sorted(values):
        keys.append(len(data))
        data += name.encode() + b"\0"
    data += bytes(-len(data) % 4) + struct.pack("<I", len(keys))
    start = len(data)
    data += b"".join(struct.pack("<I", start + 4 * index - key) for index, key in enumerate(keys))
    data += struct.pack("<III", len(data) - start, 4, len(keys))
    numbers = [values[name] for name in sorted(values)]
    data += b"".join(struct.pack("<f" if isinstance(number, float) else "<i", number) for number in numbers)
    data += bytes((3 if isinstance(number, float) else 1) << 2 | 2 for number in numbers)
    return data + bytes((len(numbers) * 5, 9 << 2 | 2, 1))


def decoder_graph(
    shapes: Sequence[tuple[int, ...]],
    options: bytes,
    kind: TensorType = TensorType.FLOAT32,
    quantization: Sequence[tuple[float, int]] = (),
    outputs: int | None = None,
) -> Graph:
    """A model that is the operator: fields in, people out."""
    tensors = [Tensor(name=f"field {index}", shape=shape, type=kind) for index, shape in enumerate(shapes)]
    for index, (scale, zero) in enumerate(quantization):
        exact = Quantization(scale=np.array([scale], np.float32), zero_point=np.array([zero], np.int64))
        tensors[index] = tensors[index].replaced(quantization=exact)
    count = len(shapes) + 1 if outputs is None else outputs
    tensors += [Tensor(name=f"poses:{index}", shape=()) for index in range(count)]
    inputs, made = tuple(range(len(shapes))), tuple(range(len(shapes), len(tensors)))
    operator = Operator(code=OperatorCode.of(OPERATOR), inputs=inputs, outputs=made, custom_options=options)
    main = Subgraph(tensors=tensors, inputs=inputs, outputs=made, operators=[operator])
    return Graph(subgraphs=[main], metadata=[], signatures=[])


def stored(real: npt.NDArray[Any], scale: float, zero: int, dtype: Any) -> npt.NDArray[Any]:
    """Quantized values."""
    limits = np.iinfo(dtype)
    return np.asarray(np.clip(np.rint(real / scale) + zero, limits.min, limits.max), dtype)
