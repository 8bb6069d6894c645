from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from littoral.convert import RECIPES, quantize
from littoral.convert.sources import Options, control_flow, open_source, settle, sha256
from littoral.errors import SourceError
from littoral.runtime import load, main_inputs
from littoral.tflite import Graph, Operator, OperatorCode, read, to_bytes, write

Digits = tuple[NDArray[Any], NDArray[Any]]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("digits.keras", "keras"),
        ("keras3.h5", "h5"),
        ("keras2.h5", "h5"),
        ("saved", "savedmodel"),
        ("digits.tflite", "tflite"),
    ],
)
def test_content_decides_and_not_the_suffix(models: Path, tmp_path: Path, name: str, kind: str) -> None:
    disguised = tmp_path / "model.bin"
    disguised.symlink_to(models / name)
    assert open_source(disguised).kind == kind


def damaged_archive(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04" + bytes(100))


def pytorch(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"")


def other_archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", b"")


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [
        ("a.keras", lambda path: None, "does not exist. Accepted: a .keras or .h5 file"),
        ("a.keras", Path.mkdir, "is a folder without a saved_model.pb"),
        ("a.keras", Path.touch, "it is empty"),
        ("a.keras", lambda path: path.write_text("hello there"), "it looks like text"),
        ("a.onnx", lambda path: path.write_bytes(b"\x08\x07\x12\x00pytorch"), "it looks like ONNX"),
        ("saved_model.pb", lambda path: path.write_bytes(b"\x08\x01\x12\x00"), "give the folder"),
        ("a.keras", lambda path: path.write_bytes(os.urandom(4) + b"\xff" * 60), "is not a trained model"),
        ("a.keras", damaged_archive, "is a damaged .keras file"),
        ("a.pt", pytorch, "is a PyTorch checkpoint and not a Keras file"),
        ("a.keras", other_archive, "is a ZIP archive and not a Keras file"),
    ],
)
def test_what_is_no_model_is_named(tmp_path: Path, name: str, make: Callable[[Path], Any], words: str) -> None:
    path = tmp_path / name
    make(path)
    with pytest.raises(SourceError) as caught:
        open_source(path)
    assert words in str(caught.value)
    assert name in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    path.touch(mode=0)
    with pytest.raises(SourceError, match="cannot be read: Permission denied"):
        open_source(path)


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["keras3.h5", "keras2.h5", "saved"])
def test_trained_models_become_float_files_of_batch_1(models: Path, tmp_path: Path, digits: Digits, name: str) -> None:
    said: list[str] = []
    output = tmp_path / "out.tflite"
    assert not open_source(models / name).to_float(output, Options(), said.append)
    graph = read(output)
    assert settle(graph, name, quantized_is_fine=False) == []
    assert [info.shape for info in main_inputs(graph)] == [(1, 8, 8, 1)]
    assert not {"SHAPE", "PACK", "STRIDED_SLICE"} & {operator.name for operator in graph.main.operators}
    assert any(name in words for words in said)
    with load(output) as model:
        right = sum(
            int(np.argmax(np.asarray(model(x)))) == y for x, y in zip(digits[0][:200], digits[1][:200], strict=True)
        )
    assert right > 120  # of 200, after three epochs


