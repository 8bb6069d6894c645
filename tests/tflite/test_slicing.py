"""Operators as a model of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from littoral.tflite import Graph, boundary, read, slice_operators, to_bytes

Run = Callable[..., list[np.ndarray[Any, Any]]]


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("flowers/models/model.tflite", 2, 6),
        ("flowers/models/model_full_integer.tflite", 1, 4),
        ("coral/mobilenet_v2_1.0_224_quant.tflite", 10, 20),
        ("coral/movenet_single_pose_lightning_ptq.tflite", 100, 140),
        ("coral/keras_lstm_mnist_ptq.tflite", 0, 3),
    ],
)
def test_a_slice_computes_what_the_whole_does(shared_data: Path, run: Run, name: str, first: int, last: int) -> None:
    data = (shared_data / name).read_bytes()
    graph = read(data)
    chosen = range(first, last)
    inputs, outputs = boundary(graph, chosen)
    part = slice_operators(graph, chosen)
    assert [part.main.tensors[index].name for index in part.main.inputs] == [
        graph.main.tensors[index].name for index in inputs
    ]
    values = run(data, tensors=[*inputs, *outputs])
    answers = run(to_bytes(part), *values[: len(inputs)])
    assert [answer.tobytes() for answer in answers] == [value.tobytes() for value in values[len(inputs) :]]


def test_halves_make_the_whole(coral: Path, run: Run) -> None:
    data = (coral / "mobilenet_v1_0.25_128_quant.tflite").read_bytes()
    graph = read(data)
    count = len(graph.main.operators)
    first, second = slice_operators(graph, range(12)), slice_operators(graph, range(12, count))
    assert len(to_bytes(first)) + len(to_bytes(second)) < len(data) + 20_000
    picture = np.random.default_rng(1).integers(0, 256, (1, 128, 128, 3), np.uint8)
    middle = run(to_bytes(first), picture)
    assert run(to_bytes(second), *middle)[0].tobytes() == run(data, picture)[0].tobytes()


def test_weights_are_shared_not_copied(coral: Path) -> None:
    graph = read(coral / "mobilenet_v1_0.25_128_quant.tflite")
    part = slice_operators(graph, [3])
    buffers = {id(tensor.buffer) for tensor in graph.main.tensors if tensor.buffer}
    assert {id(tensor.buffer) for tensor in part.main.tensors if tensor.buffer} <= buffers


def test_called_subgraphs_come_along(counter: Graph, run: Run) -> None:
    for subgraph in counter.subgraphs[1:]:
        subgraph.name += " of the loop"
    part = slice_operators(counter, [1])
    assert [subgraph.name for subgraph in part.subgraphs] == ["main", "cond of the loop", "body of the loop"]
    assert run(to_bytes(read(to_bytes(part))), np.array([3.5], np.float32))[0].tolist() == [10.5]


def test_calls_are_renumbered(counter: Graph) -> None:
    spare = counter.subgraphs[2].replaced(name="spare")
    main, cond, body = counter.subgraphs
    options = main.operators[0].options
    assert options is not None
    operators = [
        op.replaced(options=options.replaced(cond_subgraph_index=3, body_subgraph_index=2)) for op in main.operators
    ]
    moved = counter.replaced(subgraphs=[main.replaced(operators=operators), spare, body, cond])
    part = slice_operators(read(to_bytes(moved)), [0, 1])
    assert [subgraph.name for subgraph in part.subgraphs] == ["main", "cond", "body"]
    assert part.main.operators[0].options == options


def test_state_is_not_an_input(coral: Path) -> None:
    graph = read(coral / "keras_lstm_mnist_ptq.tflite")
    place = next(i for i, op in enumerate(graph.main.operators) if op.name == "UNIDIRECTIONAL_SEQUENCE_LSTM")
    part = slice_operators(graph, [place])
    assert len(part.main.inputs) == 1
    assert sum(tensor.is_variable for tensor in part.main.tensors) == 2
