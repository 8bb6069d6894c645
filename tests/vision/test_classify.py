"""Classes of real pictures by real models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL
import pytest
from PIL import Image

from littoral.data import Contract, InputContract, read_labels
from littoral.errors import ContractError, DataError, InputError
from littoral.runtime import load
from littoral.vision import classify

devices = pytest.mark.parametrize("device", ["cpu", "cpu:reference"])
BIRDS = "mobilenet_v2_1.0_224_inat_bird_quant.tflite"
IMAGENET = "mobilenet_v2_1.0_224_quant.tflite"


@devices
@pytest.mark.parametrize(
    ("file", "picture", "labels", "label"),
    [
        (BIRDS, "parrot.jpg", "inat_bird_labels.txt", "Ara macao (Scarlet Macaw)"),
        (IMAGENET, "grace_hopper.bmp", "imagenet_labels.txt", "military uniform"),
        ("tf2_mobilenet_v2_1.0_224_ptq.tflite", "grace_hopper.bmp", "imagenet_labels.txt", "military uniform"),
        ("mobilenet_v1_0.5_160_quant.tflite", "sunflower.bmp", "imagenet_labels.txt", "daisy"),
    ],
)
def test_the_best_class(coral: Path, file: str, picture: str, labels: str, label: str, device: str) -> None:
    with load(coral / file, device) as model:
        best = classify(model, coral / picture, top_k=3, labels=read_labels(coral / labels))
    assert best[0].label == label
    assert best[0].score > 0.5
    assert [answer.score for answer in best] == sorted((answer.score for answer in best), reverse=True)
    assert len(best) == 3


@devices
def test_the_digit(coral: Path, device: str) -> None:
    with load(coral / "keras_lstm_mnist_ptq.tflite", device) as model:
        [best] = classify(model, coral / "mnist_nine.bmp", top_k=1)
    assert (best.index, best.label) == (9, "")
    assert best.score > 0.9


# Pillow before 13, the newest for Python 3.10, reads a JPEG a level apart here and there.
_STEPS_APART = 0 if int(PIL.__version__.partition(".")[0]) >= 13 else 4


@pytest.mark.parametrize(
    ("file", "picture", "score"), [(BIRDS, "parrot.jpg", 0.796875), (IMAGENET, "grace_hopper.bmp", 0.91796875)]
)
def test_scores_are_those_of_corals_own_example(coral: Path, file: str, picture: str, score: float) -> None:
    # Coral's classify_image.py shrinks pictures with Lanczos.
    image = Image.open(coral / picture).convert("RGB").resize((224, 224), Image.Resampling.LANCZOS)
    with load(coral / file) as model:
        for given in (image, np.asarray(image)):
            assert classify(model, given, top_k=1)[0].score == pytest.approx(score, rel=0, abs=_STEPS_APART / 256)


def test_labels_come_from_the_file_or_a_contract(coral: Path) -> None:
    with load(coral / BIRDS) as model:
        assert classify(model, coral / "parrot.jpg", top_k=1)[0].label.startswith("Ara macao")
    contract = Contract((InputContract(224, 224, scale=1 / 128, mean=128.0, resize="area"),))
    with load(coral / BIRDS, contract=contract) as model:
        assert classify(model, coral / "parrot.jpg", top_k=1)[0].label == ""


def test_what_does_not_fit(coral: Path) -> None:
    with load(coral / IMAGENET) as model:
        with pytest.raises(InputError, match="2 labels for 1001 classes"):
            classify(model, coral / "parrot.jpg", labels=["a", "b"])
        with pytest.raises(DataError, match=r"absent\.jpg cannot be read"):
            classify(model, coral / "absent.jpg")
        model.contract = replace(model.contract, inputs=())
        with pytest.raises(ContractError, match="does not take one picture but 'input'"):
            classify(model, coral / "parrot.jpg")
    with (
        load(coral / "deeplabv3_mnv2_pascal_quant.tflite") as model,
        pytest.raises(InputError, match=r"'ArgMax' .* is not one score a class"),
    ):
        classify(model, coral / "parrot.jpg")
