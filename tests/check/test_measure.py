from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from littoral.check.measure import Samples, measure, measure_all
from littoral.check.results import Proof, Variant
from littoral.data import Sample
from littoral.errors import DeviceError, InputError, ModelFileError

RECIPES = {
    "float32": "model.tflite",
    "float16": "model_fp16.tflite",
    "dynamic": "model_8bit.tflite",
    "int8": "model_integer.tflite",
    "full-int8": "model_full_integer.tflite",
}


@pytest.fixture(scope="module")
def proof(models: Path, photos: Samples) -> Proof:
    variants = [Variant(models / file, recipe) for recipe, file in RECIPES.items()]
    labels = [f"flower {index}" for index in range(10)]
    return measure_all(
        variants,
        reference=models / "model.tflite",
        samples=photos,
        labels=labels,
        kernel_samples=3,
        seconds=0.02,
        predictions=5,
    )


def test_every_variant_is_measured_in_order(proof: Proof, models: Path) -> None:
    assert [one.recipe for one in proof.measurements] == list(RECIPES)
    assert [one.bytes for one in proof.measurements] == [(models / file).stat().st_size for file in RECIPES.values()]
    assert all(one.ok for one in proof.measurements), [one.failures for one in proof.measurements]
    assert proof.notes == ()


def test_both_kinds_of_kernels_ran(proof: Proof) -> None:
    for one in proof.measurements:
        assert [(run.device, run.samples) for run in one.runs] == [("cpu", 12), ("cpu:reference", 3)]
        assert [error.values for error in one.between_kernels] == [30]
        assert one.between_kernels[0].sqnr_db > 30


def test_the_float_model_agrees_with_itself(proof: Proof) -> None:
    one = proof.measurements[0]
    assert one.sqnr_db == np.inf
    assert one.agreement is not None
    assert one.agreement.hits == one.agreement.total == 12
    assert one.drop is not None
    assert one.drop.value == 0


def test_labelled_samples_give_accuracy(proof: Proof) -> None:
    for one in proof.measurements:
        assert one.accuracy is not None
        assert one.drop is not None
        assert one.accuracy.total == one.drop.total == 6


def test_fewer_bits_are_further_from_the_float_model(proof: Proof) -> None:
    by_recipe = {one.recipe: one.sqnr_db for one in proof.measurements}
    assert (by_recipe["float16"] or 0) > 40 > (by_recipe["int8"] or 0) > 10


def test_latency_is_measured_with_one_thread_and_with_all(proof: Proof) -> None:
    for one in proof.measurements:
        assert one.latency[0].threads == 1
        assert all(latency.runs > 0 and latency.best <= latency.p50 <= latency.p99 for latency in one.latency)


def test_predictions_show_every_variant(proof: Proof) -> None:
    assert len(proof.predictions) == 5
    for one in proof.predictions:
        assert [answers.variant for answers in one.answers] == list(RECIPES)
        assert one.thumbnail.startswith("data:image/jpeg;base64,")
        assert one.answers[0].top[0].label.startswith("flower ")
        assert [answer.score for answer in one.answers[0].top] == sorted(
            (answer.score for answer in one.answers[0].top), reverse=True
        )


def test_nan_is_a_failure(with_nan: Path, models: Path, photos: Samples) -> None:
    one = measure(with_nan, reference=models / "model.tflite", samples=photos, seconds=0)
    assert not one.ok
    assert "Output Identity is NaN or infinite for 12 of 12 samples on cpu." in one.failures


def test_an_unfrozen_file_is_a_failure(unfrozen: Path) -> None:
    one = measure(unfrozen, seconds=0)
    assert any("not frozen: it reads weights before anything sets it" in failure for failure in one.failures)


