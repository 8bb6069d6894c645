"""Small graphs, each with what some test needs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from littoral.tflite import (
    Buffer,
    Graph,
    Operator,
    OperatorCode,
    Quantization,
    Signature,
    Subgraph,
    Tensor,
    TensorMap,
    TensorType,
)
from littoral.tflite.options.recurrent import SequenceRNNOptions


def quantization(scale: float, zero_point: int) -> Quantization:
    return Quantization(scale=np.array([scale], np.float32), zero_point=np.array([zero_point], np.int64))


def operator(name: str, inputs: Sequence[int], outputs: Sequence[int]) -> Operator:
    return Operator(code=OperatorCode.of(name), inputs=tuple(inputs), outputs=tuple(outputs))


def signature(key: str, inputs: dict[str, int], outputs: dict[str, int], subgraph: int = 0) -> Signature:
    maps = [[TensorMap(name=name, tensor_index=index) for name, index in io.items()] for io in (inputs, outputs)]
    return Signature(key=key, inputs=maps[0], outputs=maps[1], subgraph_index=subgraph)


def simple(name: str, given: Tensor, result: Tensor) -> Graph:
    """One operator with one input and one output."""
    return Graph(
        subgraphs=[Subgraph(tensors=[given, result], inputs=(0,), outputs=(1,), operators=[operator(name, [0], [1])])],
        metadata=[],
        signatures=[],
    )


def arithmetic(name: str) -> Subgraph:
    tensors = [Tensor(name=tensor, shape=(1, 4), type=TensorType.FLOAT32) for tensor in ("a", "b", "c")]
    return Subgraph(tensors=tensors, inputs=(0, 1), outputs=(2,), operators=[operator(name, [0, 1], [2])])


@pytest.fixture
def subtract() -> Graph:
    """c = a - b, [1, 4] each."""
    return Graph(subgraphs=[arithmetic("SUB")], metadata=[], signatures=[])


@pytest.fixture
def two_signatures() -> Graph:
    """first(x, y) = x - y in the main subgraph, whose signature has another order; second(x, y) = x * y in another."""
    return Graph(
        subgraphs=[arithmetic("SUB"), arithmetic("MUL")],
        metadata=[],
        signatures=[
            signature("first", {"y": 1, "x": 0}, {"difference": 2}),
            signature("second", {"x": 0, "y": 1}, {"product": 2}, 1),
        ],
    )


@pytest.fixture
def two_outputs() -> Graph:
    """Two outputs, of which the second has no name: -x, and |x|."""
    tensors = [Tensor(name=name, shape=(1, 3), type=TensorType.FLOAT32) for name in ("x", "minus", "")]
    operators = [operator("NEG", [0], [1]), operator("ABS", [0], [2])]
    main = Subgraph(tensors=tensors, inputs=(0,), outputs=(1, 2), operators=operators)
    return Graph(subgraphs=[main], metadata=[], signatures=[])


@pytest.fixture
def relu_int8() -> Graph:
    """max(x, 0) on int8 with scale 0.5 and zero point -3."""
    tensors = [
        Tensor(name=name, shape=(1, 4), type=TensorType.INT8, quantization=quantization(0.5, -3)) for name in "xy"
    ]
    return simple("RELU", *tensors)


@pytest.fixture
def quantize() -> Graph:
    """The QUANTIZE operator itself: float32 [1, 256] to int8 with scale 0.1 and zero point 7."""
    given = Tensor(name="x", shape=(1, 256), type=TensorType.FLOAT32)
    return simple(
        "QUANTIZE", given, Tensor(name="y", shape=(1, 256), type=TensorType.INT8, quantization=quantization(0.1, 7))
    )


@pytest.fixture
def dynamic() -> Graph:
    """-x, where x is any number of rows of three."""
    return simple(
        "NEG", *(Tensor(name=name, shape=(1, 3), shape_signature=(-1, 3), type=TensorType.FLOAT32) for name in "xy")
    )


@pytest.fixture
def reshape() -> Graph:
    """Four floats in the shape that the second input says: it fails for other than four."""
    tensors = [
        Tensor(name="x", shape=(4,), type=TensorType.FLOAT32),
        Tensor(name="shape", shape=(2,), type=TensorType.INT32),
        Tensor(name="y", shape=(2, 2), type=TensorType.FLOAT32),
    ]
    main = Subgraph(tensors=tensors, inputs=(0, 1), outputs=(2,), operators=[operator("RESHAPE", [0, 1], [2])])
    return Graph(subgraphs=[main], metadata=[], signatures=[])


@pytest.fixture
def counter() -> Graph:
    """A recurrent cell of one unit that adds its input to its state: the output is the sum of all inputs so far."""
    one = np.ones((1, 1), np.float32).tobytes()
    tensors = [
        Tensor(name="x", shape=(1, 1, 1), type=TensorType.FLOAT32),
        Tensor(name="w", shape=(1, 1), type=TensorType.FLOAT32, buffer=Buffer(data=one)),
        Tensor(name="r", shape=(1, 1), type=TensorType.FLOAT32, buffer=Buffer(data=one)),
        Tensor(name="b", shape=(1,), type=TensorType.FLOAT32, buffer=Buffer(data=bytes(4))),
        Tensor(name="state", shape=(1, 1), type=TensorType.FLOAT32, is_variable=True),
        Tensor(name="y", shape=(1, 1, 1), type=TensorType.FLOAT32),
    ]
    cell = operator("UNIDIRECTIONAL_SEQUENCE_RNN", [0, 1, 2, 3, 4], [5]).replaced(options=SequenceRNNOptions())
    main = Subgraph(tensors=tensors, inputs=(0,), outputs=(5,), operators=[cell])
    return Graph(subgraphs=[main], metadata=[], signatures=[])


@pytest.fixture
def flex() -> Graph:
    """An operator that only TensorFlow has."""
    return simple("FlexErf", *(Tensor(name=name, shape=(1, 3), type=TensorType.FLOAT32) for name in "xy"))
