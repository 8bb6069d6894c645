"""Custom operators that LiteRT has no kernel for: run in Python on any device."""

from __future__ import annotations

import ctypes
import importlib.metadata
from pathlib import Path

import numpy as np
import pytest
from tests.runtime.delegate.conftest import Scripted

from littoral.errors import DeviceError
from littoral.runtime import load
from littoral.runtime.delegate import Array, Kernel, Partition, RefusalError, attach
from littoral.tflite import Graph, Operator, OperatorCode, Subgraph, Tensor, TensorType, write

X = np.array([[1, 2, 3, 4]], np.float32)


def operators(*steps: str, rows: int = 1) -> Graph:
    """A chain of operators on [rows, 4] floats; the file does not say what shapes `triple` gives."""
    tensors = [Tensor(name="x", shape=(rows, 4), type=TensorType.FLOAT32)]
    tensors += [
        Tensor(name=f"{step} {index}", shape=() if "triple" in steps[: index + 1] else (rows, 4))
        for index, step in enumerate(steps)
    ]
    chain = [Operator(code=OperatorCode.of(step), inputs=(i,), outputs=(i + 1,)) for i, step in enumerate(steps)]
    main = Subgraph(tensors=tensors, inputs=(0,), outputs=(len(steps),), operators=chain)
    return Graph(subgraphs=[main], metadata=[], signatures=[])


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize("isolate", [False, True])
@pytest.mark.parametrize("device", ["cpu", "cpu:reference"])
def test_on_the_processor(device: str, isolate: bool) -> None:
    with load(operators("NEG", "NEG", "triple", "NEG"), device, isolate=isolate) as model:
        for scale in (1, 2):
            np.testing.assert_array_equal(model(X * scale), -3 * scale * X[..., None])
        assert [place.runner for place in model.placement.operators] == ["cpu"] * 4
        reasons = [place.reason for place in model.placement.operators]
        assert reasons[2] == "a kernel in Python"
        assert reasons[0] == ("XNNPACK" if device == "cpu" else "LiteRT's own kernel")


@pytest.mark.usefixtures("acme")
def test_beside_a_vendors_delegate(tmp_path: Path) -> None:
    write(operators("vendor-op", "triple", "NEG"), tmp_path / "m.tflite")
    for device in ("acme", "apart"):
        with load(tmp_path / "m.tflite", device) as model:
            np.testing.assert_array_equal(model(X), -6 * X[..., None])
            assert [place.runner for place in model.placement.operators] == ["acme", "cpu", "cpu"]
            assert model.placement.operators[1].reason == "a kernel in Python"


def negated(partition: Partition) -> Kernel:
    def kernel(inputs: tuple[Array, ...], outputs: tuple[Array, ...]) -> None:
        outputs[0][...] = -inputs[0]

    return kernel


@pytest.mark.usefixtures("acme")
def test_beside_a_delegate_in_python() -> None:
    from littoral.runtime.delegate.custom import find

    accelerator = Scripted(negated, claim=lambda operator: operator.name == "NEG" or "only NEG")
    with attach(operators("NEG", "triple", "NEG"), accelerator, operators=find({"triple"})) as session:
        np.testing.assert_array_equal(session.run(-X)[0], -3 * X[..., None])
        assert [place.runner for place in session.placement.operators] == ["scripted", "cpu", "scripted"]


def test_two_in_a_row_are_two_kernels() -> None:
    seen: list[Partition] = []

    def plus(partition: Partition) -> Kernel:
        seen.append(partition)

        def kernel(inputs: tuple[Array, ...], outputs: tuple[Array, ...]) -> None:
            outputs[0][...] = inputs[0] + 1

        return kernel

    with attach(operators("plus", "plus"), None, operators={"plus": plus}) as session:
        np.testing.assert_array_equal(session.run(X)[0], X + 2)
    assert [partition.operators for partition in seen] == [(0,), (1,)]


