"""Model files for OpenVINO's reader."""

from __future__ import annotations

import numpy as np

from littoral.openvino.readable import readable
from littoral.tflite import Buffer, Graph, Operator, OperatorCode, Subgraph, Tensor, TensorType, read, to_bytes
from littoral.tflite.options.dense import FullyConnectedOptions


def graph(code: OperatorCode, weights: Tensor) -> Graph:
    tensors = [Tensor(name="x", shape=(1, 4)), weights, Tensor(name="y", shape=(1, 1))]
    operator = Operator(code=code, inputs=(0, 1), outputs=(2,), options=FullyConnectedOptions())
    main = Subgraph(tensors=tensors, inputs=(0,), outputs=(2,), operators=[operator])
    return Graph(subgraphs=[main], metadata=[], signatures=[])


def test_operators_have_their_number_where_old_readers_look() -> None:
    newer = OperatorCode.of("FULLY_CONNECTED", 3).replaced(deprecated_builtin_code=0)
    code = readable(graph(newer, Tensor(name="w", shape=(1, 4)))).main.operators[0].code
    assert (code.deprecated_builtin_code, code.builtin_code, code.version) == (9, 9, 3)


def test_custom_operators_stay() -> None:
    custom = OperatorCode.of("Mine")
    assert readable(graph(custom, Tensor(name="w", shape=(1, 4)))).main.operators[0].code == custom


def test_int4_weights_become_int8_of_the_same_values() -> None:
    packed = Tensor(name="w", shape=(1, 4), type=TensorType.INT4, buffer=Buffer(data=bytes([0x7F, 0x82])))
    before = graph(OperatorCode.of("FULLY_CONNECTED"), packed)
    after = read(to_bytes(readable(before))).main.tensors[1]
    assert after.type is TensorType.INT8
    assert after.data is not None
    assert after.data.tolist() == [[-1, 7, 2, -8]]
    assert packed.data is not None
    assert np.array_equal(after.data, packed.data)
