"""Contexts: tensors, the order of things, and what the standard says of every misuse."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from littoral import webnn

PAIR = {"dataType": "float32", "shape": [2]}


def _array(*values: float) -> Any:
    return np.array(values, np.float32)


def _sum(context: webnn.MLContext) -> webnn.MLGraph:
    """y = a + b"""
    builder = webnn.MLGraphBuilder(context)
    return builder.build({"y": builder.add(builder.input("a", PAIR), builder.input("b", PAIR))})


class _Held:
    """Has the context's thread busy until it is let go."""

    def __init__(self, context: webnn.MLContext) -> None:
        self.go = threading.Event()
        self.over = False
        started = threading.Event()

        def wait() -> None:
            started.set()
            self.go.wait(20)
            self.over = True

        context.enqueue(wait)
        assert started.wait(20)


@pytest.fixture
def tensors(context: webnn.MLContext) -> tuple[webnn.MLTensor, webnn.MLTensor, webnn.MLTensor]:
    a, b, y = (context.create_tensor(PAIR, writable=True, readable=True) for _ in range(3))
    context.write_tensor(a, _array(1, 2))
    context.write_tensor(b, _array(10, 20))
    return a, b, y


def test_written_dispatched_and_read(context: webnn.MLContext, tensors: Any) -> None:
    a, b, y = tensors
    assert context.read_tensor(y).tolist() == [0, 0]  # as it was made
    context.dispatch(_sum(context), {"a": a, "b": b}, {"y": y})
    found = context.read_tensor(y)
    np.testing.assert_array_equal(found, _array(11, 22), strict=True)
    found[:] = 0  # the reader's own
    assert context.read_tensor(y).tolist() == [11, 22]


def test_the_standard_s_names_do_the_same(context: webnn.MLContext) -> None:
    x = context.createTensor({**PAIR, "readable": True, "writable": True})
    context.writeTensor(x, _array(3, 4).tobytes())
    assert (x.readable, x.writable, x.constant, x.dataType, x.shape) == (True, True, False, "float32", (2,))
    assert context.readTensor(x).tolist() == [3, 4]
    assert context.createConstantTensor(PAIR, bytes(8)).constant
    assert webnn.createContext is webnn.create_context
    assert repr(x) == "MLTensor(float32, [2])"


def test_what_is_asked_for_happens_in_order(context: webnn.MLContext, tensors: Any) -> None:
    a, b, y = tensors
    graph = _sum(context)
    held = _Held(context)
    value = _array(5, 5)
    context.dispatch(graph, {"a": a, "b": b}, {"y": y})
    context.dispatch(graph, {"a": y, "b": b}, {"y": a})  # of what comes before
    context.write_tensor(b, value)  # not before both have run
    value[:] = 99  # and not what the caller does to it afterwards
    context.dispatch(graph, {"a": a, "b": b}, {"y": y})
    held.go.set()
    assert [context.read_tensor(each).tolist() for each in (a, b, y)] == [[21, 42], [5, 5], [26, 47]]


def test_dispatch_does_not_wait(context: webnn.MLContext, tensors: Any) -> None:
    a, b, y = tensors
    graph = _sum(context)
    for _ in range(3):  # brief as it is
        context.dispatch(graph, {"a": a, "b": b}, {"y": y})
        context.read_tensor(y)
    held = _Held(context)
    context.dispatch(graph, {"a": a, "b": b}, {"y": y})
    assert not held.over
    held.go.set()
    assert context.read_tensor(y).tolist() == [11, 22]


def test_it_goes_on_without_a_reader(context: webnn.MLContext, tensors: Any) -> None:
    a, b, y = tensors
    context.dispatch(_sum(context), {"a": a, "b": b}, {"y": y})
    done = threading.Event()
    context.enqueue(done.set)
    assert done.wait(20)