@pytest.mark.usefixtures("acme")
def test_shapes_follow_a_resize() -> None:
    from littoral.runtime.delegate.custom import find

    with attach(operators("NEG", "triple"), None, operators=find({"triple"})) as session:
        for rows in (3, 1, 70):
            x = np.full((rows, 4), -float(rows), np.float32)
            session.resize({0: x.shape})
            np.testing.assert_array_equal(session.run(x)[0], -3 * x[..., None])


@pytest.mark.usefixtures("acme")
def test_what_a_kernel_raises_reaches_the_caller() -> None:
    with load(operators("triple"), "cpu") as model:
        with pytest.raises(DeviceError, match=r"triple failed in the kernel of .*ValueError: a negative") as told:
            model(-X)
        assert isinstance(told.value.__cause__, ValueError)
        np.testing.assert_array_equal(model(X), 3 * X[..., None])


def test_a_kernel_with_too_many_shapes() -> None:
    def wrong(partition: Partition) -> Kernel:
        kernel = Scripted(negated).compile(partition)
        kernel.shapes = [(1, 4), (1,)]  # type: ignore[attr-defined] # any kernel may have it
        return kernel

    with pytest.raises(DeviceError, match=r"operator 0 \(odd\) has 1 outputs and gives 2 shapes"):
        attach(operators("odd"), None, operators={"odd": wrong})


def test_a_refusal_is_an_error_as_there_is_nobody_else() -> None:
    def refuse(partition: Partition) -> Kernel:
        raise RefusalError("odd", "options of version 2")

    with pytest.raises(DeviceError, match="odd cannot run this model: options of version 2"):
        attach(operators("NEG", "odd"), Scripted(negated, lambda op: op.name == "NEG"), operators={"odd": refuse})


def test_an_operator_that_no_delegate_can_take() -> None:
    graph = operators("odd")
    graph.main.tensors[0] = graph.main.tensors[0].replaced(type=TensorType.STRING)
    with pytest.raises(DeviceError, match="odd cannot run in Python: it handles STRING tensors"):
        attach(graph, None, operators={"odd": negated})


@pytest.mark.usefixtures("acme")
def test_an_operator_that_nobody_has() -> None:
    with pytest.raises(DeviceError, match=r"unresolved custom op: strange.*entry-point group littoral.operators"):
        load(operators("strange"), "cpu")
    with pytest.raises(DeviceError, match=r"unresolved custom op: strange.*entry-point group littoral.operators"):
        load(operators("triple", "strange"), "cpu")
    with pytest.raises(DeviceError, match=r"delegate lost failed in import of acme_lost:lost: ModuleNotFoundError"):
        load(operators("lost"), "cpu")


def test_other_models_look_nothing_up(monkeypatch: pytest.MonkeyPatch, coral: Path, acme: ctypes.CDLL) -> None:
    def fail(**_: str) -> None:
        raise AssertionError("entry points were looked up")

    monkeypatch.setattr(importlib.metadata, "entry_points", fail)
    monkeypatch.setattr("littoral.runtime.delegate.custom.entry_points", fail)
    monkeypatch.setattr("littoral.runtime.delegate.plugins.entry_points", fail)
    load(operators("NEG"), "cpu").close()
    load(coral / "automl_video_ondevice" / "traffic_model.tflite", "cpu").close()  # TFLite_Detection_PostProcess


def test_real_models_with_a_decoder(coral: Path) -> None:
    file = coral / "posenet" / "posenet_mobilenet_v1_075_353_481_16_quant_decoder.tflite"
    with load(file, threads=1) as model, load(file, "cpu:reference", threads=1) as reference:
        x = np.random.default_rng(0).integers(0, 256, (1, 353, 481, 3), np.uint8)
        poses, other = model(x, raw=True), reference(x, raw=True)
        assert isinstance(poses, dict)
        assert isinstance(other, dict)
        assert [value.shape for value in poses.values()] == [(1, 20, 17, 2), (1, 20, 17), (1, 20), (1,)]
        assert [value.shape for value in other.values()] == [(1, 20, 17, 2), (1, 20, 17), (1, 20), (1,)]
        assert model.placement.operators[-1].reason == "a kernel in Python"
