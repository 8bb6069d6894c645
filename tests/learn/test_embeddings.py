"""Pictures and data sets to embeddings, and a head trained on them, end to end."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from littoral.data import Arrays, ImageFolder
from littoral.errors import ContractError, DataError
from littoral.learn import accuracy, append_head, embedding, embeddings, train_head
from littoral.runtime import load
from littoral.vision import classify

EXTRACTOR = "mobilenet_v1_1.0_224_quant_embedding_extractor.tflite"


@pytest.fixture(scope="module")
def folder(coral: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five views of one photo of each animal."""
    root = tmp_path_factory.mktemp("animals")
    for name in ("cat", "dog", "hotdog"):
        (root / name).mkdir()
        path = coral / "imprinting" / f"{name}_train_0.bmp"
        shutil.copy(path, root / name)
        with Image.open(path) as picture:
            for place in range(4):
                left, top = (place % 2) * picture.width // 5, (place // 2) * picture.height // 5
                view = picture.crop((left, top, left + picture.width * 4 // 5, top + picture.height * 4 // 5))
                view.save(root / name / f"{place}.bmp")
    return root


def test_a_head_from_a_folder_of_pictures(folder: Path, coral: Path, tmp_path: Path) -> None:
    dataset = ImageFolder(folder)
    with load(coral / EXTRACTOR) as model:
        vectors, classes = embeddings(model, dataset)
    assert vectors.shape == (15, 1024)
    assert vectors.dtype == np.float32
    head = train_head(vectors, classes)
    assert accuracy(head, vectors, classes) == 1
    append_head(coral / EXTRACTOR, head, tmp_path / "animals.tflite", dataset.labels)
    with load(tmp_path / "animals.tflite") as model:
        for name in dataset.labels:
            best = classify(model, coral / "imprinting" / f"{name}_test_0.bmp")[0]
            assert best.label == name


def test_one_picture(coral: Path) -> None:
    with load(coral / EXTRACTOR) as model:
        vector = embedding(model, coral / "cat.bmp")
        assert vector.shape == (1024,)
        with pytest.raises(DataError):
            embedding(model, coral / "no_such.bmp")


def test_what_has_no_label(coral: Path) -> None:
    with load(coral / EXTRACTOR) as model, pytest.raises(DataError, match="has no label"):
        embeddings(model, Arrays(np.zeros((1, 224, 224, 3), np.float32)))


def test_what_takes_no_picture_or_gives_several_outputs(coral: Path) -> None:
    with load(coral / "automl_video_ondevice/traffic_model.tflite") as model, pytest.raises(ContractError):
        embedding(model, coral / "cat.bmp")
