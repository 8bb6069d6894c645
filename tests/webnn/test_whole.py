"""Graphs that a delegate takes whole: on the caller's memory, in the caller's order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest

from littoral import webnn
from littoral.devices import parse
from littoral.runtime import places
from littoral.runtime.delegate import Array, Delegate, Kernel, Partition, RefusalError
from littoral.tflite import Graph, Operator, Subgraph
from littoral.webnn import whole
from littoral.webnn.to_model import lower

A, B = np.array([1, 2], np.float32), np.array([10, 20], np.float32)


class Subtracter(Delegate):
    """Subtracts in NumPy: its first input from its second, in the order of the partition."""

    name: ClassVar[str] = "subtracter"
    isolated = False

    def __init__(self) -> None:
        self.seen: list[tuple[tuple[Array, ...], tuple[Array, ...]]] = []
        self.answer: bool | str = True
        self.refuses = False
        self.fails = False

    def claim(self, subgraph: Subgraph, operator: Operator) -> bool | str:
        return self.answer

    def compile(self, partition: Partition) -> Kernel:
        if self.refuses:
            raise RefusalError("subtracter", "not today")
        names = [partition.tensor(index).name for index in partition.inputs]

        def kernel(inputs: tuple[Array, ...], outputs: tuple[Array, ...]) -> None:
            self.seen.append((inputs, outputs))
            if self.fails:
                raise ZeroDivisionError
            values = dict(zip(names, inputs, strict=True))
            for index, output in zip(partition.outputs, outputs, strict=True):
                sign = 1 if partition.tensor(index).name == "less" else -1
                output[...] = sign * (values["a"] - values["b"])

        return kernel


@pytest.fixture
def delegate(monkeypatch: pytest.MonkeyPatch) -> Subtracter:
    made = Subtracter()
    monkeypatch.setattr(whole, "make", lambda _: made)
    monkeypatch.setattr(whole, "wants_isolation", lambda _: False)
    monkeypatch.setattr(places, "check_device", lambda _: None)
    return made


def record(context: webnn.MLContext) -> Callable[[], webnn.MLGraph]:
    """less = a - b and more = b - a, where the partition comes upon b first."""
    builder = webnn.MLGraphBuilder(context)
    a, b = (builder.input(name, {"dataType": "float32", "shape": [2]}) for name in "ab")
    more, less = builder.sub(b, a), builder.sub(a, b)
    return lambda: builder.build({"less": less, "more": more})


@pytest.fixture
def graph(delegate: Subtracter) -> webnn.MLGraph:
    return record(webnn.create_context("subtracter", threads=1))()


def lowered() -> Graph:
    builder = webnn.MLGraphBuilder(webnn.create_context())
    a, b = (builder.input(name, {"dataType": "float32", "shape": [2]}) for name in "ab")
    return lower(builder.record({"less": builder.sub(a, b)}))


def test_values_find_their_places(graph: webnn.MLGraph) -> None:
    np.testing.assert_equal(graph.run({"b": B, "a": A}), {"less": A - B, "more": B - A})


def test_arrays_of_the_caller_are_bound_and_not_copied(graph: webnn.MLGraph, delegate: Subtracter) -> None:
    results = graph.run({"a": A, "b": B})
    (inputs, outputs), *_ = delegate.seen
    assert all(np.shares_memory(seen, given) for seen, given in zip(inputs, (B, A), strict=True))
    assert not any(seen.flags.writeable for seen in inputs)
    assert {id(seen) for seen in outputs} == {id(made) for made in results.values()}


def test_tensors_are_bound_once(graph: webnn.MLGraph, delegate: Subtracter) -> None:
    context = graph._context
    a, b = (context.create_tensor(graph.inputs[name], writable=True) for name in "ab")
    outputs = {name: context.create_tensor(graph.outputs[name], readable=True) for name in ("less", "more")}
    for n in range(1, 4):
        context.write_tensor(a, n * A)
        context.write_tensor(b, B)
        context.dispatch(graph, {"a": a, "b": b}, outputs)
        kept = context.read_tensor(outputs["less"])
        np.testing.assert_array_equal(kept, n * A - B)
    assert len(delegate.seen) == 3
    assert all(seen[0] is delegate.seen[0][0] and seen[1] is delegate.seen[0][1] for seen in delegate.seen)
    context.write_tensor(a, 7 * A)
    context.dispatch(graph, {"a": a, "b": b}, outputs)
    context.read_tensor(outputs["more"])
    np.testing.assert_array_equal(kept, 3 * A - B)  # what was read stays as it was


@pytest.mark.parametrize("values", [{"a": A}, {"a": A, "b": B[:1]}, {"a": A, "b": B.astype(np.float64)}])
def test_no_kernel_sees_other_inputs(graph: webnn.MLGraph, delegate: Subtracter, values: dict[str, Any]) -> None:
    with pytest.raises(webnn.OperandError, match="input 'b' is "):
        graph.run(values)
    assert not delegate.seen


def test_inputs_in_strides_are_made_contiguous(graph: webnn.MLGraph) -> None:
    strided = np.array([10, 0, 20, 0], np.float32)[::2]
    np.testing.assert_equal(graph.run({"a": A, "b": strided})["less"], A - B)


def test_a_failure_is_told_when_the_output_is_read(graph: webnn.MLGraph, delegate: Subtracter) -> None:
    context = graph._context
    inputs = {name: context.create_tensor(descriptor) for name, descriptor in graph.inputs.items()}
    outputs = {name: context.create_tensor(graph.outputs[name], readable=True) for name in ("less", "more")}
    delegate.fails = True
    context.dispatch(graph, inputs, outputs)
    with pytest.raises(webnn.OperationError, match="the dispatch that writes this tensor failed"):
        context.read_tensor(outputs["less"])
    delegate.fails = False
    context.dispatch(graph, inputs, outputs)
    assert context.read_tensor(outputs["less"]).tolist() == [0, 0]


def test_a_destroyed_graph_runs_no_more(graph: webnn.MLGraph) -> None:
    graph.destroy()
    graph.destroy()
    for use in (lambda: graph.run({"a": A, "b": B}), lambda: graph.model):
        with pytest.raises(webnn.InvalidStateError, match="destroyed"):
            use()


def test_devices_without_such_kernels(delegate: Subtracter, monkeypatch: pytest.MonkeyPatch) -> None:
    (cpu,), (other,) = parse("cpu:reference"), parse("subtracter")
    assert whole.whole_kernel(lowered(), cpu, 1) is None
    assert whole.whole_kernel(lowered(), other, 1) is not None
    delegate.answer = "too small"
    assert whole.whole_kernel(lowered(), other, 1) is None
    delegate.answer = True
    monkeypatch.setattr(whole, "wants_isolation", lambda _: True)
    assert whole.whole_kernel(lowered(), other, 1) is None


def test_a_kernel_that_is_refused_leaves_it_to_the_device(delegate: Subtracter) -> None:
    delegate.refuses = True
    with pytest.raises(webnn.OperationError, match="cannot be compiled for subtracter"):
        record(webnn.create_context("subtracter"))()
