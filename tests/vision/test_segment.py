"""Masks of real pictures by real models, and maps of any size on pictures of any size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.vision.conftest import Gives
from tests.vision.made import Array

from littoral.data import InputContract, read_labels
from littoral.errors import DataError, InputError
from littoral.runtime import load
from littoral.vision import Segmentation, Share, segment, task
from littoral.vision.look import Seen
from littoral.vision.segment import spread

PASCAL = "deeplabv3_mnv2_pascal_quant.tflite"
CITYSCAPES = "deeplab_mobilenet_edgetpu_slim_cityscapes_quant.tflite"
BIRD, DOG = 3, 12


def iou(a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_]) -> float:
    return float(np.count_nonzero(a & b) / np.count_nonzero(a | b))


def gray(path: Path) -> Array:
    return np.asarray(Image.open(path))


def test_the_bird(coral: Path) -> None:
    with load(coral / PASCAL) as model:
        found = segment(
            model, coral / "bird_segmentation.bmp", read_labels(coral / "pascal_voc_segmentation_labels.txt")
        )
    mask = gray(coral / "bird_segmentation_mask.bmp")  # its values are the model's classes
    assert iou(found.mask(BIRD), mask == BIRD) == pytest.approx(0.905, abs=0.0005)
    background, bird = found.shares
    assert (background.label, bird.label) == ("background", "bird")
    assert background.pixels + bird.pixels == 513 * 513


def test_the_dog(coral: Path) -> None:
    with load(coral / PASCAL) as model:
        found = segment(model, coral / "dog_segmentation.bmp")
    mask = gray(coral / "dog_segmentation_mask.bmp")  # 0 the dog, 1 around it, 2 the seam between
    assert found.classes.shape == mask.shape == (128, 128)
    assert {share.index for share in found.shares} == {0, DOG}
    sure = mask != 2
    assert iou(found.mask(DOG) & sure, (mask == 0) & sure) > 0.97


def test_a_street(coral: Path) -> None:
    with load(coral / CITYSCAPES) as model:
        assert task(model) == "segment"
        found = segment(model, coral / "cityscapes_segmentation.bmp")
    mask = gray(coral / "cityscapes_segmentation_mask.bmp")
    assert np.mean(found.classes == mask) > 0.92
    for index, least in {0: 0.92, 2: 0.83, 8: 0.89, 13: 0.86}.items():  # road, building, vegetation, car
        assert iou(found.mask(index), mask == index) > least


def test_a_mask_has_the_size_of_its_picture(coral: Path) -> None:
    with load(coral / PASCAL) as model:
        found = segment(model, coral / "bird.bmp")
    assert found.classes.shape == (343, 512)
    assert found.classes.dtype == np.int32


maps = st.tuples(st.integers(1, 12), st.integers(1, 12))


@given(maps, maps, st.sampled_from(["bilinear", "letterbox"]), st.integers(1, 40), st.integers(1, 40))
def test_each_pixel_has_the_value_under_its_middle(
    size: tuple[int, int], of_map: tuple[int, int], resize: str, width: int, height: int
) -> None:
    contract = InputContract(4 * size[0], 4 * size[1], resize=resize)  # type: ignore[arg-type]
    values = np.arange(of_map[0] * of_map[1]).reshape(of_map)
    seen = Seen({}, (width, height), contract)
    spreaded = spread(values, seen)
    assert spreaded.shape == (height, width)
    at = seen.placement
    for y, x in {(0, 0), (height // 2, width // 2), (height - 1, width - 1)}:
        row = ((y + 0.5) * at.scale_y + at.top) * of_map[0] / contract.height
        column = ((x + 0.5) * at.scale_x + at.left) * of_map[1] / contract.width
        rows, columns = around(row, of_map[0]), around(column, of_map[1])
        assert spreaded[y, x] in values[rows][:, columns]


def around(place: float, size: int) -> list[int]:
    """The values at a place: one, or two where it is on their border as far as rounding goes."""
    return sorted({min(int(place + side), size - 1) for side in (-1e-9, 1e-9)})


def test_letterbox_bars_are_cut_off(gives: Gives) -> None:
    # 80 x 40 pixels lie in rows 4 to 12 of the 16: rows 2 to 6 of the map of 8.
    rows = np.repeat(np.arange(8, dtype=np.int32), 8).reshape(1, 8, 8)
    found = segment(gives({"map": rows}, resize="letterbox"), np.zeros((40, 80, 3), np.uint8))
    assert found.classes[:, 0].tolist() == np.repeat([2, 3, 4, 5], 10).tolist()


CLASSES = np.array([[0, 1], [2, 1]], np.int32)


@pytest.mark.parametrize(
    ("values", "layout"),
    [
        (CLASSES[None], "NHWC"),
        (CLASSES[None, ..., None], "NHWC"),
        (CLASSES[None].astype(np.float32), "NHWC"),
        (np.eye(3, dtype=np.float32)[CLASSES][None], "NHWC"),
    ],
)
def test_every_kind_of_map(gives: Gives, values: Array, layout: str) -> None:
    model = gives({"map": values}, labels=("sky", "sea"), layout=layout)
    assert task(model) == "segment"
    found = segment(model, np.zeros((4, 6, 3), np.uint8))
    assert found.classes.tolist() == CLASSES.repeat(2, axis=0).repeat(3, axis=1).tolist()
    assert found.shares == (Share(1, "sea", 12, 0.5), Share(0, "sky", 6, 0.25), Share(2, "", 6, 0.25))


def test_scores_of_channels_first() -> None:
    from littoral.vision.segment import _classes

    values = np.moveaxis(np.eye(3)[CLASSES][None], 3, 1)
    seen = Seen({}, (2, 2), InputContract(2, 2, layout="NCHW"))
    assert _classes(values, "map", seen).tolist() == CLASSES.tolist()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((1, 10)), r"\[1, 10\] is no map"),
        (np.zeros((1, 1, 1, 10)), "is no map"),
        (np.full((1, 4, 4, 2), np.nan), "'map' has NaN"),
        (np.full((1, 4, 4), 0.5), "values of 0.5 to 0.5, which are no classes"),
        (np.full((1, 4, 4), -1), "values of -1 to -1"),
        (np.full((1, 4, 4), 1e9), r"1e\+09, which are no classes"),
    ],
)
def test_outputs_that_are_no_masks(gives: Gives, values: Array, words: str) -> None:
    with pytest.raises(InputError, match=words):
        segment(gives({"map": values}), np.zeros((4, 4, 3), np.uint8))


def test_pictures_of_every_kind(gives: Gives, tmp_path: Path) -> None:
    model = gives({"map": CLASSES[None]})
    for mode in ("L", "LA", "RGBA", "P", "1", "CMYK"):
        Image.new(mode, (6, 4)).save(file := tmp_path / f"{mode}.tiff")
        assert segment(model, file).classes.shape == (4, 6)
    Image.fromarray(np.full((4, 6), 4000, np.uint16)).save(deep := tmp_path / "deep.png")
    with pytest.raises(DataError, match=r"deep\.png has values of 4000 to 4000"):
        segment(model, deep)
    turned = Image.new("RGB", (6, 4))
    turned.getexif()[0x0112] = 6  # to be turned by a quarter
    turned.save(sideways := tmp_path / "turned.jpg", exif=turned.getexif())
    assert segment(model, sideways).classes.shape == (6, 4)


def test_equal_shares_keep_the_order_of_classes() -> None:
    found = Segmentation(np.array([[5, 1]], np.int32), ("a", "b"))
    assert found.shares == (Share(1, "b", 1, 0.5), Share(5, "", 1, 0.5))
    assert found.mask(5).tolist() == [[True, False]]
