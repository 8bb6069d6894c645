"""Real models on OpenVINO give what they give on the processor."""

from __future__ import annotations

import gc
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tests.openvino.cases import Array, Case

from littoral.devices import parse
from littoral.errors import DeviceError
from littoral.openvino import OpenVINO, library
from littoral.runtime import load
from littoral.runtime.delegate import Region, installed, live_kernels, make, plan
from littoral.tflite import Graph, Operator, OperatorCode, Subgraph, TensorType, read
from littoral.vision import classify

QUANTIZED = {  # the model, and by how many of 256 steps an output may differ
    "mobilenet_v1_0.25_128_quant": 2,
    "mobilenet_v1_0.5_160_quant": 2,
    "mobilenet_v2_1.0_224_quant": 8,
    "tf2_mobilenet_v2_1.0_224_ptq": 16,
}
FLOAT = ("model", "model_fp16", "model_8bit")


def precisions() -> list[str]:
    found = library.capabilities("CPU")
    return [name for name, there in (("f32", True), ("bf16", "BF16" in found), ("f16", "FP16" in found)) if there]


def both(file: Path, device: str, x: Array) -> tuple[Array, Array]:
    with load(file, "cpu") as plain, load(file, device) as fast:
        assert fast.placement.accelerated == 1
        return np.asarray(plain(x, raw=True)), np.asarray(fast(x, raw=True))


@pytest.mark.parametrize("name", QUANTIZED)
def test_quantized_models_are_within_steps(name: str, coral: Path, openvino: None) -> None:
    file = coral / f"{name}.tflite"
    tensor = (main := read(file).main).tensors[main.inputs[0]]
    x = np.random.default_rng(0).integers(100, 150, tensor.shape).astype(tensor.dtype)
    expected, got = both(file, "openvino", x)
    assert got.dtype == expected.dtype
    assert np.abs(got.astype(int) - expected.astype(int)).max() <= QUANTIZED[name]


@pytest.mark.parametrize("name", FLOAT)
def test_float_models_agree(name: str, flowers: Path, openvino: None) -> None:
    file = flowers / "models" / f"{name}.tflite"
    tensor = (main := read(file).main).tensors[main.inputs[0]]
    x = np.random.default_rng(0).random(tensor.shape, np.float32)
    for precision in precisions():
        tolerance = 2e-2 if name == "model_8bit" else {"f32": 1e-5, "bf16": 2e-2, "f16": 5e-3}[precision]
        expected, got = both(file, f"openvino:{precision}", x)
        np.testing.assert_allclose(got, expected, atol=tolerance)


def test_a_parrot_is_a_parrot_in_every_precision(coral: Path, openvino: None) -> None:
    labels = (coral / "inat_bird_labels.txt").read_text().splitlines()
    for precision in precisions():
        with load(coral / "mobilenet_v2_1.0_224_inat_bird_quant.tflite", f"openvino:{precision}") as model:
            best = classify(model, coral / "parrot.jpg", top_k=1, labels=labels)[0]
        assert "Ara macao" in best.label
        assert best.score == pytest.approx(0.71, abs=0.05)  # XNNPACK gives 0.695, LiteRT's reference kernels 0.723


def test_many_outputs(coral: Path, openvino: None) -> None:
    file = coral / "pipeline" / "split_concat.tflite"
    if not file.exists():
        file = next(coral.rglob("split_concat.tflite"))
    graph = read(file)
    inputs = [graph.main.tensors[index] for index in graph.main.inputs]
    given = {each.name: np.full(each.shape, 7, each.dtype) for each in inputs}
    with load(file, "cpu") as plain, load(file, "openvino") as fast:
        expected, got = plain(given, raw=True), fast(given, raw=True)
    for name, value in dict(expected).items():
        assert np.array_equal(dict(got)[name], value)


