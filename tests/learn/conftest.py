"""Small embedders made here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from littoral.tflite import Buffer, Graph, Operator, OperatorCode, Quantization, Subgraph, Tensor, TensorType, check
from littoral.tflite.options.shape import ReshapeOptions

FEATURES = 8
SCALE = 1 / 32

Embedder = Callable[[str], Graph]


def quantization(scale: float, zero_point: int) -> Quantization:
    return Quantization(scale=np.array([scale], "<f4"), zero_point=np.array([zero_point], "<i8"))


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    """Makes an embedder that gives what it takes, in the type of that name: [1, 8] to [1, 1, 1, 8], steps of 1/32."""

    def make(kind: str) -> Graph:
        lowest = {"uint8": 0, "int8": -128}.get(kind)
        scale = None if lowest is None else quantization(SCALE, lowest)
        form = np.array([1, 1, 1, FEATURES], "<i4")
        tensors = [
            Tensor(name="x", shape=(1, FEATURES), type=TensorType[kind.upper()], quantization=scale),
            Tensor(name="shape", shape=(4,), type=TensorType.INT32, buffer=Buffer(data=form.tobytes())),
            Tensor(name="embedding", shape=(1, 1, 1, FEATURES), type=TensorType[kind.upper()], quantization=scale),
        ]
        code = OperatorCode.of("RESHAPE")
        reshape = Operator(code=code, inputs=(0, 1), outputs=(2,), options=ReshapeOptions(new_shape=(1, 1, 1, 8)))
        main = Subgraph(tensors=tensors, inputs=(0,), outputs=(2,), operators=[reshape], name="main")
        graph = Graph(subgraphs=[main], metadata=[], signatures=[])
        check(graph)
        return graph

    return make