def test_a_file_that_only_xnnpack_runs_is_a_failure(refused: Path, models: Path, photos: Samples) -> None:
    one = measure(refused, recipe="int8", reference=models / "model.tflite", samples=photos, seconds=0)
    assert len(one.failures) == 1
    assert one.failures[0].startswith("It runs under XNNPACK, but the reference kernels refuse it")
    assert one.runs[0].samples == 12
    assert one.runs[1].samples == 0


def test_a_partial_full_int8_file_is_a_failure(models: Path) -> None:
    one = measure(models / "model_8bit.tflite", recipe="full-int8", seconds=0)
    assert len(one.failures) == 1
    assert one.failures[0].startswith("It is partial: 9 of 9 operators compute in float: CONV_2D")
    assert measure(models / "model_full_integer.tflite", recipe="full-int8", seconds=0).ok


def test_a_file_for_another_device_does_not_run(models: Path) -> None:
    one = measure(models / "model_full_integer_edgetpu.tflite", seconds=0.01)
    assert len(one.failures) == 1
    assert one.failures[0].startswith("It does not run: ")
    assert one.latency == ()


def test_without_samples_errors_are_those_on_random_inputs(models: Path) -> None:
    proof = measure_all(
        [Variant(models / "model_fp16.tflite", "float16")], reference=models / "model.tflite", seconds=0
    )
    one = proof.measurements[0]
    assert one.ok
    assert (one.sqnr_db or 0) > 40
    assert (one.accuracy, one.agreement) == (None, None)
    assert proof.predictions == ()
    assert "no samples" in proof.notes[0]


def test_real_int8_models_pass_without_a_float_model(coral: Path) -> None:
    for file in ("keras_lstm_mnist_ptq.tflite", "mobilenet_v1_0.25_128_quant.tflite", "tools/split_concat.tflite"):
        one = measure(coral / file, recipe="full-int8", seconds=0)
        assert one.ok, one.failures
        assert [run.samples for run in one.runs] == [8, 8]
        assert one.operators.quantized == 1.0


def test_models_of_several_outputs_have_an_error_for_each(coral: Path) -> None:
    file = coral / "tools" / "split_concat.tflite"
    one = measure(file, reference=file, seconds=0)
    assert len(one.errors) == len(one.between_kernels) == 5
    assert all(error.sqnr_db == np.inf for error in one.errors)


def test_memory_does_not_grow_with_samples(models: Path, photos: Samples) -> None:
    alive = most = 0
    inputs = next(photos()).inputs

    class Counted(dict[str, np.ndarray]):
        def __init__(self) -> None:
            nonlocal alive, most
            super().__init__(inputs)
            alive += 1
            most = max(most, alive)

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def samples() -> Iterator[Sample]:
        return (Sample(Counted(), None, f"sample {number}") for number in range(50))

    measure(models / "model.tflite", samples=samples, seconds=0)
    assert most <= 3


def test_progress_is_told(models: Path, photos: Samples) -> None:
    told: list[tuple[str, int, int | None]] = []
    measure_all(
        [Variant(models / "model.tflite")],
        samples=photos,
        kernel_samples=1,
        seconds=0.01,
        progress=lambda stage, done, total: told.append((stage, done, total)),
    )
    assert [step for step in told if step[0] == "samples"] == [("samples", n, None) for n in range(1, 13)]
    assert told[-1][1] == told[-1][2]


def test_what_is_no_model_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tflite").write_bytes(b"not a model")
    with pytest.raises(ModelFileError, match=r"a\.tflite"):
        measure(tmp_path / "a.tflite")


def test_a_float_model_that_does_not_run_is_an_error(models: Path) -> None:
    with pytest.raises(DeviceError):
        measure(models / "model.tflite", reference=models / "model_full_integer_edgetpu.tflite")


def test_samples_that_do_not_fit_are_refused(models: Path) -> None:
    sample = Sample({"x": np.zeros((5, 5, 3), np.float32)}, None, "tiny")
    with pytest.raises(InputError, match=r"\[5, 5, 3\]"):
        measure(models / "model.tflite", samples=lambda: iter([sample]), seconds=0)
