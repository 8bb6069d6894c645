from __future__ import annotations

import importlib.util
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from littoral.check.operators import operator_share
from littoral.convert import engines
from littoral.convert.calibrate import calibrate
from littoral.convert.engines import Engine, Workshop
from littoral.convert.recipes import RECIPES
from littoral.convert.sources import Options, open_source
from littoral.data import Arrays, Contract
from littoral.errors import SourceError
from littoral.runtime import load
from littoral.tflite import Graph, TensorType, read, to_bytes, write

Digits = tuple[NDArray[Any], NDArray[Any]]


def workshop(models: Path, work: Path, name: str, arrays: Any, engine: Engine = "auto", source: str = "") -> Workshop:
    float_file = work / name
    write(read(models / name), float_file)
    samples = partial(Arrays(arrays).samples, Contract())
    ranges = calibrate(read(float_file), samples())
    return Workshop(open_source(models / (source or name)), Options(), float_file, ranges, samples, engine)


def outputs(graph: Graph, arrays: NDArray[Any]) -> NDArray[Any]:
    with load(to_bytes(graph)) as model:
        return np.concatenate([np.asarray(model(array)) for array in arrays])


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["float16", "dynamic", "int8", "int16x8"])
def test_ours_is_as_good_and_as_small_as_tensorflows(models: Path, tmp_path: Path, digits: Digits, name: str) -> None:
    (x, y), recipe = digits, RECIPES[name]
    made = {}
    for engine in ("auto", "tf"):
        folder = tmp_path / engine
        folder.mkdir()
        made[engine], _ = workshop(models, folder, "digits.tflite", x[:100], engine, "digits.keras").make(recipe)
    expected = outputs(read(models / "digits.tflite"), x[1257:])
    ours, theirs = (outputs(made[engine], x[1257:]) for engine in ("auto", "tf"))
    assert np.mean(ours.argmax(1) == y[1257:]) >= np.mean(theirs.argmax(1) == y[1257:])
    assert np.abs(ours - expected).max() <= 1.1 * np.abs(theirs - expected).max()
    assert len(to_bytes(made["auto"])) <= 1.03 * len(to_bytes(made["tf"]))


@pytest.mark.tensorflow
def test_full_int8_falls_through_to_tensorflow(models: Path, tmp_path: Path, digits: Digits) -> None:
    shop = workshop(models, tmp_path, "leaky.tflite", digits[0][:50])
    graph, notes = shop.make(RECIPES["full-int8"], "uint8")
    assert operator_share(graph).floats == ()
    assert {graph.main.tensors[i].type for i in (*graph.main.inputs, *graph.main.outputs)} == {TensorType.UINT8}
    (note,) = notes
    assert note.startswith("full-int8 was made by TensorFlow: ai-edge-quantizer leaves PRELU '")


@pytest.mark.tensorflow
def test_full_int8_names_what_would_stay_float(models: Path, tmp_path: Path, digits: Digits) -> None:
    shop = workshop(models, tmp_path, "islands.tflite", digits[0][:20])
    with pytest.raises(
        SourceError, match=r"full-int8 cannot be made of islands\.tflite: ELU '.*' would stay float\. Use int8"
    ):
        shop.make(RECIPES["full-int8"])


def test_full_int8_without_tensorflow_names_all_and_the_way_out(
    models: Path, tmp_path: Path, digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(engines, "find_spec", lambda name: None if name == "tensorflow" else found(name))
    shop = workshop(models, tmp_path, "islands.tflite", digits[0][:20])
    with pytest.raises(SourceError, match=r"PRELU '.*', LEAKY_RELU '.*', ELU '.*' would stay float.*--engine tf"):
        shop.make(RECIPES["full-int8"])


def test_edges_are_as_asked_for(models: Path, tmp_path: Path, digits: Digits) -> None:
    shop = workshop(models, tmp_path, "digits.tflite", digits[0][:50])
    results = {}
    for io in ("float32", "int8", "uint8"):
        graph, notes = shop.make(RECIPES["full-int8"], io)
        assert notes == []
        assert {graph.main.tensors[i].type.name.lower() for i in (*graph.main.inputs, *graph.main.outputs)} == {io}
        results[io] = outputs(graph, digits[0][:50])
    np.testing.assert_array_equal(results["int8"], results["uint8"])
    np.testing.assert_array_equal(results["int8"], results["float32"])


@pytest.mark.parametrize("name", ["int8", "full-int8", "int16x8"])
def test_a_rolled_lstm_has_no_ranges_to_fix(models: Path, tmp_path: Path, digits: Digits, name: str) -> None:
    shop = workshop(models, tmp_path, "lstm.tflite", digits[0][:10, :, :, 0])
    with pytest.raises(
        SourceError, match=rf"{name} cannot be made of lstm\.tflite: it has a loop \(WHILE\).*unroll=True"
    ):
        shop.make(RECIPES[name])


def test_a_rolled_lstm_in_other_recipes(models: Path, tmp_path: Path, digits: Digits) -> None:
    rows = digits[0][:30, :, :, 0]
    shop = workshop(models, tmp_path, "lstm.tflite", rows)
    expected = outputs(read(models / "lstm.tflite"), rows)
    for name in ("float16", "dynamic", "int4"):
        graph, _ = shop.make(RECIPES[name])
        assert np.abs(outputs(graph, rows) - expected).max() < 0.05


@pytest.mark.tensorflow
def test_tensorflows_crash_on_a_rolled_lstm_is_a_hint(models: Path, tmp_path: Path, digits: Digits) -> None:
    shop = workshop(models, tmp_path, "lstm.tflite", digits[0][:10, :, :, 0], "tf")
    with pytest.raises(
        SourceError, match=r"TensorFlow crashed \(SIG\w+\) while it worked on lstm\.tflite.*unroll=True"
    ):
        shop.make(RECIPES["full-int8"])


def test_what_tensorflow_does_not_have(models: Path, tmp_path: Path, digits: Digits) -> None:
    shop = workshop(models, tmp_path, "digits.tflite", digits[0][:5], "tf")
    with pytest.raises(SourceError, match=r"TensorFlow's quantizer has no int4\. Use --engine auto"):
        shop.make(RECIPES["int4"])


def test_tensorflow_makes_float16_only_of_trained_models(models: Path, tmp_path: Path, digits: Digits) -> None:
    shop = workshop(models, tmp_path, "digits.tflite", digits[0][:5], "tf")
    with pytest.raises(SourceError, match=r"digits\.tflite is a model file\. Use --engine auto"):
        shop.make(RECIPES["float16"])


def test_samples_are_spooled_in_the_order_of_the_inputs(models: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {"narrow": rng.uniform(size=(6, 3)).astype("f"), "wide": rng.uniform(size=(6, 4)).astype("f")}
    shop = workshop(models, tmp_path, "two-inputs.tflite", arrays)
    count, files = shop._spooled
    assert count == 6
    with load(shop.float_file) as model:
        names = [info.name for info in model.inputs]
    for name, file in zip(names, files, strict=True):
        assert sorted(map(tuple, np.load(file))) == sorted(map(tuple, arrays[name]))
