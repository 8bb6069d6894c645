from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from littoral.convert import convert
from littoral.convert.recipes import RECIPES
from littoral.convert.target import EDGE_TPU, for_target, make_ready, summary
from littoral.coral.placement import predict
from littoral.errors import SourceError
from littoral.runtime import load
from littoral.tflite import Graph, read

INTEGER, FLOAT16 = RECIPES["full-int8"], RECIPES["float16"]


def scales(graph: Graph, name: str) -> set[int]:
    """How many scales the weights of these operators have."""
    weights = [graph.main.tensors[one.inputs[1]] for one in graph.main.operators if one.name == name]
    return {tensor.quantization.scale.size for tensor in weights if tensor.quantization is not None}


def versions(graph: Graph) -> dict[str, int]:
    return {operator.name: operator.code.version for operator in graph.main.operators}


def test_without_a_target_nothing_changes() -> None:
    assert for_target(None, [INTEGER], "int8") == ([INTEGER], "int8")
    assert for_target(None, None, None) == (None, None)


def test_the_edge_tpu_gets_its_own_full_int8() -> None:
    assert for_target("edgetpu", None, None) == ([EDGE_TPU], "uint8")
    assert for_target("edgetpu", [FLOAT16, INTEGER], "int8") == ([FLOAT16, EDGE_TPU], "int8")
    assert EDGE_TPU.name == INTEGER.name
    scopes = [(entry["regex"], entry["operation"]) for entry in EDGE_TPU.for_quantizer()]
    assert len(set(scopes)) == len(scopes)


def test_what_the_edge_tpu_cannot_take() -> None:
    cases: list[tuple[Any, Any, Any, str]] = [
        ("edgetpu", [FLOAT16], None, "Add -r full-int8"),
        ("edgetpu", [INTEGER], "float32", "Use --io uint8 or --io int8"),
        ("npu", None, None, "no target 'npu'. Accepted: edgetpu"),
    ]
    for target, wanted, io, words in cases:
        with pytest.raises(SourceError) as caught:
            for_target(target, wanted, io)
        assert words in str(caught.value)


def test_versions_are_those_of_kernels_for_8_bits(coral: Path) -> None:
    graph = read(coral / "movenet_single_pose_lightning_ptq.tflite")
    before = versions(graph)
    for operator in graph.main.operators:
        operator.code.version = 3 if operator.name == "RESIZE_BILINEAR" else 1  # as in float files of half pixels
    (note,) = make_ready(graph)
    after = versions(graph)
    mapped = {one.name for one in predict(graph).operators if one.mapped}
    assert {name: after[name] for name in mapped} == {name: before[name] for name in mapped}
    assert note.startswith("Edge TPU (prediction): 98 of 157 operators will run on it, with ")


def test_a_version_is_never_lowered(coral: Path) -> None:
    graph = read(coral / "keras_lstm_mnist_ptq.tflite")
    before = versions(graph)
    make_ready(graph)
    assert versions(graph) == before


def test_a_summary_says_what_the_compiler_will_refuse(flowers: Path) -> None:
    text = summary(predict(read(flowers / "models" / "model.tflite")))
    assert text.endswith("Its compiler will refuse the file: Model not quantized.")


@pytest.mark.parametrize("engine", ["auto", pytest.param("tf", marks=[pytest.mark.tensorflow, pytest.mark.slow])])
def test_the_flowers_model_becomes_ready(engine: Any, flowers: Path, tmp_path: Path) -> None:
    report = convert(
        flowers / "models" / "model.tflite",
        calibrate=flowers / "images",
        samples=4,
        target="edgetpu",
        engine=engine,
        output=tmp_path,
    )
    assert [one.recipe for one in report.measurements] == ["float32", "full-int8"]
    assert any(note.startswith("Edge TPU (prediction): ") and "100.0%" in note for note in report.notes)
    graph = read(tmp_path / "model.full-int8.tflite")
    prediction = predict(graph)
    assert prediction.compiles
    assert prediction.mapped == len(prediction.operators)
    assert scales(graph, "FULLY_CONNECTED") == {1}
    assert max(scales(graph, "CONV_2D")) > 1
    made_by_tensorflow = versions(read(flowers / "models" / "model_full_integer.tflite"))
    found = versions(graph)
    assert {name: found[name] for name in made_by_tensorflow} == made_by_tensorflow
    with load(tmp_path / "model.full-int8.tflite") as model:
        assert [str(info.dtype) for info in (*model.inputs, *model.outputs)] == ["uint8", "uint8"]
