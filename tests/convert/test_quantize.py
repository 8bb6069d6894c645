from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from littoral.check.operators import operator_share
from littoral.convert.calibrate import Ranges, calibrate
from littoral.convert.quantize import quantize
from littoral.convert.recipes import RECIPES
from littoral.data import Sample
from littoral.errors import MissingExtraError, SourceError
from littoral.runtime import load
from littoral.tflite import Buffer, Graph, TensorType, read, to_bytes, write

Digits = tuple[NDArray[Any], NDArray[Any]]


def ranges_of(path: Path, arrays: NDArray[Any]) -> Ranges:
    return calibrate(read(path), (Sample({"": array}, None, "") for array in arrays))


@pytest.fixture(scope="module")
def ranges(models: Path, digits: Digits) -> Ranges:
    return ranges_of(models / "digits.tflite", digits[0][:100])


def outputs(graph: Graph | Path, arrays: NDArray[Any], device: str = "cpu") -> NDArray[Any]:
    with load(graph if isinstance(graph, Path) else to_bytes(graph), device) as model:
        return np.concatenate([np.asarray(model(array)) for array in arrays])


@pytest.mark.parametrize(
    ("name", "largest", "ratio"),
    [
        ("float16", 0.002, 1.7),
        ("dynamic", 0.03, 2.4),
        ("int8", 0.05, 2.4),
        ("full-int8", 0.05, 2.4),
        ("int16x8", 0.03, 2.3),
        ("int4", 0.25, 3.2),
    ],
)
@pytest.mark.parametrize("device", ["cpu", "cpu:reference"])
def test_every_recipe_is_small_and_right_on_both_kernels(
    models: Path, ranges: Ranges, digits: Digits, name: str, largest: float, ratio: float, device: str
) -> None:
    file = models / "digits.tflite"
    graph = quantize(file, RECIPES[name], ranges)
    x, y = digits[0][1257:1557], digits[1][1257:1557]
    theirs, ours = outputs(file, x), outputs(graph, x, device)
    assert np.abs(ours - theirs).max() < largest
    assert np.mean(ours.argmax(1) == y) > np.mean(theirs.argmax(1) == y) - 0.01
    assert file.stat().st_size / len(to_bytes(graph)) > ratio


def test_int8_leaves_nothing_in_float_but_the_edges(models: Path, ranges: Ranges) -> None:
    graph = quantize(models / "digits.tflite", RECIPES["int8"], ranges)
    share = operator_share(graph)
    assert share.integer == share.total
    names = [operator.name for operator in graph.main.operators]
    assert (names[0], names[-1]) == ("QUANTIZE", "DEQUANTIZE")
    assert names.count("QUANTIZE") == names.count("DEQUANTIZE") == 1


def test_full_int8_has_integer_edges(models: Path, ranges: Ranges) -> None:
    main = quantize(models / "digits.tflite", RECIPES["full-int8"], ranges).main
    assert {main.tensors[i].type for i in (*main.inputs, *main.outputs)} == {TensorType.INT8}


def test_names_of_inputs_and_outputs_stay(models: Path, ranges: Ranges) -> None:
    before = read(models / "digits.tflite").signatures[0]
    for name in ("float16", "int8", "full-int8"):
        after = quantize(models / "digits.tflite", RECIPES[name], ranges).signatures[0]
        assert [entry.name for entry in (*after.inputs, *after.outputs)] == [
            entry.name for entry in (*before.inputs, *before.outputs)
        ]


def test_one_operator_alone(models: Path, ranges: Ranges) -> None:
    file = models / "digits.tflite"
    for index, operator in enumerate(read(file).main.operators):
        graph = quantize(file, RECIPES["int8"], ranges, only=[index])
        share = operator_share(graph)
        assert (share.integer, share.total) == (1, len(read(file).main.operators)), operator.name


def test_all_but_some(models: Path, ranges: Ranges) -> None:
    file = models / "digits.tflite"
    operators = read(file).main.operators
    left = [0, len(operators) - 1]
    share = operator_share(quantize(file, RECIPES["int8"], ranges, but=left))
    assert sorted(one.kind for one in share.floats) == sorted(operators[i].name for i in left)


def test_the_float_file_is_only_read(models: Path, ranges: Ranges) -> None:
    before = (models / "digits.tflite").read_bytes()
    quantize(models / "digits.tflite", RECIPES["int8"], ranges)
    assert (models / "digits.tflite").read_bytes() == before


def test_outputs_that_nobody_reads_get_a_type(models: Path, digits: Digits) -> None:
    """The first step of an unrolled LSTM forgets nothing: one part of its SPLIT goes nowhere."""
    file = models / "lstm-unrolled.tflite"
    rows = digits[0][:60, :, :, 0]
    graph = quantize(file, RECIPES["int8"], ranges_of(file, rows))
    for operator in graph.main.operators:
        if operator.name == "SPLIT":
            assert {graph.main.tensors[i].type for i in operator.outputs} == {TensorType.INT8}
    for device in ("cpu", "cpu:reference"):
        assert np.abs(outputs(graph, rows, device) - outputs(file, rows)).max() < 0.05


def test_islands_are_told_apart(models: Path, digits: Digits) -> None:
    file = models / "islands.tflite"
    graph = quantize(file, RECIPES["int8"], ranges_of(file, digits[0][:20]))
    assert {one.kind for one in operator_share(graph).floats} == {"PRELU", "LEAKY_RELU", "ELU"}


@pytest.mark.parametrize("factor", [0.0, 1e-6, 1e-12, 1e-30])
@pytest.mark.parametrize("name", ["int8", "int16x8"])
def test_activations_of_no_range_run_on_both_kernels(
    models: Path, tmp_path: Path, digits: Digits, factor: float, name: str
) -> None:
    graph = read(models / "digits.tflite")
    second = [operator for operator in graph.main.operators if operator.name == "CONV_2D"][1]
    for index in second.inputs[1:]:
        tensor = graph.main.tensors[index]
        tensor.buffer = Buffer(data=(tensor.data * np.float32(factor)).tobytes())
    file = tmp_path / "flat.tflite"
    write(graph, file)
    variant = quantize(file, RECIPES[name], ranges_of(file, digits[0][:20]))
    expected = outputs(file, digits[0][:20])
    for device in ("cpu", "cpu:reference"):
        assert np.abs(outputs(variant, digits[0][:20], device) - expected).max() < 0.02


def test_a_loop_is_one_clear_error(models: Path, digits: Digits) -> None:
    file = models / "lstm.tflite"
    with pytest.raises(SourceError, match=r"int8 cannot be made of lstm\.tflite: .*tensor_name_to_qsv"):
        quantize(file, RECIPES["int8"], ranges_of(file, digits[0][:3, :, :, 0]))


def test_the_quantizer_missing_is_the_pip_command(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    module = importlib.import_module("littoral.convert.quantize")
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "ai_edge_quantizer" else found(name))
    with pytest.raises(MissingExtraError, match="ai-edge-quantizer is not installed"):
        quantize(models / "digits.tflite", RECIPES["float16"])


def test_operator_codes_are_in_both_fields(models: Path) -> None:
    made = quantize(models / "digits.tflite", RECIPES["dynamic"])
    codes = [operator.code for operator in made.main.operators]
    assert all(code.deprecated_builtin_code == min(code.builtin_code, 127) for code in codes)
