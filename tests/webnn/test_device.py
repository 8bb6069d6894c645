"""The device webnn: what it takes, what it leaves, and that answers stay the same."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from littoral import runtime
from littoral.errors import DeviceError
from littoral.runtime import FallbackWarning, load, memory, places
from littoral.runtime.delegate import Array, Delegate, Kernel, Partition, RefusalError, attach
from littoral.runtime.litert.probe import sum_model
from littoral.tflite import Graph, Operator, OperatorCode, Subgraph, Tensor, TensorType
from littoral.webnn import device, whole
from littoral.webnn.device import WebNN

X = np.array([[1, -2, 3, -4]], np.float32)


def operator(name: str, inputs: Sequence[int], outputs: Sequence[int]) -> Operator:
    return Operator(code=OperatorCode.of(name), inputs=tuple(inputs), outputs=tuple(outputs))


def graph(names: str, operators: Sequence[Operator], inputs: Sequence[int], outputs: Sequence[int]) -> Graph:
    """Tensors of one letter each: floats [1, 4], truth values where it is a capital."""
    kinds = {True: TensorType.BOOL, False: TensorType.FLOAT32}
    tensors = [Tensor(name=name, shape=(1, 4), type=kinds[name.isupper()]) for name in names]
    main = Subgraph(tensors=tensors, operators=list(operators), inputs=tuple(inputs), outputs=tuple(outputs))
    return Graph(subgraphs=[main], metadata=[], signatures=[])


@pytest.fixture
def torn() -> Graph:
    """z = -atan2(|x|, x): WebNN has no ATAN2."""
    steps = [operator("ABS", [0], [1]), operator("ATAN2", [1, 0], [2]), operator("NEG", [2], [3])]
    return graph("xyaz", steps, [0], [3])


class Doubler(Delegate):
    """Takes additions, whatever they add, and notes the memory that it is given."""

    name: ClassVar[str] = "doubler"
    takes: ClassVar[bool | str] = True

    def __init__(self) -> None:
        self.seen: list[Array] = []

    def claim(self, subgraph: Subgraph, operator: Operator) -> bool | str:
        return self.takes

    def compile(self, partition: Partition) -> Kernel:
        def kernel(inputs: tuple[Array, ...], outputs: tuple[Array, ...]) -> None:
            self.seen = [*inputs, *outputs]
            outputs[0][...] = 2 * inputs[0]

        return kernel


@pytest.fixture
def doubler(monkeypatch: pytest.MonkeyPatch) -> Doubler:
    """Stands for every device beneath that is not one of LiteRT's own."""
    made = Doubler()
    monkeypatch.setattr(device, "check_device", lambda _: None)
    monkeypatch.setattr(places, "check_device", lambda _: None)
    monkeypatch.setattr(whole, "make", lambda _: made)
    monkeypatch.setattr(whole, "wants_isolation", lambda _: False)
    return made


@pytest.mark.parametrize("name", ["webnn", "webnn:cpu", "webnn:cpu:reference"])
def test_a_model_runs_on_the_device_beneath(name: str) -> None:
    with load(sum_model(), name) as model:
        np.testing.assert_array_equal(model(X), 2 * X)
        assert [place.runner for place in model.placement.operators] == ["webnn"]
        assert model.device == name


@pytest.mark.parametrize("name", ["webnn:webnn", "webnn:auto", "webnn:nothing", "webnn:cpu:fast", "webnn:openvino:f8"])
def test_what_is_no_device_beneath_is_refused(name: str) -> None:
    with pytest.raises(DeviceError):
        load(sum_model(), name)


def test_tuning_does_not_try_it() -> None:
    assert WebNN.devices() == []


def test_what_webnn_lacks_is_left_to_the_processor(torn: Graph) -> None:
    with load(torn, "webnn") as model, load(torn, "cpu") as right:
        np.testing.assert_array_equal(model(X), right(X))
        places = model.placement.operators
    assert [place.runner for place in places] == ["webnn", "cpu", "webnn"]
    assert places[1].reason == "WebNN has nothing for ATAN2"


def test_a_model_of_which_it_takes_nothing_is_refused() -> None:
    nothing = graph("xy", [operator("ATAN2", [0, 0], [1])], [0], [1])
    with pytest.raises(DeviceError, match="webnn takes no operator of the model: ATAN2: WebNN has nothing for ATAN2"):
        load(nothing, "webnn")
    with pytest.warns(FallbackWarning, match="webnn takes no operator"), load(nothing, "webnn|cpu") as model:
        assert model.device == "cpu"


