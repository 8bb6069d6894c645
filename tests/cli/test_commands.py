"""The commands as a person or a script runs them: a process, its output, its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

LITTORAL = Path(sys.executable).with_name("littoral")


def littoral(*args: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "TERM": "dumb"}
    command = [str(LITTORAL), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=env, timeout=240)


def answer(*args: object) -> object:
    done = littoral(*args, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(*args: object, cwd: Path | None = None) -> str:
    """The one line that a command prints when it could not."""
    done = littoral(*args, cwd=cwd)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    *before, last = done.stderr.splitlines()
    assert last.startswith("error: ")
    assert not [line for line in before if "Traceback" in line]
    return last


def test_inspect(coral: Path) -> None:
    model = coral / "mobilenet_v2_1.0_224_quant.tflite"
    summary = answer("inspect", model)
    assert isinstance(summary, dict)
    assert summary["bytes"] == model.stat().st_size
    assert summary["inputs"] == [
        {"name": "input", "shape": [1, 224, 224, 3], "type": "uint8", "scale": 0.0078125, "zero_point": 128}
    ]
    counts = {row["operator"]: row["count"] for row in summary["operators"]}
    assert counts["CONV_2D"] == 36
    assert counts["DEPTHWISE_CONV_2D"] == 17
    assert 290e6 < sum(row["macs"] for row in summary["operators"]) < 310e6  # the paper says 300 M
    text = littoral("inspect", model)
    assert text.returncode == 0
    assert "DEPTHWISE_CONV_2D" in text.stdout


def test_inspect_reads_compiled_models_too(coral: Path) -> None:
    summary = answer("inspect", coral / "mobilenet_v1_0.25_128_quant_edgetpu.tflite")
    assert isinstance(summary, dict)
    assert [row["operator"] for row in summary["operators"]] == ["edgetpu-custom-op"]


def test_inspect_says_who_runs_what(flowers: Path) -> None:
    summary = answer("inspect", flowers / "models" / "model.tflite", "--device", "cpu:reference")
    assert isinstance(summary, dict)
    assert summary["placement"]["accelerated"] == 0
    assert len(summary["placement"]["operators"]) == 9


def test_devices() -> None:
    found = answer("devices")
    assert isinstance(found, dict)
    ready = {row["device"]: row["ready"] for row in found["devices"]}
    assert ready["cpu"]
    assert ready["cpu:reference"]
    assert found["processor"]["cores"] >= 1
    assert all(row["words"] for row in found["devices"])


def test_run(coral: Path) -> None:
    model = coral / "mobilenet_v2_1.0_224_inat_bird_quant.tflite"
    found = answer(
        "run",
        model,
        coral / "parrot.jpg",
        "--labels",
        coral / "inat_bird_labels.txt",
        "--top-k",
        2,
        "-d",
        "cpu:reference",
    )
    assert isinstance(found, dict)
    ((picture, classes),) = found.items()
    assert picture.endswith("parrot.jpg")
    assert len(classes) == 2
    assert "Ara macao" in classes[0]["label"]


def test_run_on_a_folder(flowers: Path) -> None:
    found = answer("run", flowers / "models" / "model.tflite", flowers / "images", "--top-k", 1)
    assert isinstance(found, dict)
    assert len(found) == len(list((flowers / "images").iterdir()))


def test_compare_says_yes_and_no(flowers: Path, coral: Path) -> None:
    models = flowers / "models"
    same = littoral("compare", models / "model.tflite", models / "model.tflite", "--json")
    assert same.returncode == 0
    assert json.loads(same.stdout)["verdict"] == "exact"
    other = littoral("compare", models / "model.tflite", coral / "mobilenet_v1_0.25_128_quant.tflite", "--json")
    assert other.returncode == 1
    assert json.loads(other.stdout)["verdict"] == "different"
    assert json.loads(other.stdout)["differences"]


def test_bench(flowers: Path, tmp_path: Path) -> None:
    models = flowers / "models"
    page = tmp_path / "b.html"
    files = models / "model.tflite", models / "model_integer.tflite"
    found = answer("bench", *files, "--seconds", 0.1, "-t", 1, "-d", "cpu", "-d", "warp", "--html", page)
    assert isinstance(found, list)
    assert [(row["name"], row["device"]) for row in found] == [
        (file.name, device) for file in files for device in ("cpu", "warp")
    ]
    for row in found[::2]:
        latency = row["latency"]
        assert 0 < latency["best"] <= latency["p50"] <= latency["p90"] <= latency["p99"]
        assert row["throughput"] > 0
        assert row["start"]["load"] > 0
    assert found[0]["latency"]["ratio"] == 1
    assert all("no device 'warp'" in row["refused"] for row in found[1::2])
    assert "<svg" in page.read_text()


def test_tune_then_auto(flowers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITTORAL_HOME", str(tmp_path))
    model, photos = flowers / "models" / "model.tflite", flowers / "images"
    tune = ("tune", model, "--data", photos, "-n", 5, "-d", "cpu:reference", "--seconds", 0.1, "-t", 1)
    found = answer(*tune, "--max-drop", "2%")
    assert isinstance(found, dict)
    assert (found["max_drop"], found["evidence"], found["samples"]) == (0.02, "agreement", 5)
    assert [row["device"] for row in found["candidates"]] == ["cpu", "cpu:reference"]
    text = littoral(*tune)
    assert "✓ chosen" in text.stdout
    top = answer("run", model, next(photos.iterdir()), "--device", "auto")
    assert isinstance(top, dict)
    assert len(top) == 1
    assert "single device" in refused(*tune, "-d", "cpu:fp16|cpu")


def test_version_and_help() -> None:
    from littoral import __version__

    assert littoral("--version").stdout.strip() == f"littoral {__version__}"
    for command in ("convert", "inspect", "run", "compare", "bench", "tune", "devices", "demo"):
        done = littoral(command, "--help")
        assert done.returncode == 0
        assert "--json" in done.stdout


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["inspect", "nothere.tflite"], "nothere.tflite"),
        (["run", "nothere.tflite", "x.jpg"], "nothere.tflite"),
        (["convert", "nothere.keras"], "nothere.keras"),
        (["bench", "nothere.tflite"], "nothere.tflite"),
        (["tune", "nothere.tflite"], "nothere.tflite"),
        (["compare", "nothere.tflite", "b.tflite"], "nothere.tflite"),
        (["inspect", "."], "folder"),
    ],
)
def test_missing_files(args: list[str], words: str, tmp_path: Path) -> None:
    assert words in refused(*args, cwd=tmp_path)


def test_other_kinds_of_files(flowers: Path, coral: Path, tmp_path: Path) -> None:
    assert "HDF5" in refused("inspect", flowers / "models" / "model.h5")
    picture = coral / "parrot.jpg"
    assert "parrot.jpg" in refused("convert", picture, cwd=tmp_path)
    model = coral / "mobilenet_v2_1.0_224_quant.tflite"
    cut = tmp_path / "cut.tflite"
    cut.write_bytes(model.read_bytes()[:100_000])
    assert "cut.tflite" in refused("run", cut, picture)
    assert "labels" in refused("run", model, picture, "--labels", tmp_path / "no-labels.txt")
    assert "cut.tflite" in refused("run", model, cut)


def test_unknown_device_lists_those_that_are(coral: Path) -> None:
    line = refused("run", coral / "mobilenet_v2_1.0_224_quant.tflite", coral / "parrot.jpg", "--device", "warp")
    assert "warp" in line
    assert "cpu:reference" in line


def test_compiled_model_without_a_chip(coral: Path) -> None:
    line = refused("run", coral / "mobilenet_v1_0.25_128_quant_edgetpu.tflite", coral / "parrot.jpg")
    assert "Edge TPU" in line


def test_usage_errors_exit_with_2(flowers: Path, tmp_path: Path) -> None:
    assert littoral("convert").returncode == 2
    assert littoral("convert", "m.keras", "--max-drop", "lots").returncode == 2
    assert littoral("convert", "m.keras", "--io", "float16").returncode == 2
    line = refused("convert", flowers / "models" / "model.tflite", "-r", "float17", cwd=tmp_path)
    assert "float16" in line


def test_a_full_disk_is_one_line() -> None:
    done = subprocess.run(
        f"{LITTORAL} --help > /dev/full", shell=True, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
