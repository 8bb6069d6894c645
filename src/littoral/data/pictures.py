"""Pictures to tensors: decode, convert, resize and normalise as a contract says."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from littoral.data.contract import InputContract
from littoral.errors import ContractError, DataError

if TYPE_CHECKING:
    from PIL import Image

Array: TypeAlias = npt.NDArray[Any]
Picture: TypeAlias = "str | os.PathLike[str] | Image.Image | Array"

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"})
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")  # Pillow knows more, some of which start other programs
MAX_PIXELS = (
    89_000_000  # more is refused before it is decoded: a small file can claim any size, and Pillow warns from here
)
BAR = 114  # pixel value of a letterbox's bars: the mean gray of natural photos, and what YOLO was trained with
_LUMA = np.array([299, 587, 114], np.float32) / 1000  # ITU-R 601-2, as Pillow's conversion to "L"


@dataclass(frozen=True)
class Placement:
    """Where the whole picture lies in the resized one: x there = x in the picture * scale_x + left, in pixels."""

    scale_x: float
    scale_y: float
    left: int
    top: int
    width: int
    height: int


def placement(size: tuple[int, int], contract: InputContract) -> Placement:
    """Where a picture of `size` (width, height) lies after `prepare`: everywhere, or inside a letterbox's bars."""
    width, height = contract.width, contract.height
    if contract.resize == "letterbox":
        scale = min(width / size[0], height / size[1])
        width, height = (max(1, round(side * scale)) for side in size)
    left, top = (contract.width - width) // 2, (contract.height - height) // 2
    return Placement(width / size[0], height / size[1], left, top, width, height)


def prepare(picture: Picture, contract: InputContract, name: str = "the picture") -> npt.NDArray[np.float32]:
    """Makes the tensor that the contract describes.

    "bilinear" and "letterbox" are Pillow's bilinear, which averages when it shrinks and rounds to 8 bits; by default
    tf.image.resize picks four of the many pixels instead, and a photo moved by a pixel then changes its answers.
    "area" is the exact mean of the covered pixels, unrounded.

    Args:
        picture: What `decode` takes.
        contract: The contract of the input.
        name: Names a picture that is not a file in errors.

    Returns:
        float32, [H, W, C], [C, H, W] or [H, W] as the contract's layout says.

    Raises:
        DataError: It is not a readable picture, or is too large.
        ContractError: Its values are not pixels of 0..255 (16-bit and float pictures).
    """
    pixels = _resize(decode(picture, contract.colour == "gray", name), contract)
    if contract.colour == "bgr":
        pixels = pixels[..., ::-1]
    values: npt.NDArray[np.float32] = pixels.astype(np.float32)
    values -= np.asarray(contract.mean, np.float32)  # in place, and one number where it is one: three times as fast
    values *= np.asarray(contract.scale, np.float32)
    if contract.layout == "NHWC":
        return values
    return values[..., 0] if contract.layout == "NHW" else np.ascontiguousarray(values.transpose(2, 0, 1))


def decode(picture: Picture, gray: bool = False, name: str = "the picture") -> Array:
    """The pixels of a picture in its own size, as `prepare` sees them: preparing them gives the same tensor.

    EXIF orientation is applied. Transparency is dropped, as Keras and torchvision drop it when they load pictures.

    Args:
        picture: A file, a Pillow image, or pixels in 0..255: [H, W], [H, W, 1], [H, W, 3] (RGB) or [H, W, 4] (RGBA).
        gray: One channel in place of three.
        name: Names a picture that is not a file in errors.

    Returns:
        [H, W, 3] (RGB) or [H, W, 1] in 0..255: uint8, or float32 where the picture has another type. Not to be written.

    Raises:
        DataError: It is not a readable picture, or is too large.
        ContractError: Its values are not pixels of 0..255 (16-bit and float pictures).
    """
    if isinstance(picture, np.ndarray):
        return _from_array(picture, gray, name)
    return _from_file(picture, gray, str(picture) if isinstance(picture, str | os.PathLike) else name)


