"""Graphs run arrays, whatever the names and the order of inputs and outputs."""

from __future__ import annotations

import numpy as np

from littoral import webnn


def _operand(builder: webnn.MLGraphBuilder, name: str, *shape: int) -> webnn.MLOperand:
    return builder.input(name, {"dataType": "float32", "shape": shape})


def test_names_go_with_their_values(context: webnn.MLContext) -> None:
    builder = webnn.MLGraphBuilder(context)
    b, a = _operand(builder, "b", 2), _operand(builder, "a", 2)
    # An output may have an input's name, or any text; two may be one operand.
    difference = builder.sub(a, b)
    graph = builder.build({"a": difference, "sum of/2:": builder.add(a, b), "again": difference})
    found = graph.run({"a": np.full(2, 5, np.float32), "b": np.full(2, 3, np.float32)})
    assert {name: value.tolist() for name, value in found.items()} == {
        "a": [2, 2],
        "sum of/2:": [8, 8],
        "again": [2, 2],
    }
    assert list(graph.inputs) == ["b", "a"]
    assert graph.outputs["again"] == webnn.Descriptor("float32", (2,))


def test_scalars_keep_their_shape(context: webnn.MLContext) -> None:
    builder = webnn.MLGraphBuilder(context)
    x = _operand(builder, "x")
    graph = builder.build({"y": builder.add(x, x)})
    assert graph.run({"x": np.array(2, np.float32)})["y"].shape == ()


def test_a_graph_of_constants_has_no_inputs(context: webnn.MLContext) -> None:
    builder = webnn.MLGraphBuilder(context)
    one = builder.constant(np.ones(3, np.float32))
    graph = builder.build({"y": builder.add(one, one)})
    tensor = context.create_tensor({"dataType": "float32", "shape": [3]}, readable=True)
    context.dispatch(graph, {}, {"y": tensor})
    assert context.read_tensor(tensor).tolist() == [2, 2, 2]


def test_where_it_runs_is_known(context: webnn.MLContext) -> None:
    builder = webnn.MLGraphBuilder(context)
    x = _operand(builder, "x", 4)
    graph = builder.build({"y": builder.add(x, x)})
    assert [operator.name for operator in graph.model.placement.operators] == ["ADD"]