def test_truth_values_cross_its_edge() -> None:
    steps = [operator("LESS", [0, 1], [2]), operator("LOGICAL_NOT", [3], [4]), operator("LOGICAL_AND", [2, 4], [5])]
    given = graph("xyACDE", steps, [0, 1, 3], [2, 5])
    truths = np.array([[True, False, False, True]])
    with load(given, "webnn") as model, load(given, "cpu") as right:
        results, wanted = model(X, -X, truths), right(X, -X, truths)
        assert all(place.runner == "webnn" for place in model.placement.operators)
    for name in wanted:
        assert results[name].dtype == np.bool_
        np.testing.assert_array_equal(results[name], wanted[name])


def test_inputs_and_outputs_keep_their_places() -> None:
    steps = [operator("NEG", [3], [4]), operator("ABS", [1], [5]), operator("NEG", [0], [2])]
    given = graph("wxvyuz", steps, [3, 1, 0], [5, 2, 4])
    with load(given, "webnn") as model:
        results = model(y=X, x=2 * X, w=3 * X)
    np.testing.assert_equal(results, {"z": abs(2 * X), "v": -3 * X, "u": -X})


def test_it_follows_a_resize(torn: Graph) -> None:
    with attach(torn, WebNN()) as session:
        session.resize({0: (2, 3)})
        x = np.array([[1, -2, 3], [-4, 5, -6]], np.float32)
        (z,) = session.run(x)
    np.testing.assert_allclose(z, -np.arctan2(abs(x), x), rtol=1e-6)


def test_graphs_are_freed_with_the_model(torn: Graph) -> None:
    gc.collect()
    before = memory()
    for _ in range(3):
        with load(torn, "webnn") as model:
            model(X)
            assert memory().models > before.models
    gc.collect()
    after = memory()
    assert (after.models, after.engines, after.kernels) == (before.models, before.engines, before.kernels)


def test_a_delegate_beneath_works_on_the_memory_of_the_model(doubler: Doubler) -> None:
    with attach(sum_model(), WebNN("doubler")) as session:
        (y,) = session.run(X)
        with session.use() as interpreter:
            arena = [interpreter.tensor(index)() for index in (0, 1)]
            assert all(np.shares_memory(seen, there) for seen, there in zip(doubler.seen, arena, strict=True))
            del arena
            doubler.seen.clear()
    assert y.tolist() == (2 * X).tolist()


def test_what_the_device_beneath_refuses_is_left_to_the_processor(
    torn: Graph, monkeypatch: pytest.MonkeyPatch, doubler: Doubler
) -> None:
    def refuse(self: Doubler, partition: Partition) -> Kernel:
        raise RefusalError("doubler", "no such thing")

    def load_nothing(*_: object) -> None:
        raise DeviceError("doubler takes nothing")

    monkeypatch.setattr(Doubler, "compile", refuse)
    monkeypatch.setattr(runtime, "load", load_nothing)
    with pytest.raises(DeviceError, match=r"webnn cannot run this model: .*doubler: doubler takes nothing"):
        attach(torn, WebNN("doubler"))
    assert not doubler.seen


def test_a_failure_beneath_reaches_the_caller(doubler: Doubler, monkeypatch: pytest.MonkeyPatch) -> None:
    def compile_(self: Doubler, partition: Partition) -> Kernel:
        def kernel(inputs: tuple[Array, ...], outputs: tuple[Array, ...]) -> None:
            raise ZeroDivisionError("of its own")

        return kernel

    monkeypatch.setattr(Doubler, "compile", compile_)
    with load(sum_model(), "webnn:doubler") as model, pytest.raises(DeviceError, match="of its own"):
        model(X)
    assert not doubler.seen


@pytest.mark.parametrize(
    "file",
    [
        "mobilenet_v1_0.25_128_quant.tflite",
        "keras_lstm_mnist_ptq.tflite",
        "tools/mobilenet_quant_v1_224_head_layers.tflite",
        "tools/split_concat.tflite",
    ],
)
def test_quantized_models_give_what_they_gave(coral: Path, file: str) -> None:
    generator = np.random.default_rng(0)
    with load(coral / file, "webnn") as model, load(coral / file, "cpu") as right:
        assert model.placement.accelerated > 0
        values: list[Any] = [generator.integers(0, 256, info.shape).astype(info.dtype) for info in model.inputs]
        results, wanted = model(*values, raw=True), right(*values, raw=True)
    for name in [info.name for info in right.outputs]:
        one, other = (each[name] if isinstance(each, dict) else each for each in (results, wanted))
        assert np.abs(one.astype(int) - other).max() <= 1
