from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from littoral.check.predictions import Album, thumbnail
from littoral.data import Sample

LABELS = ("cat", "dog")


def sample(number: int, label: int | None = None) -> Sample:
    return Sample({"x": np.zeros((2,), np.float32)}, label, f"sample {number}")


def scores(**tops: int) -> dict[str, np.ndarray]:
    return {variant: np.eye(3, dtype=np.float32)[None, top] for variant, top in tops.items()}


def decoded(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.partition("base64,")[2])))


def test_the_first_samples_are_kept() -> None:
    album = Album(2, LABELS)
    for number in range(5):
        album.see(sample(number), scores(a=0, b=0))
    assert [one.origin for one in album.predictions()] == ["sample 0", "sample 1"]


def test_disagreement_takes_the_place_of_agreement_and_comes_first() -> None:
    album = Album(3, LABELS)
    for number in range(10):
        album.see(sample(number), scores(a=0, b=int(number in (6, 7, 8, 9))))
    found = album.predictions()
    assert [one.disagree for one in found] == [True, True, False]
    assert found[-1].origin == "sample 0"


def test_answers_are_the_best_by_name() -> None:
    album = Album(1, LABELS)
    album.see(sample(0, label=1), {"int8": np.array([[0.1, 0.2, 0.7]], np.float32)})
    one = album.predictions()[0]
    assert one.label == "dog"
    assert [answer.label for answer in one.answers[0].top] == ["2", "dog", "cat"]
    assert one.answers[0].top[0].score == pytest.approx(0.7)


def test_an_album_of_nothing_stays_empty() -> None:
    album = Album(0, LABELS)
    album.see(sample(0), scores(a=0, b=1))
    assert album.predictions() == ()


def test_a_photo_becomes_a_small_upright_jpeg(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter
    Image.new("RGB", (800, 400), "red").save(tmp_path / "a.jpg", exif=exif)
    uri = thumbnail(Sample({}, None, "a.jpg", tmp_path / "a.jpg"))
    assert uri.startswith("data:image/jpeg;base64,")
    assert decoded(uri).size == (80, 160)


def test_a_photo_that_is_gone_has_no_thumbnail(tmp_path: Path) -> None:
    assert thumbnail(Sample({}, None, "a.jpg", tmp_path / "a.jpg")) == ""


@pytest.mark.parametrize(
    ("shape", "size", "mode"), [((8, 8, 1), (8, 8), "L"), ((6, 9, 3), (9, 6), "RGB"), ((5, 4), (4, 5), "L")]
)
def test_an_array_that_looks_like_a_picture_is_stretched(
    shape: tuple[int, ...], size: tuple[int, int], mode: str
) -> None:
    values = np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)
    picture = decoded(thumbnail(Sample({"x": values}, None, "x")))
    assert (picture.size, picture.mode) == (size, mode)
    pixels = np.asarray(picture)
    assert (pixels.min(), pixels.max()) == (0, 255)


@pytest.mark.parametrize("shape", [(10,), (4, 4, 4), (2, 2), (4096, 4), (2, 3, 4, 5)])
def test_other_arrays_have_no_thumbnail(shape: tuple[int, ...]) -> None:
    assert thumbnail(Sample({"x": np.zeros(shape, np.float32)}, None, "x")) == ""


def test_an_array_of_one_value_is_black() -> None:
    assert np.asarray(decoded(thumbnail(Sample({"x": np.full((8, 8), 7.0)}, None, "x")))).max() == 0
