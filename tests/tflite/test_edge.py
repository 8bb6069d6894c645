"""Other types at a graph's edge."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from littoral.errors import LittoralError, ModelFileError
from littoral.tflite import Graph, Quantization, Signature, TensorMap, TensorType, read, set_io, to_bytes

Run = Callable[..., list[np.ndarray[Any, Any]]]
TYPES = ["float32", "int8", "uint8"]


def edge(graph: Graph, index: int) -> tuple[str, str]:
    return graph.main.tensors[index].name, graph.main.tensors[index].type.name.lower()


@pytest.fixture(scope="module")
def pictures() -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(0, 256, (1, 100, 100, 3), np.uint8)


def given(graph: Graph, picture: np.ndarray[Any, Any], kind: str, name: str) -> np.ndarray[Any, Any]:
    """The same picture for an input of another type; `graph` has uint8 inputs."""
    if kind == "uint8":
        return picture
    if kind == "int8":
        return np.asarray(picture.astype(np.int16) - 128, np.int8)
    quantization = graph.main.tensors[graph.main.inputs[0]].quantization
    assert quantization is not None
    values: np.ndarray[Any, Any] = (picture.astype(np.float32) - quantization.zero_point[0]) * quantization.scale[0]
    return values.astype(np.float32)


@pytest.mark.parametrize("source", ["model_integer", "model_full_integer"])
@pytest.mark.parametrize("inputs", TYPES)
@pytest.mark.parametrize("outputs", TYPES)
def test_tensorflows_models(
    flowers: Path, run: Run, pictures: np.ndarray[Any, Any], source: str, inputs: str, outputs: str
) -> None:
    """TensorFlow's float and uint8 models, changed to all types, answer as they did."""
    graph = read(flowers / "models" / f"{source}.tflite")
    reference = set_io(graph, "uint8", "uint8")
    (expected,) = run(to_bytes(reference), pictures)
    changed = set_io(graph, inputs, outputs)
    assert edge(changed, changed.main.inputs[0]) == ("conv2d_19_input", inputs)
    assert edge(changed, changed.main.outputs[0]) == ("Identity", outputs)
    (answer,) = run(to_bytes(changed), given(reference, pictures, inputs, "x"))
    assert answer.dtype == outputs
    np.testing.assert_array_equal(answer, real(reference, expected, outputs))


def real(graph: Graph, answer: np.ndarray[Any, Any], kind: str) -> np.ndarray[Any, Any]:
    """A uint8 answer in another type."""
    if kind == "uint8":
        return answer
    if kind == "int8":
        return (answer.astype(np.int16) - 128).astype(np.int8)
    quantization = graph.main.tensors[graph.main.outputs[0]].quantization
    assert quantization is not None
    values: np.ndarray[Any, Any] = (answer.astype(np.int32) - quantization.zero_point[0]) * quantization.scale[0]
    return values.astype(np.float32)


def test_the_same_operators_as_tensorflow_makes(flowers: Path) -> None:
    """TensorFlow's uint8 model is the one made of its float model, but for calibration."""
    ours = set_io(read(flowers / "models" / "model_integer.tflite"), "uint8", "uint8")
    theirs = read(flowers / "models" / "model_full_integer.tflite")
    assert [operator.name for operator in ours.main.operators] == [operator.name for operator in theirs.main.operators]
    for graph in (ours, theirs):
        outer, inner = (
            graph.main.tensors[tensors[0]] for tensors in (graph.main.inputs, graph.main.operators[0].outputs)
        )
        assert outer.quantization is not None
        assert inner.quantization is not None
        assert outer.quantization.zero_point - inner.quantization.zero_point == [128]
        assert outer.quantization.scale.tobytes() == inner.quantization.scale.tobytes()


@pytest.mark.parametrize("kind", TYPES)
def test_back_and_forth_is_nothing(quantized: Graph, kind: str) -> None:
    there = set_io(quantized, kind, kind)
    back = set_io(there, "int8", "int8")
    assert [edge(back, index) for index in (*back.main.inputs, *back.main.outputs)] == [("x", "int8"), ("y", "int8")]
    assert [operator.name for operator in back.main.operators] == ["RESHAPE"]
    assert len(back.main.tensors) == 3


def test_every_value_of_a_byte(quantized: Graph, run: Run) -> None:
    graph = set_io(quantized, "uint8", "float32")
    for start in range(0, 256, 4):
        values = np.arange(start, start + 4, dtype=np.uint8)
        (answer,) = run(to_bytes(graph), values)
        np.testing.assert_array_equal(answer, (values.astype(np.float32) - 131) * np.float32(0.5))


def test_the_graph_given_does_not_change(quantized: Graph) -> None:
    before = to_bytes(quantized)
    set_io(quantized, "float32", "uint8")
    assert to_bytes(quantized) == before


def test_none_leaves_a_side_as_it_is(quantized: Graph) -> None:
    graph = set_io(quantized, None, "float32")
    assert edge(graph, graph.main.inputs[0]) == ("x", "int8")
    assert edge(graph, graph.main.outputs[0]) == ("y", "float32")
    assert set_io(quantized, None, None) == quantized


def test_signatures_follow(quantized: Graph, run: Run) -> None:
    signature = Signature(
        key="serving_default",
        inputs=[TensorMap(name="x", tensor_index=0)],
        outputs=[TensorMap(name="y", tensor_index=2)],
    )
    graph = read(to_bytes(set_io(quantized.replaced(signatures=[signature]), "float32", "float32")))
    assert graph.signatures[0].inputs[0].tensor_index == graph.main.inputs[0]
    assert graph.signatures[0].outputs[0].tensor_index == graph.main.outputs[0]
    assert edge(graph, graph.main.inputs[0]) == ("x", "float32")
    assert run(to_bytes(graph), np.array([0, 0.5, 1, 60], np.float32))[0].tolist() == [0, 0.5, 1, 60]


def test_int16_to_float(quantized: Graph, run: Run) -> None:
    scale = Quantization(scale=np.array([0.5], "<f4"), zero_point=np.array([0], "<i8"))
    main = quantized.main
    for index in (0, 2):
        main.tensors[index] = main.tensors[index].replaced(type=TensorType.INT16, quantization=scale)
    graph = set_io(quantized, "float32", "float32")
    assert run(to_bytes(graph), np.array([-4, 0.5, 1, 1000], np.float32))[0].tolist() == [-4, 0.5, 1, 1000]
    with pytest.raises(ModelFileError, match="computes with it in int16"):
        set_io(quantized, "int8", None)


def test_indices_are_left_alone(quantized: Graph) -> None:
    main = quantized.main
    main.tensors[0] = main.tensors[0].replaced(type=TensorType.INT32, quantization=None)
    assert edge(set_io(quantized, "uint8", None), 0) == ("x", "int32")


def test_float_models_have_no_integers(adder: Graph) -> None:
    with pytest.raises(
        ModelFileError, match=r"input 'x' cannot be int8: the model computes with it in float32\. Quantize"
    ):
        set_io(adder, "int8", None)
    with pytest.raises(ModelFileError, match="output 'y' cannot be uint8"):
        set_io(adder, None, "uint8")


def test_unquantized_bytes_cannot_be_float(quantized: Graph) -> None:
    quantized.main.tensors[0] = quantized.main.tensors[0].replaced(quantization=None)
    with pytest.raises(ModelFileError, match="int8 without one scale"):
        set_io(quantized, "float32", None)


def test_unknown_types_are_named_with_those_accepted(quantized: Graph) -> None:
    with pytest.raises(LittoralError, match=r"'int4'.*float32, int8, uint8, int16"):
        set_io(quantized, "int4", None)
