"""A partition: what goes in and out, and as a model of its own."""

from __future__ import annotations

from pathlib import Path

from tests.runtime.delegate.conftest import sums

from littoral.runtime.delegate import Partition
from littoral.tflite import read, to_bytes


def test_inputs_and_outputs_are_what_crosses_its_edge() -> None:
    partition = Partition(sums(3), 0, (1, 2))
    assert partition.inputs == (1,)  # the constant 1 is not one
    assert partition.outputs == (3,)
    assert partition.tensor(3).name == "t3"


def test_a_slice_has_fixed_shapes_and_the_same_edge() -> None:
    partition = Partition(sums(3, (1, 4), (-1, 4)), 0, (1, 2))
    part = partition.slice()
    assert [part.main.tensors[index].name for index in (*part.main.inputs, *part.main.outputs)] == ["t1", "t3"]
    assert all(tensor.shape_signature == tensor.shape for tensor in part.main.tensors)


def test_a_slice_is_a_model_file(coral: Path) -> None:
    graph = read(coral / "movenet_single_pose_lightning_ptq.tflite")
    partition = Partition(graph, 0, tuple(range(40, 90)))
    part = read(to_bytes(partition.slice()))
    assert [part.main.tensors[index].name for index in part.main.inputs] == [
        partition.tensor(index).name for index in partition.inputs
    ]


def test_other_shapes_leave_the_model_as_it_is() -> None:
    graph = sums(2, (1, 4))
    partition = Partition(graph, 0, (0, 1), threads=3)
    wider = partition.reshaped({0: (5, 4), 1: (5, 4), 2: (5, 4)})
    assert [wider.tensor(index).shape for index in range(4)] == [(5, 4), (5, 4), (5, 4), (1,)]
    assert wider.threads == 3
    assert graph.main.tensors[0].shape == (1, 4)


def test_the_same_shapes_give_the_same_partition() -> None:
    partition = Partition(sums(2), 0, (0, 1))
    assert partition.reshaped({0: (4,), 2: (4,)}) is partition
