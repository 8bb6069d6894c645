"""A delegate may find out only while compiling that it cannot run what it took."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from tests.runtime.delegate.conftest import Scripted, arithmetic, graph_of, operator, subgraph, sums, tensor

from littoral.runtime.delegate import Kernel, Partition, RefusalError, attach
from littoral.tflite import Graph, Operator


def refusing_products(partition: Partition) -> Kernel:
    if any(partition.whole.operators[index].name == "MUL" for index in partition.operators):
        raise RefusalError("scripted", "no products today")
    return arithmetic(partition)


def alternating() -> Graph:
    """x * 2, then NEG, then + 2: two regions for a delegate that leaves NEG to the processor."""
    two = tensor("two", value=np.full(1, 2, np.float32))
    chain = [operator("MUL", (0, 4), (1,)), operator("NEG", (1,), (2,)), operator("ADD", (2, 4), (3,))]
    return graph_of(subgraph([*map(tensor, "xabc"), two], chain, (0,), (3,)))


def not_neg(operator: Operator) -> bool:
    return operator.name != "NEG"


def test_a_refused_region_runs_on_the_processor_and_placement_says_why() -> None:
    delegate = Scripted(refusing_products, not_neg)
    with attach(alternating(), delegate) as session:
        assert session.run(np.ones(4, np.float32))[0].tolist() == [0] * 4
        assert [(one.runner, one.reason) for one in session.placement.operators] == [
            ("cpu", "no products today"),
            ("cpu", "scripted does not take NEG"),
            ("scripted", ""),
        ]


def test_a_delegate_that_refuses_everything_is_an_error() -> None:
    def refuse(_: Partition) -> Kernel:
        raise RefusalError("scripted", "not in the mood")

    with pytest.raises(RefusalError, match=r"scripted cannot run this model: not in the mood\. Use another device"):
        attach(alternating(), Scripted(refuse, not_neg))


def test_a_refusal_after_a_resize_reaches_the_caller() -> None:
    def only_four(partition: Partition) -> Kernel:
        if partition.tensor(0).shape != (4,):
            raise RefusalError("scripted", "only four")
        return arithmetic(partition)

    with attach(sums(2, signature=(-1,)), Scripted(only_four)) as session:
        with pytest.raises(RefusalError, match="only four"):
            session.resize({0: (5,)})
        session.resize({0: (4,)})
        assert session.run(np.zeros(4, np.float32))[0].tolist() == [2] * 4


def test_a_refusal_passes_between_processes() -> None:
    copy = pickle.loads(pickle.dumps(RefusalError("scripted", "no")))
    assert (copy.runner, copy.reason, str(copy)) == ("scripted", "no", str(RefusalError("scripted", "no")))
