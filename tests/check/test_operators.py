from __future__ import annotations

from pathlib import Path

import pytest

from littoral.check.operators import float_edges, operator_share, unset_variables
from littoral.tflite import Graph, Operator, OperatorCode, Subgraph, Tensor, TensorType, read
from littoral.tflite.options.control import CallOnceOptions, VarHandleOptions


@pytest.mark.parametrize(
    ("file", "integer", "weights_only", "macs_done"),
    [
        ("model.tflite", 0, 0, 0.0),
        ("model_fp16.tflite", 0, 5, 1.0),
        ("model_integer.tflite", 9, 0, 1.0),
        ("model_full_integer.tflite", 9, 0, 1.0),
    ],
)
def test_shares_of_real_files(models: Path, file: str, integer: int, weights_only: int, macs_done: float) -> None:
    share = operator_share(read(models / file))
    assert (share.total, share.integer, share.weights_only) == (9, integer, weights_only)
    assert share.quantized_macs == macs_done
    assert share.macs == 10_874_368
    assert not share.partial


def test_dynamic_quantization_is_weights_only_where_it_pays(models: Path) -> None:
    share = operator_share(read(models / "model_8bit.tflite"))
    assert (share.integer, share.weights_only) == (0, 3)
    assert 0 < share.quantized_macs < 1
    assert [one.kind for one in share.floats].count("MAX_POOL_2D") == 3


def test_float_islands_are_named(coral: Path) -> None:
    share = operator_share(read(coral / "movenet_single_pose_lightning_ptq.tflite"))
    assert share.partial
    assert {one.kind for one in share.floats} == {"CAST", "DIV", "SQRT"}
    assert share.total - share.integer == len(share.floats) == 7
    detector = operator_share(read(coral / "automl_video_ondevice" / "traffic_model.tflite"))
    assert [one.kind for one in detector.floats] == ["TFLite_Detection_PostProcess"]


def test_plain_integers_do_not_count() -> None:
    shape = Tensor(name="shape", type=TensorType.INT32, shape=(2,))
    graph = one_subgraph(
        [Tensor(name="x", shape=(1, 2)), shape], [Operator(code=OperatorCode.of("SHAPE"), inputs=(0,), outputs=(1,))]
    )
    assert operator_share(graph).total == 1
    graph.main.tensors[0].type = TensorType.INT32
    assert operator_share(graph).total == 0
    assert operator_share(graph).quantized == 0.0


def test_float_edges(models: Path) -> None:
    assert float_edges(read(models / "model_integer.tflite")) == ["conv2d_19_input", "Identity"]
    assert float_edges(read(models / "model_full_integer.tflite")) == []


def one_subgraph(tensors: list[Tensor], operators: list[Operator]) -> Graph:
    main = Subgraph(tensors=tensors, inputs=(0,), outputs=(len(tensors) - 1,), operators=operators)
    return Graph(subgraphs=[main], metadata=[], signatures=[])


def handle(name: str) -> Operator:
    return Operator(code=OperatorCode.of("VAR_HANDLE"), outputs=(1,), options=VarHandleOptions(shared_name=name))


def stateful(*before: Operator) -> Graph:
    """Reads the variable "w" after the given operators."""
    tensors = [Tensor(name="x", shape=(1,)), Tensor(name="h", type=TensorType.RESOURCE), Tensor(name="y", shape=(1,))]
    reading = Operator(code=OperatorCode.of("READ_VARIABLE"), inputs=(1,), outputs=(2,))
    return one_subgraph(tensors, [*before, handle("w"), reading, reading])


ASSIGN = Operator(code=OperatorCode.of("ASSIGN_VARIABLE"), inputs=(1, 0))


def test_a_variable_that_nothing_sets_is_found_once() -> None:
    assert unset_variables(stateful()) == ["w"]


def test_a_variable_assigned_before_is_set() -> None:
    assert unset_variables(stateful(handle("w"), ASSIGN)) == []


def test_a_variable_set_by_the_initialiser_is_set() -> None:
    once = Operator(code=OperatorCode.of("CALL_ONCE"), options=CallOnceOptions(init_subgraph_index=1))
    graph = stateful(once)
    tensors = [Tensor(name="v", shape=(1,)), Tensor(name="h", type=TensorType.RESOURCE)]
    graph.subgraphs.append(Subgraph(tensors=tensors, operators=[handle("w"), ASSIGN]))
    assert unset_variables(graph) == []
    graph.subgraphs[1].operators[0] = handle("another")
    assert unset_variables(graph) == ["w"]


def test_real_files_have_no_unset_variables(models: Path) -> None:
    assert all(unset_variables(read(file)) == [] for file in models.glob("*.tflite"))