def test_reading_into_a_buffer(context: webnn.MLContext, tensors: Any) -> None:
    a, *_ = tensors
    target = np.zeros((2,), np.float32)
    assert np.shares_memory(context.read_tensor(a, target), target)
    assert target.tolist() == [1, 2]
    raw = bytearray(8)
    context.read_tensor(a, raw)
    assert bytes(raw) == _array(1, 2).tobytes()
    for into, words in [
        (np.zeros(3, np.float32), "the buffer has 12 bytes, and .2. takes 8"),
        (np.zeros(2, np.int32), "the buffer is int32, and must be float32"),
        (bytes(8), "the buffer is read-only"),
        (np.zeros(4, np.float32)[::2], "not C-contiguous"),
    ]:
        with pytest.raises(TypeError, match=words):
            context.read_tensor(a, into)


def test_reading_while_other_coroutines_go_on(context: webnn.MLContext, tensors: Any) -> None:
    a, b, y = tensors
    held = _Held(context)
    context.dispatch(_sum(context), {"a": a, "b": b}, {"y": y})

    async def read() -> Any:
        reading = asyncio.ensure_future(context.read_tensor_async(y))
        await asyncio.sleep(0)
        assert not reading.done()
        held.go.set()
        return await reading

    assert asyncio.run(read()).tolist() == [11, 22]


def test_a_dispatch_that_fails_is_told_when_its_outputs_are_used(context: webnn.MLContext, tensors: Any) -> None:
    a, b, y = tensors
    graph = _sum(context)
    graph.model.close()  # what a device that fails looks like
    context.dispatch(graph, {"a": a, "b": b}, {"y": y})
    with pytest.raises(webnn.OperationError, match=r"the dispatch that writes this tensor failed: .* is closed"):
        context.read_tensor(y)
    context.dispatch(_sum(context), {"a": y, "b": b}, {"y": a})  # what comes of it fails too
    with pytest.raises(webnn.OperationError, match="the dispatch that writes this tensor failed"):
        context.read_tensor(a)
    context.write_tensor(y, _array(7, 7))  # a new value mends it
    assert context.read_tensor(y).tolist() == [7, 7]