def _from_file(picture: str | os.PathLike[str] | Image.Image, gray: bool, name: str) -> Array:
    from PIL import Image, ImageOps

    try:
        if isinstance(picture, Image.Image):
            return _from_image(ImageOps.exif_transpose(picture), gray, name)
        with Image.open(picture, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Image.DecompressionBombError(f"{image.width} x {image.height} pixels")
            ImageOps.exif_transpose(image, in_place=True)
            return _from_image(image, gray, name)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        limit = f"The limit is {MAX_PIXELS // 10**6} megapixels"
        raise DataError(f"{name} is too large a picture: {error}", limit) from error
    except DataError:
        raise
    except Exception as error:  # Pillow's decoders raise whatever their formats' parsers do: struct.error, KeyError ...
        lines = str(getattr(error, "strerror", None) or error).splitlines()
        raise DataError(f"{name} cannot be read as a picture: {lines[0] if lines else type(error).__name__}") from error


def _from_image(image: Image.Image, gray: bool, name: str) -> Array:
    if image.mode.startswith(("I", "F")):  # 16-bit, 32-bit and float gray
        return _from_array(np.asarray(image, np.float32), gray, name)
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    mode = "L" if gray else "RGB"
    return _with_channels(np.asarray(image if image.mode == mode else image.convert(mode)))


def _from_array(pixels: Array, gray: bool, name: str) -> Array:
    pixels = _with_channels(pixels) if pixels.ndim == 2 else pixels
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3, 4) or 0 in pixels.shape:
        accepted = "Accepted: [height, width], or [height, width, 1, 3 or 4]"
        raise DataError(f"{name} has shape {list(pixels.shape)}, which is no picture", accepted)
    if pixels.dtype != np.uint8:
        pixels = _checked(pixels, name)
    pixels = pixels[..., :3]
    if gray and pixels.shape[2] == 3:
        luma = pixels @ _LUMA
        return _with_channels(luma if pixels.dtype != np.uint8 else np.rint(luma).astype(np.uint8))
    return pixels if gray else np.broadcast_to(pixels, (*pixels.shape[:2], 3))


def _checked(pixels: Array, name: str) -> npt.NDArray[np.float32]:
    """Pixels of another type than uint8 as float32, where their values are those of pixels."""
    if pixels.dtype.kind not in "iuf":
        raise DataError(f"{name} has values of type {pixels.dtype}", "Accepted: numbers of 0 to 255")
    low, high = float(pixels.min()), float(pixels.max())
    fractions = pixels.dtype.kind == "f" and high <= 1 and bool(np.any(pixels != np.rint(pixels)))
    if not (low >= 0 and high <= 255) or fractions:  # also where either is NaN
        remedy = (
            "Convert it to 8 bits a channel" if high > 255 else "Scale it to 0..255, the range of the contract's pixels"
        )
        raise ContractError(
            f"{name} has values of {low:g} to {high:g}, but the contract takes pixels of 0 to 255", remedy
        )
    return pixels.astype(np.float32)


def _with_channels(pixels: Array) -> Array:
    return pixels.reshape((*pixels.shape[:2], -1))


def _resize(pixels: Array, contract: InputContract) -> Array:
    from PIL import Image

    height, width = pixels.shape[:2]
    if (width, height) == (contract.width, contract.height):
        return pixels
    if contract.resize == "area":
        columns: Array = _area(_area(pixels, contract.height).transpose(1, 0, 2), contract.width).transpose(1, 0, 2)
        return columns
    if contract.resize == "nearest":
        return _pillow(pixels, contract.width, contract.height, Image.Resampling.NEAREST)
    at = placement((width, height), contract)
    inside = _pillow(pixels, at.width, at.height, Image.Resampling.BILINEAR)
    if (at.width, at.height) == (contract.width, contract.height):
        return inside
    framed = np.full((contract.height, contract.width, pixels.shape[2]), BAR, inside.dtype)
    framed[at.top : at.top + at.height, at.left : at.left + at.width] = inside
    return framed


def _pillow(pixels: Array, width: int, height: int, method: Image.Resampling) -> Array:
    from PIL import Image

    if pixels.dtype == np.uint8 and pixels.shape[2] == 3:
        return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).resize((width, height), method))
    channels = [Image.fromarray(np.ascontiguousarray(channel)) for channel in np.moveaxis(pixels, 2, 0)]
    return np.stack([np.asarray(channel.resize((width, height), method)) for channel in channels], axis=2)


def _area(pixels: Array, size: int) -> Array:
    """Means over equal shares of the first axis; a pixel on a border counts by the part that is inside.

    Row by row, so that a large photo is never held as floats.
    """
    step = pixels.shape[0] / size
    rows = np.empty((size, *pixels.shape[1:]), np.float32)
    for row in range(size):
        start, end = row * step, min((row + 1) * step, pixels.shape[0])
        whole = np.arange(int(start), int(np.ceil(end)))
        weights = np.minimum(whole + 1, end) - np.maximum(whole, start)
        rows[row] = np.tensordot(weights / weights.sum(), pixels[whole[0] : whole[-1] + 1], 1)
    return rows