def test_what_it_cannot_take_stays_on_the_processor_with_a_reason(coral: Path, openvino: None) -> None:
    with load(coral / "keras_lstm_mnist_ptq.tflite", "openvino") as model:
        places = model.placement.operators
    assert [place.name for place in places if place.runner == "openvino"] == [
        "RESHAPE",
        "FULLY_CONNECTED",
        "SOFTMAX",
        "QUANTIZE",
    ]
    assert "not selected" in places[0].reason
    assert "state" in places[1].reason


def test_it_is_a_device(openvino: None) -> None:
    assert "openvino" in installed()
    made = make(parse("openvino:f32:cpu")[0])
    assert isinstance(made, OpenVINO)
    assert str(made.options) == "openvino:f32:CPU"
    with pytest.raises(DeviceError, match=r"OpenVINO finds no 'TPU' on this machine\. After openvino: comes"):
        make(parse("openvino:tpu")[0])


ADD = Operator(code=OperatorCode.of("ADD"))


def region(first: int, count: int, macs: int) -> Region:
    return Region(tuple(range(first, first + count)), macs)


@pytest.mark.parametrize(
    ("sizes", "kept"),
    [
        ([10], [0]),
        ([0], []),
        ([0, 0], []),
        ([5_000_000, 3_000_000], [0, 1]),
        ([5_000_000, 1_000_000], [0]),
        ([1_000, 300_000, 200_000], [1]),
        ([400_000_000, 7_000_000, 9_000_000], [0, 2]),
    ],
)
def test_regions_are_few_and_large(sizes: list[int], kept: list[int], openvino: None) -> None:
    found = [region(3 * index, 2, macs) for index, macs in enumerate(sizes)]
    subgraph = Subgraph(tensors=[], operators=[ADD] * 100)
    assert [found.index(each) for each in OpenVINO().select(subgraph, found)] == kept


def test_a_model_without_products_is_taken_when_it_is_whole(openvino: None) -> None:
    whole = region(0, 3, 0)
    assert list(OpenVINO().select(Subgraph(tensors=[], operators=[ADD] * 3), [whole])) == [whole]


def test_int16_models_are_left_alone(openvino: None) -> None:
    graph: Graph = Case("ADD", ((4,), (4,))).graph()
    tensors = [each.replaced(type=TensorType.INT16) for each in graph.main.tensors]
    planned = plan(graph.replaced(subgraphs=[graph.main.replaced(tensors=tensors)]), OpenVINO())
    assert not any(planned.claimed)
    assert "int16" in planned.reasons[0, 0]


def test_two_models_in_many_threads(coral: Path, flowers: Path, openvino: None) -> None:
    files = [coral / "mobilenet_v1_0.25_128_quant.tflite", flowers / "models" / "model.tflite"]
    models = [load(file, "openvino", threads=1) for file in files]
    shapes = [read(file).main.tensors[read(file).main.inputs[0]] for file in files]
    inputs = [np.random.default_rng(0).integers(0, 2, each.shape).astype(each.dtype) for each in shapes]
    alone = [np.asarray(model(x, raw=True)) for model, x in zip(models, inputs, strict=True)]

    def run(turn: int) -> bool:
        which = turn % 2
        return np.array_equal(np.asarray(models[which](inputs[which], raw=True)), alone[which])

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(run, range(120)))
    for model in models:
        model.close()


def test_nothing_is_left(flowers: Path, openvino: None) -> None:
    gc.collect()
    before = live_kernels()
    for _ in range(20):
        with load(flowers / "models" / "model.tflite", "openvino") as model:
            model.warm_up()
    gc.collect()
    assert live_kernels() == before


def test_a_process_ends_well_with_models_open(flowers: Path, openvino: None) -> None:
    program = f"""
import warnings
warnings.simplefilter("ignore")
from littoral.runtime import load
models = [load({str(flowers / "models" / "model.tflite")!r}, "openvino") for _ in range(3)]
for model in models:
    model.warm_up()
print("ran", flush=True)
"""
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (child.returncode, child.stdout) == (0, "ran\n"), child.stderr
