"""Old scripts run, after one sed line, on the processor and on pretended chips, and their answers are right."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.coral.standin.board import Board
from tests.coral.standin_fixtures import board, standin
from tests.pycoral.conftest import SCRIPTS, Script

__all__ = ["board", "standin"]

EXTRACTOR = "mobilenet_v1_1.0_224_quant_embedding_extractor"
TRAFFIC = "automl_video_ondevice/traffic_model.tflite"


@pytest.fixture(params=["cpu", "pretended chips"])
def suffix(request: pytest.FixtureRequest, coral: Path) -> str:
    """Scripts run on the processor, or on two pretended chips: how the names of model files end there."""
    if request.param == "cpu":
        request.getfixturevalue("on_cpu")
        return ".tflite"
    machine: Board = request.getfixturevalue("board")
    machine.plug("usb", "2-1")
    machine.plug("pci", "0000:01:00.0")
    for name in (
        "mobilenet_v1_0.25_128_quant",
        "deeplabv3_mnv2_pascal_quant",
        "movenet_single_pose_lightning_ptq",
        "keras_lstm_mnist_ptq",
        EXTRACTOR,
    ):
        machine.teach(coral / f"{name}_edgetpu.tflite", coral / f"{name}.tflite")
    return "_edgetpu.tflite"


@pytest.fixture
def pets(coral: Path, tmp_path: Path) -> Path:
    """A folder for each animal with two pictures."""
    for path in (coral / "imprinting").glob("*.bmp"):
        folder = tmp_path / "pets" / path.name.partition("_")[0]
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder)
    return tmp_path / "pets"


def test_every_script_is_tested() -> None:
    source = Path(__file__).read_text()
    names = [path.stem for path in SCRIPTS.glob("*.py")]
    assert len(names) >= 12
    assert [name for name in names if f'"{name}"' not in source] == []


def test_classify_image(script: Script, coral: Path, suffix: str) -> None:
    model = coral / f"mobilenet_v1_0.25_128_quant{suffix}"
    lines = script(
        "classify_image",
        "--model",
        model,
        "--input",
        coral / "sunflower.bmp",
        "--labels",
        coral / "imagenet_labels.txt",
    )
    assert lines[0].startswith("daisy: 0.6328")
    assert len(lines) == 3


def test_classify_image_on_a_named_chip(script: Script, coral: Path, on_cpu: None) -> None:
    model = f"{coral / 'mobilenet_v2_1.0_224_inat_bird_quant.tflite'}@usb:0"
    labels = coral / "inat_bird_labels.txt"
    lines = script("classify_image", "--model", model, "--input", coral / "parrot.jpg", "--labels", labels)
    assert lines[0].startswith("Ara macao (Scarlet Macaw): 0.7")


def test_semantic_segmentation(script: Script, coral: Path, suffix: str, tmp_path: Path) -> None:
    model = coral / f"deeplabv3_mnv2_pascal_quant{suffix}"
    mask = tmp_path / "mask.png"
    picture = coral / "bird_segmentation.bmp"
    script("semantic_segmentation", "--model", model, "--input", picture, "--output", mask, "--keep_aspect_ratio")
    found = np.asarray(Image.open(mask)) == 3
    truth = np.asarray(Image.open(coral / "bird_segmentation_mask.bmp")) == 3
    assert (found & truth).sum() / (found | truth).sum() > 0.9


def test_movenet(script: Script, coral: Path, suffix: str) -> None:
    name = "movenet_single_pose_lightning_ptq"
    lines = script("movenet_pose_estimation", "--model", coral / f"{name}{suffix}", "--input", coral / "squat.bmp")
    found = np.array([[float(word) for word in line.split()] for line in lines])
    with (coral / f"{name}_reference.csv").open() as file:
        wanted = np.array([[float(row["keypoint_y"]), float(row["keypoint_x"])] for row in csv.DictReader(file)])
    assert np.abs(found[:, :2] - wanted).max() <= 0.022  # the reference's picture was resized by another filter


def test_recognize_digit(script: Script, coral: Path, suffix: str) -> None:
    lines = script(
        "recognize_digit", "--model", coral / f"keras_lstm_mnist_ptq{suffix}", "--input", coral / "mnist_nine.bmp"
    )
    assert [line.split()[0] for line in lines] == ["9", "9"]


def test_model_pipelining(script: Script, coral: Path, suffix: str, tmp_path: Path) -> None:
    shutil.copy(coral / f"{EXTRACTOR}{suffix}", tmp_path / "segment_0_of_2.tflite")
    shutil.copy(coral / "tools" / "mobilenet_quant_v1_224_head_layers.tflite", tmp_path / "segment_1_of_2.tflite")
    lines = script(
        "model_pipelining_classify_image",
        *("--models", tmp_path / "segment_%d_of_2.tflite", "--segments", 2),
        *("--input", coral / "parrot.jpg", "--labels", coral / "imagenet_labels.txt"),
        warnings="ignore",  # the second segment is not compiled
    )
    assert lines == ["macaw: 0.99609"] * 5


def test_classify_on_every_chip(script: Script, coral: Path, suffix: str) -> None:
    model, labels = coral / f"mobilenet_v1_0.25_128_quant{suffix}", coral / "imagenet_labels.txt"
    pictures = [coral / name for name in ("sunflower.bmp", "parrot.jpg", "cat.bmp")]
    lines = script("classify_on_every_chip", "--model", model, "--labels", labels, "--inputs", *pictures)
    assert lines == ["daisy", "macaw", "tiger cat"]


def test_two_models(script: Script, coral: Path, suffix: str) -> None:
    models = (coral / f"{name}{suffix}" for name in ("mobilenet_v1_0.25_128_quant", "deeplabv3_mnv2_pascal_quant"))
    arguments = zip(("--classification_model", "--segmentation_model"), models, strict=True)
    lines = script(
        "two_models_inference", *(word for pair in arguments for word in pair), "--image", coral / "bird.bmp"
    )
    one, two = (line.split()[-2:] for line in lines)
    assert one == two
    assert int(one[1]) > 0


def test_imprinting(script: Script, coral: Path, suffix: str, pets: Path, tmp_path: Path) -> None:
    model = coral / f"{EXTRACTOR}{suffix}"
    lines = script("imprinting_learning", "--model_path", model, "--data", pets, "--output", tmp_path / "new.tflite")
    assert [line.split()[:2] for line in lines] == [["cat", "right"], ["dog", "right"], ["hotdog", "right"]]


def test_imprinting_goes_on_with_what_it_made(
    script: Script, coral: Path, on_cpu: None, pets: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.tflite", tmp_path / "second.tflite"
    shutil.move(pets / "dog", tmp_path / "dog")
    script("imprinting_learning", "--model_path", coral / f"{EXTRACTOR}.tflite", "--data", pets, "--output", first)
    (tmp_path / "more").mkdir()
    shutil.move(tmp_path / "dog", tmp_path / "more" / "dog")
    arguments = "--model_path", first, "--data", tmp_path / "more", "--output", second, "--keep_classes"
    [line] = script("imprinting_learning", *arguments)
    assert line.startswith("dog right")


def test_backprop(script: Script, coral: Path, suffix: str, pets: Path, tmp_path: Path) -> None:
    for path in list(pets.glob("*/*.bmp")):  # near copies: whichever pictures are kept back, others like them are not
        with Image.open(path) as picture:
            for margin in (4, 8, 12):
                size = (picture.width - margin, picture.height - margin)
                picture.crop((margin, margin, *size)).save(path.with_name(f"{margin}_{path.name}"))
    lines = script(
        "backprop_last_layer",
        *("--embedding_extractor_path", coral / f"{EXTRACTOR}{suffix}", "--data_dir", pets, "--output_dir", tmp_path),
    )
    assert len(lines) == 6
    assert lines[-1] == "training accuracy 1.000"
    for name in ("cat", "dog", "hotdog"):
        answer = script(
            "classify_image",
            *("--model", tmp_path / "retrained_model_edgetpu.tflite", "--labels", tmp_path / "label_map.txt"),
            *("--input", coral / "imprinting" / f"{name}_test_0.bmp"),
        )
        assert answer[0].startswith(f"{name}: ")


def test_detect_image(script: Script, coral: Path, on_cpu: None, tmp_path: Path) -> None:
    frame = coral / "automl_video_ondevice/traffic_frames/0001.bmp"
    lines = script("detect_image", "--model", coral / TRAFFIC, "--input", frame, "--output", tmp_path / "drawn.png")
    assert lines == ["1 0.414 216 142 256 189"]
    drawn = np.asarray(Image.open(tmp_path / "drawn.png").convert("RGB"))
    assert (drawn[142, 216:256] == (255, 0, 0)).all()


def test_detect_video(script: Script, coral: Path, on_cpu: None) -> None:
    frames = sorted((coral / "automl_video_ondevice/traffic_frames").glob("*.bmp"))
    lines = script("detect_video", "--model", coral / TRAFFIC, "--frames", *frames)
    assert lines == [
        "3 1@216,142 0@68,149 1@238,178",
        "4 1@211,142 0@61,148 1@233,176 0@44,149",
        "2 1@205,141 0@49,148",
    ]


def test_small_objects(script: Script, coral: Path, on_cpu: None) -> None:
    frame = coral / "automl_video_ondevice/traffic_frames/0001.bmp"
    sizes = "--tile_sizes", "160x160,256x256", "--tile_overlap", 60, "--score_threshold", 0.3
    lines = script("small_object_detection", "--model", coral / TRAFFIC, "--input", frame, *sizes)
    assert lines[0] == "8 found, 6 kept"
    assert lines[1] == "1 0.414 216 142 256 189"


def test_list_devices(script: Script, board: Board) -> None:
    board.plug("usb", "2-1.4")
    board.plug("usb", "2-1.3", dfu=True)
    board.plug("pci", "0000:01:00.0")
    lines = script("list_devices")
    assert lines[:3] == [
        "0 pci /dev/apex_0",
        "1 usb /sys/bus/usb/devices/2-1.3",
        "2 usb /sys/bus/usb/devices/2-1.4",
    ]
    assert lines[3].startswith("Failed to load delegate: there is no device coral:1000. There are: coral:pci:0")
    assert lines[4] == "BuildLabel(stand-in), RuntimeVersion(14)"
