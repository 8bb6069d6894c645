"""A classifier's last layer: a head on an embedder, as part of its model file."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from littoral.errors import ModelFileError
from littoral.runtime import TensorInfo, contract_or_default, embed
from littoral.tflite import (
    Buffer,
    Graph,
    Operator,
    OperatorCode,
    Quantization,
    Subgraph,
    Tensor,
    TensorType,
    read,
    set_io,
    write,
)
from littoral.tflite.edit import add_tensor, copied, moved_signature, producer
from littoral.tflite.options.activation import L2NormOptions, SoftmaxOptions
from littoral.tflite.options.dense import FullyConnectedOptions

Vector = npt.NDArray[np.float32]
_BYTES = {TensorType.UINT8: 0, TensorType.INT8: -128}
"""Types that a quantized head may have, with their smallest values."""
_VERSIONS = {  # of L2_NORMALIZATION, FULLY_CONNECTED and SOFTMAX, by type
    TensorType.FLOAT32: (1, 1, 1),
    TensorType.UINT8: (1, 1, 1),
    TensorType.INT8: (2, 4, 2),
}


@dataclass(frozen=True, eq=False)
class Head:
    """probabilities = softmax(weights @ embedding + biases).

    Attributes:
        weights: float32 [classes, features].
        biases: float32 [classes].
        low: The smallest value before the softmax that matters: where bytes are computed with, lower ones become it.
        high: The largest one.
        normalised: Embeddings are brought to length 1 first.
    """

    weights: Vector
    biases: Vector
    low: float
    high: float
    normalised: bool = False

    def __call__(self, embeddings: npt.ArrayLike) -> Vector:
        """Values before the softmax, [n, classes], of embeddings [n, features] (of length 1 where `normalised`)."""
        values: Vector = np.asarray(embeddings, np.float32) @ self.weights.T + self.biases
        return values


def append_head(
    file: str | os.PathLike[str], head: Head, path: str | os.PathLike[str], labels: tuple[str, ...] = ()
) -> None:
    """Writes a classifier: a model file that gives embeddings, with a head.

    Args:
        file: Its only output has one embedding. It may be compiled for the Edge TPU: its head runs on the processor.
        head: Computes in the type of the embedding: quantized to bytes where the file is.
        path: Where to write.
        labels: Names of the classes, for the contract.

    Raises:
        ModelFileError: It is no such file, has embeddings of another size, or `path` cannot be written.
    """
    write(with_head(read(file), head, labels), path)


def with_head(graph: Graph, head: Head, labels: tuple[str, ...] = ()) -> Graph:
    """The graph of a classifier; see `append_head`. `graph` does not change."""
    outer = graph.main.tensors[_embedding(graph)].type
    graph = copied(_inner(graph))
    main = graph.main
    index = old = _embedding(graph)
    features = main.tensors[index].shape[-1]
    if features != head.weights.shape[1]:
        raise ModelFileError(
            f"the embedding has {features} values, the head takes {head.weights.shape[1]}",
            "Give the model file that the head was trained on",
        )
    maker = producer(main, index)
    if head.normalised and not (maker and maker.name == "L2_NORMALIZATION"):
        index = _add_normalisation(main, index)
    index = _add_softmax(main, _add_dense(main, index, head))
    main.outputs = (index,)
    graph.signatures = [moved_signature(signature, {old: index}) for signature in graph.signatures]
    contract, _ = contract_or_default(graph)
    embed(graph, replace(contract, labels=labels))
    return set_io(graph, None, "float32") if outer is TensorType.FLOAT32 else graph


def normalised(graph: Graph) -> Graph:
    """A graph whose embeddings have length 1, in the type that it computes with. `graph` does not change."""
    graph = copied(_inner(graph))
    old = _embedding(graph)
    maker = producer(graph.main, old)
    if not (maker and maker.name == "L2_NORMALIZATION"):
        index = _add_normalisation(graph.main, old)
        graph.main.outputs = (index,)
        graph.signatures = [moved_signature(signature, {old: index}) for signature in graph.signatures]
    return graph


def features(graph: Graph) -> int:
    """How many values an embedding has.

    Raises:
        ModelFileError: The graph does not give one embedding.
    """
    return graph.main.tensors[_embedding(graph)].shape[-1]


def _embedding(graph: Graph) -> int:
    """The tensor that holds the embedding."""
    main = graph.main
    shapes = [list(main.tensors[index].shape) for index in main.outputs]
    if len(shapes) != 1 or not shapes[0] or shapes[0][-1] != np.prod(shapes[0]):
        raise ModelFileError(f"the model gives {shapes}, not one embedding", "Accepted: one output [1, ..., features]")
    tensor = main.tensors[main.outputs[0]]
    maker = producer(main, main.outputs[0])
    if maker and maker.name in ("SOFTMAX", "LOGISTIC"):
        raise ModelFileError(
            "the model gives probabilities, not an embedding", "Accepted: a classifier without its last layers"
        )
    scales = tensor.quantization.scale.size if tensor.quantization else 0
    if tensor.type not in _VERSIONS or (tensor.type in _BYTES and scales != 1):
        raise ModelFileError(
            f"the embedding {tensor.name!r} is {tensor.type.name.lower()}",
            "Accepted: float32, and uint8 or int8 with a scale",
        )
    return main.outputs[0]


def _inner(graph: Graph) -> Graph:
    """The graph without a DEQUANTIZE operator at its end."""
    maker = producer(graph.main, _embedding(graph))
    inner = graph.main.tensors[maker.inputs[0]] if maker and maker.name == "DEQUANTIZE" else None
    return set_io(graph, None, inner.type.name.lower()) if inner and inner.type in _BYTES else graph


def _add_normalisation(main: Subgraph, index: int) -> int:
    before = main.tensors[index]
    lowest = _BYTES.get(before.type, 0)
    scale = _quantization(1 / 128, lowest + 128) if before.type in _BYTES else None  # TFLite's kernel has no other
    after = Tensor(name="embedding", shape=before.shape, type=before.type, quantization=scale)
    return _add(main, "L2_NORMALIZATION", 0, (index,), after, L2NormOptions())


def _add_dense(main: Subgraph, index: int, head: Head) -> int:
    given = main.tensors[index]
    classes = len(head.biases)
    logits = Tensor(name="logits", shape=(1, classes), type=given.type, quantization=None)
    weights = Tensor(name="head/weights", shape=head.weights.shape, type=given.type, quantization=None)
    biases = Tensor(name="head/biases", shape=(classes,), type=TensorType.FLOAT32, quantization=None)
    values: tuple[npt.NDArray[Any], npt.NDArray[Any]] = head.weights, head.biases
    if given.type in _BYTES:
        logits = logits.replaced(quantization=_spanning(head.low, head.high, given.type))
        weights = weights.replaced(quantization=_of_weights(head.weights, given.type))
        assert given.quantization is not None
        assert weights.quantization is not None
        scale = float(given.quantization.scale[0]) * float(weights.quantization.scale[0])
        biases = biases.replaced(type=TensorType.INT32, quantization=_quantization(scale, 0))
        values = _stored(weights, head.weights), np.rint(head.biases.astype(np.float64) / scale).astype("<i4")
    constants = (
        add_tensor(main, tensor.replaced(buffer=Buffer(data=np.ascontiguousarray(value).tobytes())))
        for tensor, value in zip((weights, biases), values, strict=True)
    )
    return _add(main, "FULLY_CONNECTED", 1, (index, *constants), logits, FullyConnectedOptions())


def _add_softmax(main: Subgraph, index: int) -> int:
    logits = main.tensors[index]
    scale = _quantization(1 / 256, _BYTES[logits.type]) if logits.type in _BYTES else None  # as the kernel wants it
    answer = Tensor(name="probabilities", shape=logits.shape, type=logits.type, quantization=scale)
    return _add(main, "SOFTMAX", 2, (index,), answer, SoftmaxOptions(beta=1.0))


def _add(main: Subgraph, name: str, place: int, inputs: tuple[int, ...], output: Tensor, options: Any) -> int:
    index = add_tensor(main, output)
    code = OperatorCode.of(name, _VERSIONS[output.type][place])
    main.operators.append(Operator(code=code, inputs=inputs, outputs=(index,), options=options))
    return index


def _quantization(scale: float, zero_point: int) -> Quantization:
    return Quantization(scale=np.array([scale], "<f4"), zero_point=np.array([zero_point], "<i8"))


def _spanning(low: float, high: float, kind: TensorType) -> Quantization:
    """The finest steps that reach from `low` to `high`, with zero among them."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / 255 or 1.0
    return _quantization(scale, _BYTES[kind] + round(-low / scale))


def _of_weights(weights: Vector, kind: TensorType) -> Quantization:
    """Steps for weights; those of int8 lie around zero, as its kernels want it."""
    if kind is TensorType.INT8:
        return _quantization(float(np.abs(weights).max()) / 127 or 1.0, 0)
    return _spanning(float(weights.min()), float(weights.max()), kind)


def _stored(tensor: Tensor, values: Vector) -> npt.NDArray[Any]:
    return TensorInfo.of(tensor, -1, tensor.name).quantize(values)