@pytest.mark.tensorflow
def test_the_old_keras_2_file_of_real_life(flowers: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.tflite"
    open_source(flowers / "models" / "model.h5").to_float(output, Options())
    x = np.random.default_rng(0).uniform(0, 255, (1, 100, 100, 3)).astype(np.float32)
    with load(output) as ours, load(flowers / "models" / "model.tflite") as theirs:
        np.testing.assert_allclose(np.asarray(ours(x)), np.asarray(theirs(x)), atol=1e-5)


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("custom.keras", r"custom.keras needs the custom class or function Halve\. .*--custom-objects"),
        ("flex", r"flex needs operators that LiteRT does not have: Erfinv\. Replace"),
        ("any-size.keras", r"input .* has the open shape \(None, None, None, 3\)\. Give a contract"),
    ],
)
def test_trained_models_that_need_help(models: Path, tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        open_source(models / name).to_float(tmp_path / "out.tflite", Options())
    assert not (tmp_path / "out.tflite").exists()


def test_a_lambda_is_refused_before_anything_runs(models: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"lambda.keras has a Lambda layer.*--unsafe-lambda"):
        open_source(models / "lambda.keras").to_float(tmp_path / "out.tflite", Options())


@pytest.mark.slow
@pytest.mark.tensorflow
def test_the_help_helps(models: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    own.write_text("import keras\nclass Halve(keras.layers.Layer):\n    def call(self, x):\n        return x * 0.5\n")
    for name, options, shape in (
        ("custom.keras", Options(custom_objects=str(own)), (1, 8, 8, 1)),
        ("lambda.keras", Options(unsafe_lambda=True), (1, 8, 8, 1)),
        ("any-size.keras", Options(sizes=(20, 30)), (1, 20, 30, 3)),
        ("rescaling.keras", Options(), (1, 8, 8, 1)),
    ):
        output = tmp_path / f"{name}.tflite"
        assert open_source(models / name).to_float(output, options) is name.startswith("rescaling")
        assert main_inputs(read(output))[0].shape == shape


@pytest.mark.tensorflow
def test_custom_objects_that_are_not_there(models: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"--custom-objects nowhere\.py cannot be imported"):
        open_source(models / "custom.keras").to_float(tmp_path / "out", Options(custom_objects="nowhere.py"))


def test_a_model_file_is_taken_as_it_is(models: Path, tmp_path: Path) -> None:
    open_source(models / "digits.tflite").to_float(tmp_path / "out.tflite", Options())
    ours, theirs = read(tmp_path / "out.tflite"), read(models / "digits.tflite")
    assert [operator.name for operator in ours.main.operators] == [operator.name for operator in theirs.main.operators]


def test_the_hash_is_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "x").write_bytes(b"1")
    first = sha256(folder)
    (folder / "x").rename(folder / "y")
    assert sha256(folder) != first


def test_quantized_model_files_are_for_copying_only(flowers: Path, tmp_path: Path) -> None:
    del tmp_path
    for name, kind in (
        ("model_integer.tflite", "int8"),
        ("model_fp16.tflite", "float16"),
        ("model_8bit.tflite", "int8"),
    ):
        graph = read(flowers / "models" / name)
        with pytest.raises(SourceError, match=rf"{name} is quantized already \(it holds .*{kind}"):
            settle(graph, name, quantized_is_fine=False)
        assert settle(graph, name, quantized_is_fine=True) == []


def reopened(models: Path, signature: tuple[int, ...]) -> Graph:
    graph = read(models / "digits.tflite")
    graph.main.tensors[graph.main.inputs[0]].shape_signature = signature
    return graph


def test_an_open_batch_is_closed_and_told(models: Path) -> None:
    graph = reopened(models, (-1, 8, 8, 1))
    assert settle(graph, "m.tflite", quantized_is_fine=False) == [
        "m.tflite has an open batch; the model files take one sample at a time."
    ]
    with load(graph) as model:
        assert model.inputs[0].shape == (1, 8, 8, 1)


def test_other_open_sizes_are_refused(models: Path) -> None:
    with pytest.raises(SourceError, match=r"m\.tflite: input .* has the open shape \[1, -1, -1, 1\]"):
        settle(reopened(models, (1, -1, -1, 1)), "m.tflite", quantized_is_fine=False)


def test_tensors_get_names_of_their_own(models: Path) -> None:
    graph = read(models / "digits.tflite")
    for tensor in graph.main.tensors[:4]:
        tensor.name = "same"
    graph.main.tensors[4].name = ""
    settle(graph, "m", quantized_is_fine=False)
    names = [tensor.name for tensor in graph.main.tensors]
    assert len(set(names)) == len(names)
    assert names[:5] == ["same", "same_1", "same_2", "same_3", "tensor_4"]


def test_flex_operators_in_a_model_file_are_named(models: Path) -> None:
    graph = read(models / "digits.tflite")
    graph.main.operators[0].code = OperatorCode.of("FlexErfinv")
    with pytest.raises(SourceError, match="m needs TensorFlow's kernels for FlexErfinv"):
        settle(graph, "m", quantized_is_fine=False)


def test_an_unfrozen_model_file_is_refused(models: Path) -> None:
    graph = read(models / "digits.tflite")
    first = graph.main.operators[0]
    graph.main.operators.insert(0, Operator(code=OperatorCode.of("VAR_HANDLE"), outputs=(1,)))
    graph.main.operators.insert(1, Operator(code=OperatorCode.of("READ_VARIABLE"), inputs=(1,), outputs=first.outputs))
    with pytest.raises(SourceError, match="m was not frozen"):
        settle(graph, "m", quantized_is_fine=False)


def test_loops_are_seen(models: Path) -> None:
    assert control_flow(read(models / "lstm.tflite")) == ["WHILE"]
    assert control_flow(read(models / "lstm-unrolled.tflite")) == []


def test_settling_changes_no_output(models: Path, digits: Digits) -> None:
    graph = read(models / "digits.tflite")
    settle(graph, "m", quantized_is_fine=False)
    with load(to_bytes(graph)) as ours, load(models / "digits.tflite") as theirs:
        np.testing.assert_array_equal(ours(digits[0][0]), theirs(digits[0][0]))


def test_files_of_2020_are_quantized_too(flowers: Path, tmp_path: Path) -> None:
    """They keep operator codes in a field that the quantizer does not read, and two layers share one bias."""
    graph = read(flowers / "models" / "model.tflite")
    assert {operator.code.builtin_code for operator in graph.main.operators} == {0}
    settle(graph, "model.tflite", quantized_is_fine=False)
    biases = [operator.inputs[2] for operator in graph.main.operators if len(operator.inputs) == 3]
    assert len(set(biases)) == len(biases) == 5
    file = tmp_path / "float.tflite"
    write(graph, file)
    made = quantize(file, RECIPES["int4"])
    types = [
        made.main.tensors[operator.inputs[1]].type.name
        for operator in made.main.operators
        if operator.name == "CONV_2D"
    ]
    assert types.count("INT4") == 2
