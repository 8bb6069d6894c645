"""Which pixels of a picture are whose, and of which part of the body, by BodyPix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from littoral.data import Picture
from littoral.errors import InputError
from littoral.runtime import Model
from littoral.runtime.tensors import Array
from littoral.vision.look import Seen, look
from littoral.vision.pose import Pose, decoded, read_decoded
from littoral.vision.segment import Segmentation, spread

PARTS = (
    "left face",
    "right face",
    "left upper arm, front",
    "left upper arm, back",
    "right upper arm, front",
    "right upper arm, back",
    "left lower arm, front",
    "left lower arm, back",
    "right lower arm, front",
    "right lower arm, back",
    "left hand",
    "right hand",
    "torso, front",
    "torso, back",
    "left upper leg, front",
    "left upper leg, back",
    "right upper leg, front",
    "right upper leg, back",
    "left lower leg, front",
    "left lower leg, back",
    "right lower leg, front",
    "right lower leg, back",
    "left foot",
    "right foot",
)
"""In the order of BodyPix's output. Left and right are the person's own."""

_NOBODY = "background"


@dataclass(frozen=True, eq=False)
class Bodies:
    """The people in a picture, pixel by pixel.

    Attributes:
        poses: The people, the surest first.
        people: The class of each pixel is 0 for the background, else the number of the person from 1 on.
        parts: The class of each pixel is 0 for the background, else the number of the part in `PARTS` from 1 on.
        mask: Which pixels are of people, [height, width] of the picture; also where no person was made out.
    """

    poses: tuple[Pose, ...]
    people: Segmentation
    parts: Segmentation
    mask: npt.NDArray[np.bool_]


def bodies(model: Model, picture: Picture) -> Bodies:
    """The people in a picture: their joints, their pixels, the parts of their bodies.

    Args:
        model: BodyPix with its decoder.
        picture: A file, a Pillow image, or an array of pixels in 0..255.

    Raises:
        DataError: The picture cannot be read.
        ContractError: The model does not take one picture.
        InputError: The model is not BodyPix, or gives NaN.
    """
    names = decoded(model)
    maps = _maps(model, names)
    if maps is None:
        gives = ", ".join(map(str, model.outputs))
        raise InputError(f"the model gives {gives}, which are no bodies", "Give BodyPix with its decoder")
    seen = look(model, picture)
    somebody, parts = (seen.outputs[name][0] for name in maps)
    poses = tuple(read_decoded(seen, names))
    owners = np.moveaxis(seen.outputs[names[4]][0, : len(poses)], 0, 2)
    inside = _between(somebody[..., 0], seen) >= 0  # logits
    whose = np.where(inside, _highest(owners, seen), 0)
    what = np.where(inside, _highest(parts, seen), 0)
    people = (_NOBODY, *(f"person {number}" for number in range(1, len(poses) + 1)))
    return Bodies(
        poses,
        Segmentation(spread(whose, seen), people),
        Segmentation(spread(what, seen), (_NOBODY, *PARTS)),
        spread(inside, seen).astype(np.bool_),
    )


def _maps(model: Model, names: tuple[str, ...]) -> tuple[str, str] | None:
    """Names of the outputs that say whether a cell is of a person, and of which part; None where it is not BodyPix."""
    shapes = {info.shape[3]: info for info in model.outputs if len(info.shape) == 4 and info.name not in names}
    if len(names) != 5 or not {1, len(PARTS)} <= set(shapes):
        return None
    somebody, parts = shapes[1], shapes[len(PARTS)]
    return (somebody.name, parts.name) if somebody.shape[:3] == parts.shape[:3] else None


def _highest(values: Array, seen: Seen) -> npt.NDArray[np.int32]:
    """Which channel of cells [h, w, channels] is the highest, from 1 on: [height, width] of the input; 0 for none."""
    highest = np.full((seen.contract.height, seen.contract.width), -np.inf, np.float32)
    channel = np.zeros(highest.shape, np.int32)
    for index in range(values.shape[2]):
        plane = _between(values[..., index], seen)
        channel[plane > highest] = index + 1
        np.maximum(highest, plane, out=highest)
    return channel


def _between(values: Array, seen: Seen) -> npt.NDArray[np.float32]:
    """Values of cells [h, w] and between them: [height, width] of the input, bilinear.

    The first and the last cell lie on the borders of the input, as everywhere in these networks.
    """
    height, width = values.shape
    down, along = _shares(height, seen.contract.height), _shares(width, seen.contract.width)
    pixels: npt.NDArray[np.float32] = down @ values.astype(np.float32) @ along.T
    return pixels


def _shares(cells: int, size: int) -> npt.NDArray[np.float32]:
    """How much of each cell is in each pixel: [size, cells]."""
    places = (np.arange(size) + 0.5) * (cells - 1) / size
    shares: npt.NDArray[np.float64] = np.maximum(1 - np.abs(places[:, None] - np.arange(cells)), 0)
    return shares.astype(np.float32)
