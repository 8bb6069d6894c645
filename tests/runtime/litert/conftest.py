"""A model with weights to speak of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from littoral.tflite import Buffer, Graph, Operator, OperatorCode, Subgraph, Tensor
from littoral.tflite.options.dense import FullyConnectedOptions


@pytest.fixture
def dense() -> Callable[[], Graph]:
    """Makes a layer of 1024 x 512 weights: 2 MiB."""

    def make() -> Graph:
        rng = np.random.default_rng(0)
        weights, bias = rng.normal(size=(1024, 512)).astype(np.float32), rng.normal(size=1024).astype(np.float32)
        tensors = [
            Tensor(name="x", shape=(1, 512)),
            Tensor(name="w", shape=(1024, 512), buffer=Buffer(data=weights.tobytes())),
            Tensor(name="b", shape=(1024,), buffer=Buffer(data=bias.tobytes())),
            Tensor(name="y", shape=(1, 1024)),
        ]
        layer = Operator(code=OperatorCode.of("FULLY_CONNECTED"), inputs=(0, 1, 2), outputs=(3,))
        main = Subgraph(
            tensors=tensors, inputs=(0,), outputs=(3,), operators=[layer.replaced(options=FullyConnectedOptions())]
        )
        return Graph(subgraphs=[main], metadata=[], signatures=[])

    return make
