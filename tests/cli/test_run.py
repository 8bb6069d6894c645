"""littoral run: each task as a table, as JSON and drawn; and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from littoral.cli.drawings import plan, save
from littoral.cli.run import Task
from littoral.errors import DataError
from littoral.vision import TASKS

LITTORAL = Path(sys.executable).with_name("littoral")


def run(*args: object) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "TERM": "dumb"}
    command = [str(LITTORAL), "run", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env, timeout=240)


def answers(*args: object) -> Any:
    done = run(*args, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(*args: object) -> str:
    done = run(*args)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: ")
    return last


def picture(file: Path) -> Image.Image:
    with Image.open(file) as image:
        assert image.format == {".png": "PNG", ".jpg": "JPEG"}[file.suffix]
        copy: Image.Image = image.copy()
    return copy


def test_objects(coral: Path, tmp_path: Path) -> None:
    folder = coral / "automl_video_ondevice"
    labels = tmp_path / "labels.txt"
    labels.write_text("left\nright\n")
    common = folder / "traffic_model.tflite", folder / "traffic_frames", "--threshold", 0.42
    found = answers(*common, "--labels", labels, "--draw", tmp_path)
    assert [Path(name).name for name in found] == ["0001.bmp", "0002.bmp", "0003.bmp"]
    first, second, third = found.values()
    assert (first, third) == ([], [])
    (thing,) = second
    assert (thing["index"], thing["label"], thing["score"]) == (1, "right", 0.45703125)
    assert set(thing["box"]) == {"left", "top", "right", "bottom"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0001.png", "0002.png", "0003.png", "labels.txt"]
    assert picture(tmp_path / "0002.png").size == (512, 512)
    text = run(*common)
    assert text.returncode == 0
    assert text.stdout.count("nothing found") == 2
    assert "0.457" in text.stdout


def test_masks(coral: Path, tmp_path: Path) -> None:
    labels = coral / "pascal_voc_segmentation_labels.txt"
    args = coral / "deeplabv3_mnv2_pascal_quant.tflite", coral / "bird.bmp", "--labels", labels
    ((_, found),) = answers(*args, "--draw", tmp_path / "bird.jpg").items()
    assert (found["width"], found["height"]) == (512, 343)
    assert [entry["label"] for entry in found["classes"]] == ["background", "bird"]
    assert sum(entry["pixels"] for entry in found["classes"]) == 512 * 343
    assert sum(entry["share"] for entry in found["classes"]) == pytest.approx(1, rel=1e-12)
    drawn = picture(tmp_path / "bird.jpg")
    assert drawn.width == 512
    assert drawn.height > 343
    assert [path.name for path in tmp_path.iterdir()] == ["bird.jpg"]
    text = run(*args)
    assert "bird" in text.stdout
    assert "18.6%" in text.stdout


def test_poses(coral: Path) -> None:
    args = coral / "movenet_single_pose_lightning_ptq.tflite", coral / "squat.bmp"
    ((_, found),) = answers(*args).items()
    (person,) = found
    assert len(person["keypoints"]) == 17
    assert set(person["keypoints"][0]) == {"name", "x", "y", "score"}
    text = run(*args)
    assert "left ankle" in text.stdout
    assert answers(*args, "--threshold", 0.99)[str(args[1])] == []


def test_classes_drawn(coral: Path, tmp_path: Path) -> None:
    args = coral / "keras_lstm_mnist_ptq.tflite", coral / "mnist_nine.bmp", "--top-k", 1
    ((_, found),) = answers(*args, "--draw", tmp_path / "nine.png", "--task", "classify").items()
    assert [entry["index"] for entry in found] == [9]
    assert picture(tmp_path / "nine.png").width == 336


def test_a_contract_says_how_the_picture_lies(coral: Path, tmp_path: Path) -> None:
    contract = tmp_path / "contract.json"
    entry = {"width": 513, "height": 513, "resize": "letterbox", "scale": 1 / 128, "mean": 128}
    contract.write_text(json.dumps({"inputs": [entry], "labels": ["nothing", "plane", "bicycle", "bird"]}))
    ((_, found),) = answers(
        coral / "deeplabv3_mnv2_pascal_quant.tflite", coral / "bird.bmp", "--contract", contract
    ).items()
    assert [entry["label"] for entry in found["classes"]] == ["nothing", "bird"]
    assert 0.15 < found["classes"][1]["share"] < 0.22


def test_what_is_refused(coral: Path, tmp_path: Path) -> None:
    model, bird = coral / "deeplabv3_mnv2_pascal_quant.tflite", coral / "bird.bmp"
    assert "does not tell what it is for" in refused(coral / "tools" / "split_concat.tflite", bird)
    assert "not boxes, classes, scores and count" in refused(model, bird, "--task", "detect")
    assert "is not there. mkdir -p" in refused(model, bird, "--draw", tmp_path / "none" / "out.png")
    assert run(model, bird, "--task", "dance").returncode == 2
    broken = tmp_path / "broken.png"
    broken.write_bytes(bird.read_bytes()[:999])
    assert "broken.png cannot be read as a picture" in refused(model, broken, "--draw", tmp_path / "out.png")
    assert [path.name for path in tmp_path.iterdir()] == ["broken.png"]


def test_every_task_can_be_said() -> None:
    assert tuple(task.value for task in Task) == TASKS


def test_where_drawings_go(tmp_path: Path) -> None:
    a, b = tmp_path / "x" / "one.jpg", tmp_path / "y" / "one.png"
    out = tmp_path / "out"
    out.mkdir()
    assert plan(tmp_path / "new.webp", [a]) == [tmp_path / "new.webp"]
    assert plan(out, [a]) == [out / "one.png"]
    assert plan(out, [a, b, a]) == [out / "one.png", out / "one-2.png", out / "one-3.png"]
    with pytest.raises(DataError, match="is no folder, and there are 2 pictures"):
        plan(tmp_path / "new.png", [a, b])
    with pytest.raises(DataError, match=r"Accepted: a folder, or a name with \.png"):
        plan(tmp_path / "new.xyz", [a])
    with pytest.raises(DataError, match="would be overwritten"):
        plan(tmp_path / "new.png", [tmp_path / "x" / ".." / "new.png"])
    with pytest.raises(DataError, match="would be overwritten"):
        plan(out, [a, out / "one.png"])


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "long.jpg"
    file.write_bytes(b"as it was")
    with pytest.raises(DataError, match=r"long\.jpg cannot be written as JPEG"):
        save(Image.new("RGB", (70_000, 2)), file)  # JPEG ends at 65,535
    assert file.read_bytes() == b"as it was"
    assert list(tmp_path.iterdir()) == [file]
    save(Image.new("RGB", (70, 2)), file)
    assert picture(file).size == (70, 2)
    assert list(tmp_path.iterdir()) == [file]
