"""What no delegate is even asked about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.runtime.delegate.conftest import INT32, graph_of, operator, subgraph, sums, tensor

from littoral.runtime.delegate.limits import is_static, limit, unknown_shapes
from littoral.tflite import Graph, TensorType, read
from littoral.tflite.options.control import IfOptions


def reason(graph: Graph, index: int = 0) -> str:
    return limit(graph, 0, graph.main.operators[index], unknown_shapes(graph, 0))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (TensorType.STRING, "STRING tensors"),
        (TensorType.RESOURCE, "RESOURCE tensors"),
        (TensorType.VARIANT, "VARIANT tensors"),
        (TensorType.INT4, "INT4 elements"),
        (TensorType.FLOAT32, ""),
        (TensorType.BFLOAT16, ""),
    ],
)
def test_element_types(kind: TensorType, words: str) -> None:
    graph = graph_of(subgraph([tensor("x", type=kind), tensor("y")], [operator("ABS", (0,), (1,))], (0,), (1,)))
    found = reason(graph)
    assert words in found
    assert bool(words) == bool(found)


def test_constants_may_have_several_elements_a_byte() -> None:
    weights = tensor("w", value=np.array([0x21, 0x43], np.uint8), type=TensorType.INT4).replaced(shape=(4,))
    graph = graph_of(subgraph([tensor("x"), weights, tensor("y")], [operator("ADD", (0, 1), (2,))], (0,), (2,)))
    assert reason(graph) == ""


def test_state() -> None:
    state = tensor("state", is_variable=True)
    graph = graph_of(subgraph([tensor("x"), state, tensor("y")], [operator("SVDF", (0, -1, 1), (2,))], (0,), (2,)))
    assert reason(graph) == "it keeps state in a variable ('state')"


def branches(*shapes: tuple[int, ...]) -> Graph:
    main = subgraph(
        [tensor("if", (1,), type=TensorType.BOOL), tensor("x"), tensor("y"), tensor("z")],
        [
            operator("IF", (0, 1), (2,), options=IfOptions(then_subgraph_index=1, else_subgraph_index=2)),
            operator("ABS", (2,), (3,)),
        ],
        (0, 1),
        (3,),
    )
    called = [
        subgraph([tensor("x"), tensor("y", shape)], [operator("ABS", (0,), (1,))], (0,), (1,)) for shape in shapes
    ]
    return graph_of(main, *called)


def test_control_flow_is_for_the_runtime_and_what_follows_is_not() -> None:
    graph = branches((4,), (4,))
    assert reason(graph) == "it runs other subgraphs"
    assert reason(graph, 1) == ""


def test_branches_of_different_shapes_leave_the_shape_open() -> None:
    assert "only while the model runs" in reason(branches((4,), (5,)), 1)


def test_shapes_that_follow_from_values_are_unknown_and_so_is_all_behind_them() -> None:
    graph = graph_of(
        subgraph(
            [
                tensor("x"),
                tensor("shape", (2,), type=INT32),
                tensor("square", (2, 2)),
                tensor("y", (2, 2)),
                tensor("z"),
            ],
            [operator("RESHAPE", (0, 1), (2,)), operator("ABS", (2,), (3,)), operator("ABS", (0,), (4,))],
            (0, 1),
            (3, 4),
        )
    )
    assert unknown_shapes(graph, 0) == {2, 3}
    assert "'square'" in reason(graph, 0)
    assert "'square'" in reason(graph, 1)
    assert reason(graph, 2) == ""


def test_a_constant_shape_is_known() -> None:
    shape = tensor("shape", value=np.array([2, 2], np.int32), type=INT32)
    graph = graph_of(
        subgraph([tensor("x"), shape, tensor("y", (2, 2))], [operator("RESHAPE", (0, 1), (2,))], (0,), (2,))
    )
    assert unknown_shapes(graph, 0) == frozenset()


@pytest.mark.parametrize("name", ["WHERE", "UNIQUE"])
def test_operators_that_count_what_they_find(name: str) -> None:
    graph = graph_of(subgraph([tensor("x"), tensor("y")], [operator(name, (0,), (1,))], (0,), (1,)))
    assert unknown_shapes(graph, 0) == {1}


def test_real_models_have_no_unknown_shapes(model_file: Path) -> None:
    graph = read(model_file)
    assert unknown_shapes(graph, 0) == frozenset()
    assert is_static(graph)


def test_strings_are_not_static_although_they_have_shapes() -> None:
    assert not is_static(graph_of(subgraph([tensor("x", type=TensorType.STRING)], [], (0,), (0,))))


def test_resizable_inputs_are_no_unknown_shapes() -> None:
    assert unknown_shapes(sums(2, (1, 4), (-1, 4)), 0) == frozenset()
