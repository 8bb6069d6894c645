"""A graph and an interpreter that do not belong together are told apart."""

from __future__ import annotations

import pytest
from tests.runtime.delegate.conftest import Scripted, arithmetic, graph_of, operator, subgraph, sums, tensor

from littoral.errors import DeviceError
from littoral.runtime.delegate import Attachment
from littoral.tflite import Graph, TensorType, to_bytes


def pair(name: str = "y", kind: TensorType = TensorType.FLOAT32) -> Graph:
    tensors = [tensor("x", type=kind), tensor(name, type=kind)]
    return graph_of(subgraph(tensors, [operator("ADD", (0, 0), (1,))], (0,), (1,)))


def also(graph: Graph, count: int) -> Graph:
    """With other subgraphs, which nobody calls."""
    return graph.replaced(subgraphs=[*graph.subgraphs, *(pair().main for _ in range(count))])


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        (pair("y"), pair("z"), "tensor 1 is 'y' in one and b'z' in the other"),
        (pair(), pair(kind=TensorType.INT32), "tensor 0"),
        (sums(5), sums(2), "7 tensors, and the interpreter 4"),
        (pair(), also(pair(), 1), "none of its 1 subgraphs"),
    ],
    ids=["name", "type", "count", "subgraphs"],
)
def test_another_model(ours: Graph, theirs: Graph, words: str) -> None:
    from ai_edge_litert.interpreter import Interpreter

    attachment = Attachment(ours, Scripted(arithmetic))
    with pytest.raises(DeviceError, match="another model than the graph") as caught, attachment:
        Interpreter(model_content=to_bytes(theirs), experimental_delegates=[attachment])
    assert words in str(caught.value)


def test_subgraphs_that_look_alike_are_not_mixed_up() -> None:
    from ai_edge_litert.interpreter import Interpreter

    graph = also(pair(), 3)
    third = graph.subgraphs[2].operators[0]
    attachment = Attachment(graph, Scripted(arithmetic, claim=lambda operator: operator is third))
    interpreter = Interpreter(model_content=to_bytes(graph), experimental_delegates=[attachment])
    interpreter.allocate_tensors()
    assert [kernel.partition.subgraph for kernel in attachment.kernels.values()] == [2]