def test_a_reader_that_is_interrupted_leaves_the_context_usable(
    context: webnn.MLContext, tensors: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, y = tensors
    graph = _sum(context)
    context.dispatch(graph, {"a": a, "b": b}, {"y": y})
    context.read_tensor(y)

    def interrupt(values: Mapping[str, Any], rooms: Mapping[str, Any]) -> dict[str, Any]:
        raise KeyboardInterrupt

    graph.is_brief = True  # in this thread
    with monkeypatch.context() as patch:
        patch.setattr(graph, "compute", interrupt)
        with pytest.raises(KeyboardInterrupt):
            context.dispatch(graph, {"a": a, "b": b}, {"y": y})
    with pytest.raises(webnn.OperationError):
        context.read_tensor(y)
    context.dispatch(graph, {"a": a, "b": b}, {"y": y})
    assert context.read_tensor(y).tolist() == [11, 22]


def test_dispatch_takes_what_the_graph_takes(context: webnn.MLContext, tensors: Any) -> None:
    a, b, y = tensors
    graph = _sum(context)
    wide = context.create_tensor({"dataType": "float32", "shape": [1, 2]})
    whole = context.create_tensor({"dataType": "int32", "shape": [2]})
    constant = context.create_constant_tensor(PAIR, bytes(8))
    with webnn.create_context() as other:
        foreign = other.create_tensor(PAIR)
        for inputs, outputs, words in [
            ({"a": a}, {"y": y}, "the inputs are a. The graph has a (float32 [2]), b (float32 [2])"),
            ({"a": a, "b": b, "c": y}, {"y": y}, "a tensor is given twice"),
            ({"a": a, "c": b}, {"y": y}, "the inputs are a, c. The graph has"),
            ([a, b], {"y": y}, "inputs or outputs are of type list, and must be tensors by name"),
            ({"a": a, "b": b}, {}, "the outputs are none. The graph has y (float32 [2])"),
            ({"a": a, "b": a}, {"y": y}, "a tensor is given twice"),
            ({"a": a, "b": b}, {"y": b}, "a tensor is given twice"),
            ({"a": a, "b": wide}, {"y": y}, "b is float32 [1, 2]. The graph has a (float32 [2])"),
            ({"a": a, "b": whole}, {"y": y}, "b is int32 [2]"),
            ({"a": a, "b": constant}, {"y": y}, "a constant tensor can be neither input nor output"),
            ({"a": a, "b": foreign}, {"y": y}, "dispatch, b: the tensor is of another context"),
            (
                {"a": a, "b": _array(1, 2)},
                {"y": y},
                "dispatch, b: the tensor is of type ndarray, and must be an MLTensor",
            ),
        ]:
            with pytest.raises(TypeError) as raised:
                context.dispatch(graph, inputs, outputs)  # type: ignore[arg-type]
            assert words in str(raised.value)
        with pytest.raises(TypeError, match="the graph is of type MLGraph, and must be an MLGraph of this context"):
            other.dispatch(graph, {}, {})


def test_tensors_do_what_they_were_made_for(context: webnn.MLContext) -> None:
    plain = context.create_tensor(PAIR)
    with pytest.raises(TypeError, match="write_tensor: the tensor is not writable"):
        context.write_tensor(plain, _array(1, 2))
    with pytest.raises(TypeError, match="read_tensor: the tensor is not readable"):
        context.read_tensor(plain)
    tensor = context.create_tensor(PAIR, writable=True)
    with pytest.raises(TypeError, match=r"write_tensor: the buffer has 4 bytes, and \[2\] takes 8"):
        context.write_tensor(tensor, _array(1))
    with pytest.raises(TypeError, match="write_tensor: the buffer is float64, and must be float32"):
        context.write_tensor(tensor, np.zeros(2))
    with pytest.raises(TypeError, match=r"create_tensor: the descriptor has the shape \[0\]"):
        context.create_tensor({"dataType": "float32", "shape": [0]})
    with pytest.raises(TypeError, match="create_constant_tensor: the buffer has 4 bytes"):
        context.create_constant_tensor(PAIR, bytes(4))


def test_destroyed_tensors_are_refused(context: webnn.MLContext, tensors: Any) -> None:
    a, b, y = tensors
    graph = _sum(context)
    a.destroy()
    a.destroy()  # again does nothing
    for misuse in (
        lambda: context.write_tensor(a, _array(1, 2)),
        lambda: context.read_tensor(a),
        lambda: context.dispatch(graph, {"a": a, "b": b}, {"y": y}),
    ):
        with pytest.raises(TypeError, match="the tensor is destroyed"):
            misuse()


def test_what_was_dispatched_outlives_its_tensors_and_graph(context: webnn.MLContext, tensors: Any) -> None:
    a, b, y = tensors
    graph = _sum(context)
    held = _Held(context)
    context.dispatch(graph, {"a": a, "b": b}, {"y": y})
    a.destroy()
    graph.destroy()
    graph.destroy()  # again does nothing
    with pytest.raises(webnn.InvalidStateError, match="the graph is destroyed"):
        context.dispatch(graph, {"a": a, "b": b}, {"y": y})
    assert not held.over
    held.go.set()
    assert context.read_tensor(y).tolist() == [11, 22]
    assert a._value.size == 0  # freed
    with pytest.raises(webnn.InvalidStateError, match="the graph is destroyed"):
        graph.run({})


def test_a_read_fails_when_its_tensor_is_destroyed_meanwhile(context: webnn.MLContext, tensors: Any) -> None:
    a, *_ = tensors
    held = _Held(context)

    async def read() -> None:
        reading = asyncio.ensure_future(context.read_tensor_async(a))
        await asyncio.sleep(0)  # it has been asked for
        a.destroy()
        held.go.set()
        with pytest.raises(webnn.InvalidStateError, match="the tensor was destroyed while this waited"):
            await reading

    asyncio.run(read())


def test_destroying_a_context(context: webnn.MLContext, tensors: Any) -> None:
    a, b, y = tensors
    graph, model = _sum(context), None
    model = graph.model
    assert not context.lost.done()
    context.destroy()
    context.destroy()  # again does nothing
    assert context.lost.result(0) == webnn.LostInfo("the context was destroyed")
    with pytest.raises(webnn.InvalidStateError, match="the graph is destroyed"):
        context.dispatch(graph, {"a": a, "b": b}, {"y": y})
    with pytest.raises(TypeError, match="the tensor is destroyed"):  # as the standard has it
        context.read_tensor(y)
    with pytest.raises(webnn.InvalidStateError, match="the context is lost"):
        context.create_tensor(PAIR)
    with pytest.raises(Exception, match="is closed"):
        model(_array(1, 2), _array(1, 2))


def test_what_was_not_done_fails_with_its_context(context: webnn.MLContext, tensors: Any) -> None:
    a, b, y = tensors
    held = _Held(context)
    context.dispatch(_sum(context), {"a": a, "b": b}, {"y": y})

    async def read() -> None:
        reading = asyncio.ensure_future(context.read_tensor_async(y))
        await asyncio.sleep(0)  # it has been asked for
        destroying = threading.Thread(target=context.destroy)
        destroying.start()
        await asyncio.wrap_future(context.lost)
        held.go.set()
        with pytest.raises(webnn.InvalidStateError, match="the context is lost"):
            await reading
        destroying.join(20)

    asyncio.run(read())


def test_lost_can_be_awaited(context: webnn.MLContext) -> None:
    async def wait() -> str:
        lost = asyncio.wrap_future(context.lost)
        context.destroy()
        return (await lost).message

    assert asyncio.run(wait()) == "the context was destroyed"


def test_what_is_dropped_is_freed() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        context = webnn.create_context()
        graph, tensor = _sum(context), context.create_tensor(PAIR, readable=True)
        context.dispatch(graph, {each: context.create_tensor(PAIR) for each in "ab"}, {"y": tensor})
        context.read_tensor(tensor)
        thread = context._timeline._thread
        dropped = [weakref.ref(each) for each in (context, graph, tensor)]
        del context, graph, tensor
        gc.collect()
    assert [reference() for reference in dropped] == [None] * 3
    assert thread is not None
    thread.join(20)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("named", "kind", "words"),
    [
        ({"device": "toaster"}, webnn.NotSupportedError, "toaster"),
        ({"device": "cpu:toaster"}, webnn.NotSupportedError, "toaster"),
        ({"power_preference": "max"}, TypeError, "the power preference is 'max'. Accepted: default, high-performance"),
    ],
)
def test_contexts_that_there_are_not(named: dict[str, str], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        webnn.create_context(**named)  # type: ignore[arg-type]


@pytest.mark.parametrize("device", ["cpu", "cpu:reference", "cpu:reference|cpu", "auto"])
def test_contexts_on_several_devices(device: str) -> None:
    with webnn.create_context(device, threads=1, power_preference="low-power", accelerated=False) as context:
        assert (context.device, context.accelerated) == (device, False)
        assert _sum(context).run({"a": _array(1, 2), "b": _array(3, 4)})["y"].tolist() == [4, 6]


def test_a_graph_that_its_device_refuses(context: webnn.MLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(program: webnn.Program) -> None:
        raise webnn.NotSupportedError("add 'sum' cannot be computed by LiteRT")

    monkeypatch.setattr("littoral.webnn.to_model.lower", refuse)
    with pytest.raises(webnn.OperationError, match="cannot be compiled for cpu: add 'sum' cannot be computed"):
        _sum(context)


def test_limits_are_the_standard_s_dictionary(context: webnn.MLContext) -> None:
    limits = context.op_support_limits()
    assert limits == context.opSupportLimits()
    assert (limits["preferredInputLayout"], limits["maxTensorByteLength"]) == ("nhwc", 2**31 - 1)
    floats = {"dataTypes": ["float32", "float16"], "rankRange": {"min": 3, "max": 3}}
    assert limits["gru"]["weight"] == limits["gru"]["output0"] == floats
    assert limits["add"]["output"]["rankRange"] == {"min": 0, "max": 8}
    assert limits["argMax"]["output"]["dataTypes"] == ["int32", "int64"]
