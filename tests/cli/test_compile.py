"""littoral compile, with the stand-in compiler of tests/coral and without one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from littoral.runtime import contract_of
from littoral.tflite import read

LITTORAL = Path(sys.executable).with_name("littoral")
STAND_IN = Path(__file__).resolve().parent.parent / "coral"
MODEL = "mobilenet_v1_0.25_128_quant"


@pytest.fixture
def environment(coral: Path, tmp_path: Path) -> dict[str, str]:
    """With the stand-in compiler on PATH, and the compiled models of the test data for it to give."""
    path = f"{STAND_IN}{os.pathsep}{os.environ['PATH']}"
    notes = str(tmp_path / "notes.json")
    return {**os.environ, "PATH": path, "STAND_IN_TWINS": str(coral), "STAND_IN_NOTES": notes, "TERM": "dumb"}


def littoral(environment: dict[str, str], *args: object) -> subprocess.CompletedProcess[str]:
    command = [str(LITTORAL), "compile", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)


def test_a_model_is_compiled(environment: dict[str, str], coral: Path, tmp_path: Path) -> None:
    model = coral / f"{MODEL}.tflite"
    done = littoral(environment, model, "--target", "edgetpu", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert f"{MODEL}_edgetpu.tflite: 15 of 17 operators run on the Edge TPU" in done.stdout
    assert "2.01 MB on the chip, 3.39 MB sent at every inference" in done.stdout
    assert "Operation is otherwise supported" in done.stdout
    assert "edgetpu_compiler 16.0.384591198" in done.stdout
    assert "prediction" not in done.stdout.lower()
    made = tmp_path / "out" / f"{MODEL}_edgetpu.tflite"
    assert [operator.name for operator in read(made).main.operators] == ["edgetpu-custom-op"]


def test_as_json(environment: dict[str, str], coral: Path, tmp_path: Path) -> None:
    other = coral / "mobilenet_v1_0.5_160_quant.tflite"
    done = littoral(environment, coral / f"{MODEL}.tflite", "--with", other, "-o", tmp_path, "--json")
    answer: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == 0
    assert answer["target"] == "edgetpu"
    assert answer["compilation"]["files"] == [
        str(tmp_path / f"{name}_edgetpu.tflite") for name in (MODEL, "mobilenet_v1_0.5_160_quant")
    ]
    assert answer["compilation"]["results"][0]["mapped"] == 15
    assert answer["prediction"]["kind"] == "prediction"
    assert answer["prediction"]["mapped"] == 31
    assert answer["prediction"]["memory"]["fits"] is True


def test_when_nothing_maps_the_answer_is_no(environment: dict[str, str], coral: Path, tmp_path: Path) -> None:
    environment["STAND_IN_MODE"] = "nothing"
    done = littoral(environment, coral / f"{MODEL}.tflite", "-o", tmp_path)
    assert done.returncode == 1
    assert (tmp_path / f"{MODEL}_edgetpu.tflite").exists()


def test_a_failure_of_the_compiler(environment: dict[str, str], coral: Path, tmp_path: Path) -> None:
    environment["STAND_IN_SAYS"] = "Internal compiler error. Aborting! "
    done = littoral(environment, coral / f"{MODEL}.tflite", "-o", tmp_path / "out")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith(
        f"error: edgetpu_compiler refuses {MODEL}.tflite: Internal compiler error. Aborting. It often works"
    )


def test_without_the_compiler_there_is_a_prediction(coral: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": str(tmp_path), "TERM": "dumb"}
    model = coral / "deeplabv3_mnv2_pascal_quant.tflite"
    done = littoral(environment, model, "-o", tmp_path / "out")
    assert done.returncode == 2
    assert done.stdout.startswith("Prediction for the Edge TPU, runtime 14: 64 of 72 operators will run on it")
    assert "enlarging 33 times" in done.stdout
    assert "they fit." in done.stdout
    assert done.stderr.startswith("error: edgetpu_compiler is not on this machine. It is Google's Debian package")
    assert not (tmp_path / "out").exists()
    answer = json.loads(littoral(environment, model, "--json").stdout)
    assert answer["compilation"] is None
    assert answer["prediction"]["mapped"] == 64
    older = json.loads(
        littoral(environment, coral / "tools/split_concat.tflite", "--runtime-version", 10, "--json").stdout
    )
    assert older["prediction"]["runtime_version"] == 10


def test_a_float_model_is_told_to_be_quantized(flowers: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": str(tmp_path), "TERM": "dumb"}
    done = littoral(environment, flowers / "models" / "model.tflite")
    assert done.returncode == 2
    assert "the compiler will refuse it: Model not quantized. Quantize it: littoral convert -r full-int8" in done.stdout
    assert "they fit" not in done.stdout


@pytest.mark.parametrize(("arguments", "words"), [
    (("nothing.tflite",), "nothing.tflite"),
    (("tools/split_concat_edgetpu.tflite",), "split_concat_edgetpu.tflite is compiled for the Edge TPU already"),
    (("tools/split_concat.tflite", "--segments", "0"), "0 segments. Accepted: 1 to 16"),
    (("tools/split_concat.tflite", "--runtime-version", "9"), "Accepted: 10 to 14"),
    (("tools/split_concat.tflite", "--timeout", "-1"), "Accepted: more than 0"),
])  # fmt: skip
def test_bad_input(environment: dict[str, str], coral: Path, arguments: tuple[str, ...], words: str) -> None:
    done = littoral(environment, coral / arguments[0], *arguments[1:])
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")


def test_an_interruption_leaves_nothing(environment: dict[str, str], coral: Path, tmp_path: Path) -> None:
    environment["STAND_IN_MODE"] = "half"
    command = [str(LITTORAL), "compile", str(coral / f"{MODEL}.tflite"), "-o", str(tmp_path / "out")]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as child:
        notes = tmp_path / "notes.json"
        while not (notes.exists() and "child" in notes.read_text()):
            assert child.poll() is None
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        assert child.wait(30) == 130
    assert list((tmp_path / "out").iterdir()) == []


def convert(environment: dict[str, str], flowers: Path, output: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """The flowers model in float, quantized with its photos for the Edge TPU."""
    command = [
        LITTORAL, "convert", flowers / "models" / "model.tflite", "-r", "full-int8", "--io", "uint8", "-n", "4",
        "--target", "edgetpu", "--calibrate", flowers / "images", "-o", output, *more,
    ]  # fmt: skip
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, check=False, env=environment, timeout=240)


def test_convert_ends_with_a_compiled_file(environment: dict[str, str], flowers: Path, tmp_path: Path) -> None:
    """The stand-in gives the compiled file that the makers of the flowers model got."""
    (tmp_path / "twins").mkdir()
    twin = (flowers / "models" / "model_full_integer_edgetpu.tflite").read_bytes()
    (tmp_path / "twins" / "model.full-int8_edgetpu.tflite").write_bytes(twin)
    environment["STAND_IN_TWINS"] = str(tmp_path / "twins")
    done = convert(environment, flowers, tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    made = tmp_path / "out" / "model.full-int8_edgetpu.tflite"
    assert answer["edgetpu"]["compilation"]["files"] == [str(made)]
    assert answer["edgetpu"]["prediction"]["mapped"] == len(answer["edgetpu"]["prediction"]["operators"])
    assert contract_of(read(made)) == contract_of(read(tmp_path / "out" / "model.full-int8.tflite"))


def test_when_the_compiler_fails_the_conversion_is_still_told(
    environment: dict[str, str], flowers: Path, tmp_path: Path
) -> None:
    environment["STAND_IN_SAYS"] = "Internal compiler error. Aborting! "
    done = convert(environment, flowers, tmp_path / "out")
    assert done.returncode == 2
    assert "report.html" in done.stdout
    assert "Edge TPU (prediction): 11 of 11 operators will run on it" in done.stdout
    assert "error: edgetpu_compiler refuses model.full-int8.tflite: Internal compiler error" in done.stderr
    assert (tmp_path / "out" / "model.full-int8.tflite").exists()
