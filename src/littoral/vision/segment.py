"""What each pixel of a picture belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from littoral.data import Picture
from littoral.errors import InputError
from littoral.runtime import Model
from littoral.runtime.tensors import Array
from littoral.vision.look import Seen, look
from littoral.vision.names import label_of

_HIGHEST = 65535  # more classes than any data set has; a larger value is no class


@dataclass(frozen=True)
class Share:
    """How much of a picture one class has.

    Attributes:
        index: Of the class.
        label: Its name; empty where none is known.
        pixels: How many.
        share: Of all pixels, 0 to 1.
    """

    index: int
    label: str
    pixels: int
    share: float


@dataclass(frozen=True, eq=False)
class Segmentation:
    """The class of each pixel.

    Attributes:
        classes: int32 [height, width] of the picture.
        labels: Names of the classes; there may be fewer than classes, or none.
    """

    classes: npt.NDArray[np.int32]
    labels: tuple[str, ...] = ()

    @property
    def shares(self) -> tuple[Share, ...]:
        """The classes that the picture has, the largest first; of equal ones the first in the model's order."""
        counts = np.bincount(self.classes.reshape(-1))
        order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)].tolist()
        total = self.classes.size
        return tuple(Share(i, label_of(self.labels, i), int(counts[i]), int(counts[i]) / total) for i in order)

    def mask(self, index: int) -> npt.NDArray[np.bool_]:
        """Which pixels are of a class: [height, width] of the picture."""
        mask: npt.NDArray[np.bool_] = self.classes == index
        return mask


def segment(model: Model, picture: Picture, labels: Sequence[str] | None = None) -> Segmentation:
    """The class of each pixel of a picture, which is that of the nearest pixel of the model's own, smaller map.

    Args:
        model: Its first output is a map of classes, [1, H, W] or [1, H, W, 1] whole numbers, or of scores [1, H, W, C]
            ([1, C, H, W] where it takes pictures so), of which the highest wins. H x W need not be the input's size.
        picture: A file, a Pillow image, or an array of pixels in 0..255.
        labels: Names of the classes, in place of the contract's.

    Raises:
        DataError: The picture cannot be read.
        ContractError: The model does not take one picture.
        InputError: The output is no such map, or has NaN.
    """
    seen = look(model, picture)
    name, values = next(iter(seen.outputs.items()))
    names = model.contract.labels if labels is None else labels
    return Segmentation(spread(_classes(values, name, seen), seen), tuple(names))


def is_map(shape: Sequence[int]) -> bool:
    """Whether an output of this shape, -1 for any size, has a value or scores for each of several pixels."""
    return len(shape) in (3, 4) and shape[0] in (1, -1) and shape[1] not in (0, 1) and shape[2] not in (0, 1)


def spread(values: Array, seen: Seen) -> npt.NDArray[np.int32]:
    """A map of the whole input [H, W] as one of the picture [height, width]: the nearest value, without any bars."""
    at, (width, height) = seen.placement, seen.size
    rows = _nearest(height, at.scale_y, at.top, values.shape[0] / seen.contract.height, values.shape[0])
    columns = _nearest(width, at.scale_x, at.left, values.shape[1] / seen.contract.width, values.shape[1])
    return values.astype(np.int32, copy=False).take(rows, axis=0).take(columns, axis=1)


def _nearest(size: int, scale: float, start: int, step: float, limit: int) -> npt.NDArray[np.intp]:
    """Which of `limit` values lies under the middle of each of `size` pixels."""
    places = ((np.arange(size) + 0.5) * scale + start) * step
    return np.clip(places.astype(np.intp), 0, limit - 1)


def _classes(values: Array, name: str, seen: Seen) -> Array:
    """The map of classes [H, W] in what the model gave."""
    if values.ndim == 4 and seen.contract.layout == "NCHW":
        values = np.moveaxis(values, 1, 3)
    if not is_map(values.shape):
        shape = list(values.shape)
        raise InputError(
            f"output {name!r} of shape {shape} is no map of classes", "Accepted: [1, H, W] or [1, H, W, C]"
        )
    if values.ndim == 4 and values.shape[3] > 1:
        return np.asarray(values[0].argmax(axis=2))
    classes: Array = values.reshape(values.shape[1:3])
    if not (np.all(classes >= 0) and np.all(classes <= _HIGHEST) and np.all(classes == np.rint(classes))):
        low, high = classes.min(), classes.max()
        accepts = f"Accepted: whole numbers of 0 to {_HIGHEST}, or scores for each class"
        raise InputError(f"output {name!r} has values of {low:g} to {high:g}, which are no classes", accepts)
    return classes
