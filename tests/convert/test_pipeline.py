from __future__ import annotations

import importlib.util
import json
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import littoral as lt
from littoral import check
from littoral.convert import convert, process
from littoral.data import Arrays, Contract, InputContract
from littoral.errors import ContractError, DataError, LittoralError, MissingExtraError, SourceError
from littoral.runtime import contract_of, load
from littoral.tflite import read, set_io

Digits = tuple[NDArray[Any], NDArray[Any]]


@pytest.fixture(scope="module", autouse=True)
def _quick_latency() -> Iterator[None]:
    """These tests are not about latency: a twentieth of the usual time for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check, "measure_all", partial(check.measure_all, seconds=0.05))
        yield


@pytest.fixture(scope="module")
def known(digits: Digits) -> Arrays:
    return Arrays(digits[0][:100], digits[1][:100])


@pytest.fixture(scope="module")
def unseen(digits: Digits) -> Arrays:
    return Arrays(digits[0][1257:1357], digits[1][1257:1357])


@pytest.fixture(scope="module")
def report(
    models: Path, tmp_path_factory: pytest.TempPathFactory, known: Arrays, unseen: Arrays
) -> tuple[check.Report, Path]:
    folder = tmp_path_factory.mktemp("out") / "new" / "folder"
    made = convert(
        models / "digits.tflite",
        recipes=["float32", "float16", "dynamic", "int8", "full-int8", "int16x8", "int4"],
        calibrate=known,
        evaluate=unseen,
        io="uint8",
        output=folder,
        max_drop=0.02,
        contract=Contract((InputContract(8, 8, colour="gray", scale=1 / 255),), tuple("0123456789")),
    )
    return made, folder


def test_every_recipe_is_made_and_proven(report: tuple[check.Report, Path]) -> None:
    made, folder = report
    names = ["float32", "float16", "dynamic", "int8", "full-int8", "int16x8", "int4"]
    assert [one.recipe for one in made.measurements] == names
    for one in made.measurements:
        assert one.ok, one.failures
        assert (folder / f"digits.{one.recipe}.tflite").stat().st_size == one.bytes or one.recipe == "float32"
        assert one.drop is not None
        assert one.drop.value <= 0.02
    assert made.ok
    assert made.chosen is not None
    assert made.chosen.recipe == "int4"
    assert made.notes == ()


def test_the_report_is_written(report: tuple[check.Report, Path]) -> None:
    made, folder = report
    assert check.Report.from_json((folder / "report.json").read_text()) == made
    assert "digits" in (folder / "report.html").read_text()
    assert [(use.role, use.samples, use.labelled) for use in made.data] == [
        ("calibration", 100, 100),
        ("evaluation", 100, 100),
    ]


def test_the_contract_travels_in_every_file(report: tuple[check.Report, Path]) -> None:
    for file in report[1].glob("*.tflite"):
        contract = contract_of(read(file))
        assert contract is not None
        recipe = file.name.split(".")[1]
        assert contract.recipe == recipe
        assert contract.labels == tuple("0123456789")
        assert contract.source_sha256 == report[0].source_sha256
        assert contract.inputs[0].value_range == (0.0, 1.0)
        if recipe in ("int8", "full-int8", "int16x8"):
            assert contract.calibration is not None
            assert contract.calibration.samples == 100
            assert contract.calibration.ranges == (("image", 0.0, 1.0),)
        else:
            assert contract.calibration is None


def test_nothing_else_is_left_in_the_folder(report: tuple[check.Report, Path]) -> None:
    assert {path.suffix for path in report[1].iterdir()} == {".tflite", ".html", ".json"}


def test_uint8_edges(report: tuple[check.Report, Path]) -> None:
    with load(report[1] / "digits.full-int8.tflite") as model:
        assert [info.dtype.name for info in (*model.inputs, *model.outputs)] == ["uint8", "uint8"]


def test_the_package_is_the_function(models: Path, tmp_path: Path) -> None:
    made = lt.convert(models / "digits.tflite", recipes=["float16"], output=tmp_path)
    assert (tmp_path / "digits.float16.tflite").exists()
    assert [one.recipe for one in made.measurements] == ["float32", "float16"]


def test_defaults_without_samples(models: Path, tmp_path: Path) -> None:
    made = convert(models / "digits.tflite", output=tmp_path)
    assert [one.recipe for one in made.measurements] == ["float32", "float16", "dynamic"]
    assert made.notes[0].startswith("int8 was not made: there is nothing to calibrate on")


def test_defaults_with_samples(models: Path, tmp_path: Path, known: Arrays) -> None:
    made = convert(models / "digits.tflite", evaluate=known, samples=20, output=tmp_path)
    assert [one.recipe for one in made.measurements] == ["float32", "float16", "dynamic", "int8"]
    assert any("same data served" in note for note in made.notes)
    made = convert(models / "digits.tflite", calibrate=known, io="uint8", samples=20, output=tmp_path)
    assert [one.recipe for one in made.measurements][-1] == "full-int8"


def test_defaults_for_a_loop(models: Path, tmp_path: Path, digits: Digits) -> None:
    made = convert(models / "lstm.tflite", calibrate=Arrays(digits[0][:20, :, :, 0]), output=tmp_path)
    assert [one.recipe for one in made.measurements] == ["float32", "float16", "dynamic"]
    assert any("int8 was not made: the model has a loop (WHILE)" in note for note in made.notes)


def test_the_order_of_samples_changes_no_bit(models: Path, tmp_path: Path, digits: Digits) -> None:
    for name, order in (("a", range(50)), ("b", reversed(range(50)))):
        convert(
            models / "digits.tflite", recipes=["int8"], calibrate=Arrays(digits[0][list(order)]), output=tmp_path / name
        )
    assert (tmp_path / "a" / "digits.int8.tflite").read_bytes() == (tmp_path / "b" / "digits.int8.tflite").read_bytes()


@pytest.mark.slow
@pytest.mark.tensorflow
def test_the_main_job_on_real_photos(flowers: Path, tmp_path: Path) -> None:
    made = convert(
        flowers / "models" / "model.h5",
        recipes=["float32", "float16", "dynamic", "int8", "full-int8", "int16x8", "int4"],
        calibrate=flowers / "images",
        contract=Contract((InputContract(100, 100),)),
        io="uint8",
        output=tmp_path,
    )
    assert made.ok
    for one in made.measurements:
        assert one.agreement is not None
        # An untrained model: a photo more or less is chance. TensorFlow's int8 has the same 60 of 62.
        assert one.agreement.value >= (0.75 if one.recipe == "int4" else 60 / 62), one.recipe


def test_a_bound_that_none_holds_makes_a_mixed_variant(spoiled: Path, tmp_path: Path, digits: Digits) -> None:
    made = convert(
        spoiled,
        recipes=["int8"],
        evaluate=Arrays(digits[0][1257:1457], digits[1][1257:1457]),
        max_drop=0.01,
        output=tmp_path,
    )
    assert made.chosen is not None
    assert made.chosen.recipe == "int8-mixed"
    assert made.measurements[-1].recipe == "int8-mixed"
    assert made.measurements[-1].ok
    assert made.sensitivity
    assert (tmp_path / "spoiled.float32.int8-mixed.tflite").exists()
    assert any(note.startswith("int8-mixed leaves") for note in made.notes)


def refused(models: Path, tmp_path: Path, kind: type[LittoralError], words: str, **options: Any) -> None:
    folder = tmp_path / "out"
    source = options.pop("source", models / "digits.tflite")
    with pytest.raises(kind, match=words) as caught:
        convert(source, output=folder, **options)
    assert "\n" not in str(caught.value)
    assert not folder.exists() or not any(folder.iterdir())


def test_bad_options(models: Path, tmp_path: Path) -> None:
    refused(models, tmp_path, SourceError, "there is no recipe 'int3'", recipes=["int3"])
    refused(models, tmp_path, SourceError, "uint8 inputs and outputs are of full-int8", recipes=["int8"], io="uint8")
    refused(
        models, tmp_path, SourceError, "inputs and outputs cannot be 'int4'. Accepted: float32, int8, uint8", io="int4"
    )
    refused(models, tmp_path, SourceError, "does not exist", source=tmp_path / "nothing.keras")


def test_nothing_to_calibrate_on(models: Path, tmp_path: Path) -> None:
    refused(models, tmp_path, DataError, "int8 needs samples to calibrate on", recipes=["int8"])
    (tmp_path / "empty").mkdir()
    refused(models, tmp_path, DataError, "empty", recipes=["int8"], calibrate=tmp_path / "empty")


def test_samples_that_contradict_the_contract(models: Path, tmp_path: Path, digits: Digits) -> None:
    contract = Contract((InputContract(8, 8, colour="gray", scale=1 / 255),))
    refused(
        models,
        tmp_path,
        ContractError,
        "values of 0 to 255",
        recipes=["int8"],
        contract=contract,
        calibrate=Arrays(digits[0] * 255),
    )


def test_a_quantized_source(models: Path, flowers: Path, tmp_path: Path) -> None:
    quantized = flowers / "models" / "model_integer.tflite"
    refused(models, tmp_path, SourceError, "is quantized already", source=quantized, recipes=["float16"])
    assert convert(quantized, recipes=["float32"], output=tmp_path / "copy").measurements


def test_a_later_failure_leaves_no_earlier_variant(models: Path, tmp_path: Path, digits: Digits) -> None:
    rows = Arrays(digits[0][:10, :, :, 0])
    refused(
        models,
        tmp_path,
        SourceError,
        "has a loop",
        source=models / "lstm.tflite",
        recipes=["float16", "int8"],
        calibrate=rows,
    )


def test_one_bad_photo_among_good_ones_is_named_and_skipped(models: Path, tmp_path: Path, digits: Digits) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(5):
        Image.fromarray((digits[0][index, ..., 0] * 255).astype(np.uint8)).save(folder / f"{index}.png")
    (folder / "bad.png").write_bytes(b"no picture")
    made = convert(models / "digits.tflite", recipes=["int8"], calibrate=folder, output=tmp_path / "out")
    assert made.data[0].samples == 5
    assert [Path(one.file).name for one in made.data[0].skipped] == ["bad.png"]
    contract = contract_of(read(tmp_path / "out" / "digits.int8.tflite"))
    assert contract is not None
    assert contract.calibration is not None
    assert contract.calibration.skipped == 1


def test_tensorflow_missing(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(process, "find_spec", lambda name: None if name == "tensorflow" else found(name))
    refused(models, tmp_path, MissingExtraError, "TensorFlow is not installed", source=models / "digits.keras")


def test_an_output_that_is_no_folder(models: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SourceError, match=r"cannot be made: .*Give another folder"):
        convert(models / "digits.tflite", recipes=["float16"], output=tmp_path / "file" / "out")


SCRIPT = """
import sys
from collections.abc import Iterator
from functools import partial
from littoral.convert import convert
from littoral.errors import LittoralError
try:
    convert(sys.argv[1], recipes=["float32", "float16", "dynamic", "int4"], output=sys.argv[2],
            progress=lambda what, done, total: print(what, flush=True))
except LittoralError as error:
    print("error:", error)
    sys.exit(2)
"""


def test_a_full_disk(models: Path, tmp_path: Path) -> None:
    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))

    command = [sys.executable, "-c", SCRIPT, str(models / "digits.tflite"), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=small_files)
    assert done.returncode == 2, done.stderr
    assert "cannot be written: File too large" in done.stdout
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())


@pytest.mark.parametrize("moment", ["making float16", "making int4", "samples", "latency"])
def test_killed_half_way(models: Path, tmp_path: Path, moment: str) -> None:
    command = [sys.executable, "-c", SCRIPT, str(models / "digits.tflite"), str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if line.strip() == moment:
                break
        child.send_signal(signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    files = list((tmp_path / "out").glob("*.tflite")) if (tmp_path / "out").exists() else []
    for file in files:
        set_io(read(file), None, None)  # whole
    assert len(files) == (0 if moment.startswith("making") else 4)
    for file in (tmp_path / "out").glob("report.json"):
        json.loads(file.read_text())
