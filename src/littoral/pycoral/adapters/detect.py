"""Boxes of detectors that leave out doubles themselves, as SSD files do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy.typing as npt

from littoral.pycoral.adapters import common
from littoral.pycoral.errors import TensorError
from littoral.vision import Box

Array = npt.NDArray[Any]


class BBox(NamedTuple):
    """A rectangle with its sides along the axes; y grows downwards. The arithmetic is that of `littoral.vision.Box`."""

    xmin: float
    ymin: float
    xmax: float
    ymax: float

    @property
    def width(self) -> float:
        """Negative where the box is not valid."""
        return Box(*self).width

    @property
    def height(self) -> float:
        """Negative where the box is not valid."""
        return Box(*self).height

    @property
    def area(self) -> float:
        """Width times height, whatever their signs."""
        return Box(*self).area

    @property
    def valid(self) -> bool:
        """Whether neither width nor height is negative."""
        return Box(*self).valid

    def scale(self, sx: float, sy: float) -> BBox:
        """The box with its x coordinates times `sx` and its y coordinates times `sy`."""
        return _bbox(Box(*self).scale(sx, sy))

    def translate(self, dx: float, dy: float) -> BBox:
        """The box moved by `dx` to the right and `dy` down."""
        return _bbox(Box(*self).translate(dx, dy))

    def map(self, f: Callable[[float], float]) -> BBox:
        """The box with a function applied to each of the four, as in `box.map(int)`."""
        return _bbox(Box(*self).map(f))

    def intersect(self, other: BBox) -> BBox:
        """What lies in both, `BBox.intersect(a, b)`; not valid where they do not touch."""
        return _bbox(Box(*self).intersect(Box(*other)))

    def union(self, other: BBox) -> BBox:
        """The smallest box around both, `BBox.union(a, b)`."""
        return _bbox(Box(*self).union(Box(*other)))

    def iou(self, other: BBox) -> float:
        """The area in both as a share of the area in either, 0 to 1, `BBox.iou(a, b)`."""
        return Box(*self).iou(Box(*other))


class Object(NamedTuple):
    """One thing in a picture.

    Attributes:
        id: Index of its class.
        score: As the model gives it, 0 to 1.
        bbox: Where it is, in whole pixels of the picture.
    """

    id: int
    score: float
    bbox: BBox


def get_objects(
    interpreter: Any, score_threshold: float = -float("inf"), image_scale: tuple[float, float] = (1.0, 1.0)
) -> list[Object]:
    """What a detector found, in its order.

    Args:
        interpreter: Of a model with boxes, classes, scores and count, in the order of TensorFlow 1, of TensorFlow 2, or
            as its only signature names them (output_0 to output_3: count, scores, classes, boxes).
        score_threshold: Lower scores are left out.
        image_scale: What `common.set_resized_input` gave: boxes are in pixels of the picture, not of the input.

    Raises:
        TensorError: The file has several signatures, or not four outputs (also a ValueError).
    """
    boxes, classes, scores = _outputs(interpreter)
    width, height = common.input_size(interpreter)
    sx, sy = width / image_scale[0], height / image_scale[1]
    return [
        Object(int(index), float(score), BBox(xmin=left, ymin=top, xmax=right, ymax=bottom).scale(sx, sy).map(int))
        for index, score, (top, left, bottom, right) in zip(classes, scores, boxes, strict=True)
        if score >= score_threshold
    ]


def _outputs(interpreter: Any) -> tuple[Array, Array, Array]:
    """Boxes [N, 4], classes [N] and scores [N]."""
    signatures = interpreter._get_full_signature_list()
    if len(signatures) > 1:
        raise TensorError(f"the model has {len(signatures)} signatures", "Accepted: models with one, or none")
    for signature in signatures.values():
        scores, classes, boxes = (
            interpreter.tensor(signature["outputs"][f"output_{place}"])()[0] for place in (1, 2, 3)
        )
        return boxes, classes, scores
    if (count := len(interpreter.get_output_details())) < 4:
        raise TensorError(f"the model has {count} outputs", "Accepted: boxes, classes, scores, count")
    first, second, third, fourth = (common.output_tensor(interpreter, place) for place in range(4))
    return (first[0], second[0], third[0]) if fourth.size == 1 else (second[0], fourth[0], first[0])


def _bbox(box: Box) -> BBox:
    return BBox(box.left, box.top, box.right, box.bottom)
