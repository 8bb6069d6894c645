"""littoral inspect and littoral compare on models that are compiled for the Edge TPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from littoral import tflite

LITTORAL = Path(sys.executable).with_name("littoral")
BODYPIX = "posenet/bodypix_mobilenet_v1_075_512_512_16_quant_decoder"


def littoral(*args: object) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "TERM": "dumb"}
    command = [str(LITTORAL), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env, timeout=120)


def answer(*args: object, code: int = 0) -> Any:
    done = littoral(*args, "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def test_inspect(coral: Path) -> None:
    file = coral / "cocompilation" / "mobilenet_v1_0.25_128_quant_cocompiled_with_3quant_edgetpu.tflite"
    found = answer("inspect", file)["edgetpu"]
    assert found["min_runtime_version"] == 12
    (segment,) = found["segments"]
    assert (segment["cached_bytes"], segment["streamed_bytes"], segment["instruction_bytes"]) == (
        315_840,
        251_072,
        182_928,
    )
    assert (segment["input_bytes"], segment["output_bytes"]) == (49_152, 1_008)
    assert found["advice"][0]["what"].startswith("251,072 bytes of parameters stream")
    text = littoral("inspect", file)
    assert text.returncode == 0
    assert "Edge TPU: 1 segment, runtime version 12 or newer" in text.stdout
    assert "co-compile it with fewer models" in text.stdout


def test_inspect_several_files(coral: Path) -> None:
    files = sorted((coral / "pipeline").glob("ssd_mobilenet_v1*_edgetpu.tflite"))
    found = answer("inspect", *files)
    assert [one["file"] for one in found["files"]] == [str(file) for file in files]
    (group,) = found["groups"]
    assert group["pipeline"]
    assert group["members"] == [str(file) for file in files]
    text = littoral("inspect", *files).stdout
    assert f"segments of one pipeline, for a chip each (token {group['token']})" in text


def test_inspect_predicts_for_models_that_are_not_compiled(coral: Path) -> None:
    file = coral / "deeplabv3_mnv2_pascal_quant.tflite"
    prediction = answer("inspect", file, "--device", "coral")["prediction"]
    assert prediction["kind"] == "prediction"
    assert prediction["mapped"] == len(prediction["operators"]) - 8
    text = littoral("inspect", file, "-d", "coral").stdout
    assert "Prediction for the Edge TPU" in text
    assert "prediction" not in answer("inspect", file)


def test_inspect_a_damaged_package(coral: Path, tmp_path: Path) -> None:
    graph = tflite.read(coral / "mobilenet_v1_0.25_128_quant_edgetpu.tflite")
    operator = graph.main.operators[0]
    assert operator.custom_options is not None
    operator.custom_options = operator.custom_options[:1000]
    file = tmp_path / "cut_edgetpu.tflite"
    tflite.write(graph, file)
    done = littoral("inspect", file)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: the Edge TPU's part of {file} (operator 0) is damaged")


@pytest.mark.parametrize("swapped", [False, True])
def test_compare_finds_twins(coral: Path, swapped: bool) -> None:
    files = [coral / f"mobilenet_v1_0.25_128_quant{end}.tflite" for end in ("", "_edgetpu")]
    if swapped:
        files.reverse()
    assert answer("compare", *files)["same"] is True
    text = littoral("compare", *files)
    assert text.returncode == 0
    assert "twins: yes" in text.stdout


def test_compare_finds_the_bodypix_mismatch(coral: Path) -> None:
    files = [coral / f"{BODYPIX}{end}.tflite" for end in ("", "_edgetpu")]
    found = answer("compare", *files, code=1)
    assert found["same"] is False
    assert found["differences"][0].startswith("output 6 'float_part_heatmaps': quantization")
    text = littoral("compare", *files, "--data", coral)
    assert text.returncode == 1
    assert "twins: no" in text.stdout
    assert "--data is not used" in text.stderr


def test_compare_two_compiled_models(coral: Path) -> None:
    a = coral / "mobilenet_v1_0.25_128_quant_edgetpu.tflite"
    b = coral / "mobilenet_v1_0.5_160_quant_edgetpu.tflite"
    assert answer("compare", a, a)["same"] is True
    assert "the same: no" in littoral("compare", a, b).stdout
