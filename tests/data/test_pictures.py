"""Pictures to tensors, against plain numpy and Pillow."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from littoral.data import InputContract, decode, placement, prepare
from littoral.errors import ContractError, DataError

Array = npt.NDArray[Any]


def random_pixels(height: int, width: int, channels: int = 3, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def exact_area(pixels: Array, height: int, width: int) -> Array:
    """Each source pixel is cut into height x width equal parts, so every mean is over whole parts."""
    fine = pixels.repeat(height, axis=0).repeat(width, axis=1).astype(np.float64)
    means: Array = fine.reshape(height, pixels.shape[0], width, pixels.shape[1], -1).mean(axis=(1, 3))
    return means


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 3]))
def test_area_is_the_exact_mean(rows: int, columns: int, height: int, width: int, channels: int) -> None:
    pixels = random_pixels(rows, columns, channels)
    contract = InputContract(width, height, colour="gray" if channels == 1 else "rgb", resize="area")
    np.testing.assert_allclose(prepare(pixels, contract), exact_area(pixels, height, width), rtol=1e-5, atol=1e-4)


def test_bilinear_is_pillows_and_averages() -> None:
    pixels = random_pixels(64, 64)
    got = prepare(pixels, InputContract(8, 8))
    np.testing.assert_array_equal(got, np.asarray(Image.fromarray(pixels).resize((8, 8), Image.Resampling.BILINEAR)))
    assert got.std() < pixels.std() / 4  # 64 pixels to one: picking four of them would leave half


def test_nearest_picks_the_pixel_under_the_centre() -> None:
    pixels = random_pixels(9, 15)
    got = prepare(pixels, InputContract(5, 3, resize="nearest"))
    np.testing.assert_array_equal(got, pixels[1::3, 1::3])


@pytest.mark.parametrize("resize", ["bilinear", "area", "letterbox", "nearest"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.int32])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_of_the_right_size_stays_as_it_is(resize: Any, dtype: Any, channels: int) -> None:
    pixels = random_pixels(5, 7, channels).astype(dtype)
    contract = InputContract(7, 5, colour="gray" if channels == 1 else "rgb", resize=resize)
    np.testing.assert_array_equal(prepare(pixels, contract), pixels)


@pytest.mark.parametrize("resize", ["bilinear", "area", "letterbox", "nearest"])
def test_a_flat_picture_stays_flat(resize: Any) -> None:
    got = prepare(np.full((31, 17, 3), 77, np.uint8), InputContract(17, 31, resize=resize))
    assert (got == 77).all()


def test_floats_are_resized_without_rounding() -> None:
    pixels = random_pixels(8, 8).astype(np.float32)
    exact = prepare(pixels, InputContract(4, 4))
    rounded = prepare(pixels.astype(np.uint8), InputContract(4, 4))
    assert np.abs(exact - rounded).max() <= 1
    assert (exact != np.rint(exact)).any()


def test_a_letterbox_keeps_the_aspect_and_says_where_the_picture_is() -> None:
    contract = InputContract(100, 100, resize="letterbox")
    at = placement((50, 25), contract)
    assert (at.left, at.top, at.width, at.height) == (0, 25, 100, 50)
    assert (at.scale_x, at.scale_y) == (2, 2)
    got = prepare(np.full((25, 50, 3), 200, np.uint8), contract)
    inside = np.zeros((100, 100), bool)
    inside[25:75] = True
    assert (got[inside] == 200).all()
    assert (got[~inside] == 114).all()


def test_a_stretched_picture_is_everywhere() -> None:
    at = placement((50, 25), InputContract(100, 100))
    assert (at.left, at.top, at.width, at.height, at.scale_x, at.scale_y) == (0, 0, 100, 100, 2, 4)


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(1, 300), st.integers(1, 300))
def test_a_letterbox_always_fits(columns: int, rows: int, width: int, height: int) -> None:
    at = placement((columns, rows), InputContract(width, height, resize="letterbox"))
    assert 0 <= at.left <= at.left + at.width <= width
    assert 0 <= at.top <= at.top + at.height <= height
    assert at.width == width or at.height == height


def test_values_are_normalised_by_channel_in_the_tensors_order() -> None:
    pixels = random_pixels(4, 4)
    contract = InputContract(4, 4, colour="bgr", scale=(0.5, 1, 2), mean=(1, 2, 3))
    got = prepare(pixels, contract)
    np.testing.assert_allclose(got, (pixels[..., ::-1].astype(np.float32) - [1, 2, 3]) * [0.5, 1, 2])
    assert got.dtype == np.float32
    across = prepare(pixels, replace(contract, layout="NCHW"))
    np.testing.assert_array_equal(across, got.transpose(2, 0, 1))


def test_gray_is_itu_r_601() -> None:
    pixels = random_pixels(6, 6)
    contract = InputContract(6, 6, colour="gray")
    want = np.asarray(Image.fromarray(pixels).convert("L"))
    assert np.abs(prepare(Image.fromarray(pixels), contract)[..., 0] - want).max() == 0
    assert np.abs(prepare(pixels, contract)[..., 0] - want).max() <= 1
    assert prepare(pixels, replace(contract, layout="NHW")).shape == (6, 6)
    assert prepare(pixels[..., 0], InputContract(6, 6)).shape == (6, 6, 3)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV"])
@pytest.mark.parametrize("colour", ["rgb", "gray"])
def test_pictures_of_every_mode(mode: str, colour: Any) -> None:
    image = Image.fromarray(random_pixels(6, 6)).convert(mode)
    contract = InputContract(6, 6, colour=colour)
    want = np.asarray(image.convert("RGB" if colour == "rgb" else "L")).reshape(contract.shape)
    np.testing.assert_array_equal(prepare(image, contract), want)


def test_transparency_is_dropped(tmp_path: Path) -> None:
    pixels = random_pixels(6, 6, 4)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    for picture in (tmp_path / "x.png", pixels, Image.fromarray(pixels)):
        np.testing.assert_array_equal(prepare(picture, InputContract(6, 6)), pixels[..., :3])
    palette = Image.fromarray(pixels[..., :3]).convert("P")
    palette.save(tmp_path / "x.gif", transparency=0)
    palette.save(tmp_path / "p.png", transparency=bytes(range(256)))
    for name in ("x.gif", "p.png"):
        np.testing.assert_array_equal(prepare(tmp_path / name, InputContract(6, 6)), np.asarray(palette.convert("RGB")))


def test_the_orientation_of_a_photo_is_applied(tmp_path: Path) -> None:
    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[:, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate a quarter clockwise to show
    Image.fromarray(pixels).save(tmp_path / "x.png", exif=exif)
    with Image.open(tmp_path / "x.png") as image:
        for picture in (tmp_path / "x.png", image):
            np.testing.assert_array_equal(prepare(picture, InputContract(8, 16)), np.rot90(pixels, -1))
        assert image.size == (16, 8)


def test_the_first_frame_of_several(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.full((4, 4), value, np.uint8)) for value in (10, 200)]
    frames[0].save(tmp_path / "x.tiff", save_all=True, append_images=frames[1:])
    assert (prepare(tmp_path / "x.tiff", InputContract(4, 4)) == 10).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.arange(16, dtype=np.uint16).reshape(4, 4) * 4000, "0 to 60000, but the contract takes pixels of 0 to 255"),
        (np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4), "values of 0 to 1"),
        (np.linspace(-1, 1, 16, dtype=np.float32).reshape(4, 4), "values of -1 to 1"),
        (np.full((4, 4), np.nan, np.float32), "nan"),
    ],
)
def test_values_that_are_no_pixels_are_named(tmp_path: Path, values: Array, message: str) -> None:
    file = tmp_path / "deep.tiff"
    Image.fromarray(values).save(file)
    with pytest.raises(ContractError, match=message) as caught:
        prepare(file, InputContract(4, 4))
    assert "deep.tiff" in str(caught.value)
    with pytest.raises(ContractError, match=message):
        prepare(values, InputContract(4, 4))


def test_deep_pictures_whose_values_are_pixels_are_taken() -> None:
    values = np.arange(16, dtype=np.uint16).reshape(4, 4)
    np.testing.assert_array_equal(prepare(Image.fromarray(values), InputContract(4, 4, colour="gray"))[..., 0], values)


@pytest.mark.parametrize("value", [np.zeros(5, np.uint8), np.zeros((2, 2, 2), np.uint8), np.zeros((0, 4, 3), np.uint8)])
def test_arrays_that_are_no_pictures(value: Array) -> None:
    with pytest.raises(DataError, match="which is no picture"):
        prepare(value, InputContract(4, 4))


def test_values_that_are_no_numbers() -> None:
    with pytest.raises(DataError, match="values of type <U1"):
        prepare(np.full((4, 4), "x"), InputContract(4, 4))


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims any size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")]
    parts = [struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("size", [(10_000, 9_000), (60_000, 60_000)])
def test_a_decompression_bomb_is_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "bomb.png").write_bytes(bomb(*size))
    with pytest.raises(DataError, match=r"bomb\.png is too large a picture"):
        prepare(tmp_path / "bomb.png", InputContract(4, 4))


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\xff\xd8\xff\xe0 broken", b"BM" + bytes(10), b"%!PS-Adobe-3.0 EPSF-3.0\n"]
)
def test_what_is_no_picture_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.jpg").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.jpg cannot be read as a picture"):
        prepare(tmp_path / "x.jpg", InputContract(4, 4))


def test_a_truncated_photo_is_refused(tmp_path: Path) -> None:
    Image.fromarray(random_pixels(64, 64)).save(tmp_path / "x.jpg")
    content = (tmp_path / "x.jpg").read_bytes()
    (tmp_path / "x.jpg").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="cannot be read as a picture"):
        prepare(tmp_path / "x.jpg", InputContract(4, 4))


def test_an_absent_picture_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.jpg", tmp_path):
        with pytest.raises(DataError, match="cannot be read as a picture"):
            prepare(path, InputContract(4, 4))


def test_an_open_picture_stays_open(tmp_path: Path) -> None:
    Image.fromarray(random_pixels(4, 4)).save(tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as image:
        first = prepare(image, InputContract(4, 4))
        np.testing.assert_array_equal(first, prepare(image, InputContract(4, 4)))


def test_real_photos(flowers: Path) -> None:
    for photo in sorted((flowers / "images").iterdir())[:10]:
        tensor = prepare(photo, InputContract(100, 100, scale=1 / 127.5, mean=127.5))
        assert tensor.shape == (100, 100, 3)
        assert -1 <= tensor.min() < -0.1 < 0.1 < tensor.max() <= 1


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "CMYK", "I", "F"])
@pytest.mark.parametrize("colour", ["rgb", "bgr", "gray"])
def test_preparing_decoded_pixels_gives_the_same(mode: str, colour: str, tmp_path: Path) -> None:
    image = Image.fromarray(random_pixels(9, 7)).convert(mode)
    image.save(file := tmp_path / "picture.tiff")
    contract = InputContract(5, 6, colour=colour, scale=1 / 128, mean=127.5)  # type: ignore[arg-type]
    pixels = decode(file, gray=colour == "gray")
    assert pixels.shape == (9, 7, contract.channels)
    assert (prepare(pixels, contract) == prepare(file, contract)).all()
