"""Multiply-adds."""

from __future__ import annotations

from pathlib import Path

import pytest

from littoral.tflite import Buffer, Graph, Operator, OperatorCode, Subgraph, Tensor, macs, read
from littoral.tflite.options.dense import BatchMatMulOptions
from littoral.tflite.wire import Table


def one(name: str, output: tuple[int, ...], *inputs: tuple[int, ...] | None, options: Table | None = None) -> int:
    """The multiply-adds of an operator on constants of some shapes."""
    tensors = [Tensor(shape=output)]
    tensors += [Tensor(shape=shape or (), buffer=Buffer(data=b"")) for shape in inputs]
    indices = tuple(index if shape is not None else -1 for index, shape in enumerate(inputs, start=1))
    operator = Operator(code=OperatorCode.of(name), inputs=indices, outputs=(0,), options=options)
    return macs(Graph(subgraphs=[Subgraph(tensors=tensors, operators=[operator])], metadata=[], signatures=[]), 0, 0)


@pytest.mark.parametrize(
    ("name", "output", "inputs", "count"),
    [
        ("CONV_2D", (1, 5, 5, 8), [(1, 10, 10, 3), (8, 3, 3, 3), (8,)], 5 * 5 * 8 * 27),
        ("DEPTHWISE_CONV_2D", (1, 5, 5, 6), [(1, 10, 10, 3), (1, 3, 3, 6)], 5 * 5 * 6 * 9),
        ("TRANSPOSE_CONV", (1, 8, 8, 2), [(4,), (2, 3, 3, 5), (1, 4, 4, 5)], 4 * 4 * 5 * 9 * 2),
        ("CONV_3D", (1, 2, 2, 2, 7), [(1, 4, 4, 4, 3), (3, 3, 3, 3, 7)], 8 * 7 * 81),
        ("CONV_3D_TRANSPOSE", (1, 4, 4, 4, 2), [(5,), (2, 2, 2, 2, 3), (1, 2, 2, 2, 3)], 8 * 3 * 16),
        ("FULLY_CONNECTED", (4, 10), [(4, 20), (10, 20), None], 4 * 10 * 20),
        ("BATCH_MATMUL", (2, 3, 5), [(2, 3, 4), (2, 4, 5)], 2 * 3 * 5 * 4),
        ("SVDF", (2, 4), [(2, 3), (8, 3), (8, 10), None, (2, 80)], 2 * (8 * 3 + 8 * 10 + 2 * 80)),
        ("ADD", (4, 4), [(4, 4), (4, 4)], 0),
        ("somebodys-own", (4,), [(4,)], 0),
        ("BATCH_MATMUL", (), [(), ()], 0),  # shapes that are only known when the model runs
    ],
)
def test_by_shape(name: str, output: tuple[int, ...], inputs: list[tuple[int, ...] | None], count: int) -> None:
    assert one(name, output, *inputs) == count


def test_a_transposed_product_sums_over_the_other_dimension() -> None:
    assert one("BATCH_MATMUL", (3, 5), (4, 3), (4, 5), options=BatchMatMulOptions(adj_x=True)) == 3 * 5 * 4


@pytest.mark.parametrize(
    ("name", "millions"),
    # as in the papers: 300 and 569 (the extractor lacks the last layer, 1024 x 1001)
    [("mobilenet_v2_1.0_224_quant", 300.8), ("mobilenet_v1_1.0_224_quant_embedding_extractor", 567.7)],
)
def test_known_models(coral: Path, name: str, millions: float) -> None:
    graph = read(coral / f"{name}.tflite")
    total = sum(macs(graph, 0, index) for index in range(len(graph.main.operators)))
    assert total / 1e6 == pytest.approx(millions, abs=0.1)


def test_recurrent_layers_count_every_step(coral: Path) -> None:
    graph = read(coral / "keras_lstm_mnist_ptq.tflite")
    place = next(i for i, op in enumerate(graph.main.operators) if op.name == "UNIDIRECTIONAL_SEQUENCE_LSTM")
    lstm = graph.main.operators[place]
    steps, features = graph.main.tensors[lstm.inputs[0]].shape[-2:]
    cells = graph.main.tensors[lstm.outputs[0]].shape[-1]
    assert macs(graph, 0, place) == steps * 4 * cells * (features + cells)
