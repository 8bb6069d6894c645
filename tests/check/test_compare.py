from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from littoral.check.compare import compare, verdict_of
from littoral.tflite import read, write


def test_a_file_is_exactly_itself(models: Path) -> None:
    found = compare(models / "model.tflite", models / "model.tflite", count=2)
    assert (found.verdict, found.differences, found.samples) == ("exact", (), 2)
    assert found.data == "random inputs, seed 0"
    assert "give exactly the same outputs on 2 samples (random inputs, seed 0)" in found.summary


def test_float16_weights_are_approximately_the_same(models: Path, flowers: Path) -> None:
    found = compare(models / "model.tflite", models / "model_fp16.tflite", count=4)
    assert found.verdict == "approximate"
    assert found.differences == ()
    real = compare(models / "model.tflite", models / "model_fp16.tflite", data=flowers / "images", count=5, seed=1)
    assert real.samples == 5
    assert real.data == str(flowers / "images")
    assert real.agreement is not None
    assert real.agreement.total == 5


def test_quantized_outputs_are_judged_in_steps(models: Path) -> None:
    found = compare(models / "model_integer.tflite", models / "model.tflite", count=4)
    assert found.outputs[0].step == pytest.approx(1 / 256)
    assert found.outputs[0].error.max_abs > 4 * found.outputs[0].step
    assert found.verdict == "different"


def test_quantization_of_inputs_and_outputs_is_compared_in_words(models: Path) -> None:
    found = compare(models / "model_integer.tflite", models / "model_full_integer.tflite", count=2)
    assert any(
        "input conv2d_19_input is float32 against uint8 (scale " in difference for difference in found.differences
    )
    assert found.outputs


def test_other_shapes_are_different_without_running(models: Path, coral: Path) -> None:
    found = compare(models / "model.tflite", coral / "mobilenet_v1_0.25_128_quant.tflite")
    assert (found.verdict, found.outputs, found.samples) == ("different", (), 0)
    assert any("has shape [1, 100, 100, 3] against [1, 128, 128, 3]" in difference for difference in found.differences)
    assert "do not take the same inputs" in found.summary


def test_another_number_of_outputs_is_different(models: Path, coral: Path) -> None:
    found = compare(models / "model.tflite", coral / "tools" / "split_concat.tflite")
    assert found.verdict == "different"
    assert "1 outputs against 5" in found.differences


def test_other_names_are_told_and_do_not_matter(models: Path, tmp_path: Path) -> None:
    graph = read(models / "model.tflite")
    graph.main.tensors[graph.main.inputs[0]].name = "picture"
    write(graph, tmp_path / "renamed.tflite")
    found = compare(models / "model.tflite", tmp_path / "renamed.tflite", count=1)
    assert found.verdict == "exact"
    assert found.differences == ("input conv2d_19_input is named conv2d_19_input against picture",)


def test_the_same_seed_gives_the_same_figures(models: Path) -> None:
    pair = models / "model.tflite", models / "model_8bit.tflite"
    assert compare(*pair, count=2, seed=3) == compare(*pair, count=2, seed=3)
    assert compare(*pair, count=2, seed=3).outputs != compare(*pair, count=2, seed=4).outputs


@pytest.mark.parametrize(
    ("a", "b", "step", "verdict"),
    [
        ([1.0], [1.0], 0.0, "exact"),
        ([1.0], [1.00005], 0.0, "close"),
        ([1.0], [1.005], 0.0, "approximate"),
        ([1.0], [1.1], 0.0, "different"),
        ([0.0], [5e-6], 0.0, "close"),
        ([0.5], [0.6], 0.1, "close"),
        ([0.5], [0.9], 0.1, "approximate"),
        ([0.5], [1.1], 0.1, "different"),
        ([np.nan, 1.0], [np.nan, 1.0], 0.0, "exact"),
        ([np.nan], [1.0], 0.0, "different"),
        ([np.inf, 1.0], [np.inf, 1.00005], 0.0, "close"),
        ([np.inf], [-np.inf], 0.0, "different"),
    ],
)
def test_named_tolerances(a: list[float], b: list[float], step: float, verdict: str) -> None:
    assert verdict_of(np.array(a, np.float32), np.array(b, np.float32), step) == verdict


@given(st.lists(st.floats(-10, 10, width=32), min_size=1), st.floats(0, 1), st.floats(0, 0.5))
def test_more_noise_is_never_a_better_verdict(values: list[float], noise: float, step: float) -> None:
    order = ["exact", "close", "approximate", "different"]
    a = np.array(values)
    ranks = [order.index(verdict_of(a, a + noise * factor, step)) for factor in (1, 2)]
    assert ranks[0] <= ranks[1]
