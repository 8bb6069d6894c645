"""Where things are in a picture: boxes of models that leave out doubles themselves, as SSD and EfficientDet files do.

Four outputs: boxes [1, N, 4] (top, left, bottom, right as shares of the input), classes [1, N], scores [1, N], and how
many of the N count [1]. Their order differs from exporter to exporter, so it is read from the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from littoral.data import Picture
from littoral.errors import InputError
from littoral.runtime import Model
from littoral.runtime.tensors import Array
from littoral.vision.boxes import Box
from littoral.vision.look import Seen, State, check_numbers, look
from littoral.vision.names import label_of

OPERATOR = "TFLite_Detection_PostProcess"  # its outputs are boxes, classes, scores, count
_WORDS = (("box",), ("class", "categor"), ("score",), ("count", "num"))
# Where classes, scores and count are, by where the boxes are: TensorFlow 1's order, TensorFlow 2's, its signature's.
_ORDERS = {0: (0, 1, 2, 3), 1: (1, 3, 0, 2), 3: (3, 2, 1, 0)}


@dataclass(frozen=True)
class Object:
    """One thing in a picture.

    Attributes:
        index: Of its class.
        label: Its name; empty where none is known.
        score: As the model gives it, 0 to 1.
        box: Where it is, in pixels of the picture.
    """

    index: int
    label: str
    score: float
    box: Box


@dataclass(frozen=True)
class Roles:
    """Names of the outputs of a detector."""

    boxes: str
    classes: str
    scores: str
    count: str


def detect(
    model: Model,
    picture: Picture,
    threshold: float = 0.5,
    top_k: int | None = None,
    labels: Sequence[str] | None = None,
    state: State | None = None,
) -> list[Object]:
    """What a model finds in a picture, the surest first; of equal scores the first in the model's order.

    Args:
        model: Its outputs are boxes, classes, scores and count, in any order.
        picture: A file, a Pillow image, or an array of pixels in 0..255.
        threshold: The smallest score that counts.
        top_k: How many at most; None for all.
        labels: Names of the classes, in place of the contract's; a class beyond them has none.
        state: For a model with memory (LSTM detectors of videos): one dict for all frames of a video, empty at first.

    Raises:
        DataError: The picture cannot be read.
        ContractError: The model does not take one picture.
        InputError: The outputs are not those of a detector, or hold what is no box or no class.
    """
    found = roles(model)
    if found is None:
        gives = ", ".join(map(str, model.outputs))
        raise InputError(f"the model gives {gives}, not boxes, classes, scores and count", "Give a detector")
    seen = look(model, picture, state, unchecked=(found.boxes, found.classes, found.scores))
    boxes, classes, scores = _rows(seen, found)
    wanted = np.argsort(-scores, kind="stable")
    wanted = wanted[scores[wanted] >= threshold][:top_k]
    names = model.contract.labels if labels is None else labels
    left, top, right, bottom = _in_pixels(boxes[wanted], seen).tolist()
    return [
        Object(index, label_of(names, index), score, Box(*sides))
        for index, score, *sides in zip(
            classes[wanted].tolist(), scores[wanted].tolist(), left, top, right, bottom, strict=True
        )
    ]


def roles(model: Model) -> Roles | None:
    """Which output is which, or None where they are not a detector's.

    The operator that makes them says so; else their names do; else their shapes and order.
    """
    by_index = {info.index: info.name for info in model.outputs}
    for operator in model.graph.main.operators:
        if operator.name == OPERATOR and all(index in by_index for index in operator.outputs[:4]):
            return Roles(*(by_index[index] for index in operator.outputs[:4]))
    return _by_name(model) or _by_shape(model)


def _by_name(model: Model) -> Roles | None:
    found = [
        [info.name for info in model.outputs if any(word in info.name.lower() for word in words)] for words in _WORDS
    ]
    names = [name for name, *others in filter(None, found) if not others]
    return Roles(*names) if len(set(names)) == 4 else None


def _by_shape(model: Model) -> Roles | None:
    shapes = [info.shape for info in model.outputs]
    if len(shapes) != 4:
        return None
    for order in _ORDERS.values():
        boxes, classes, scores, count = (shapes[place] for place in order)
        if len(boxes) == 3 and boxes[2] == 4 and classes == scores == boxes[:2] and count in ((1,), (1, 1)):
            return Roles(*(model.outputs[place].name for place in order))
    return None


def _rows(seen: Seen, found: Roles) -> tuple[Array, Array, npt.NDArray[np.float64]]:
    """Boxes [N, 4], classes [N] and scores [N] of as many as count; what lies behind them was never written."""
    boxes, classes, scores, count = (
        seen.outputs[name] for name in (found.boxes, found.classes, found.scores, found.count)
    )
    room = boxes.shape[1] if boxes.ndim == 3 else -1
    if count.size != 1 or boxes.shape != (1, room, 4) or not classes.shape == scores.shape == (1, room):
        shapes = ", ".join(str(list(array.shape)) for array in (boxes, classes, scores, count))
        raise InputError(
            f"boxes, classes, scores and count have shapes {shapes}", "Accepted: [1, N, 4], [1, N], [1, N], [1]"
        )
    number = int(np.clip(count.reshape(-1)[0], 0, room))
    boxes, classes, scores = boxes[0, :number], classes[0, :number], scores[0, :number]
    check_numbers(scores, found.scores)
    if not (np.isfinite(boxes).all() and (classes >= 0).all() and (classes == np.rint(classes)).all()):
        wrong = f"output {found.boxes!r} has boxes that are not finite, or {found.classes!r} no whole numbers from 0"
        raise InputError(wrong, "The model is broken, or is no detector")
    return boxes, classes.astype(np.int64), scores.astype(np.float64)


def _in_pixels(boxes: Array, seen: Seen) -> npt.NDArray[np.float64]:
    """Left, top, right, bottom [4, N] in pixels of the picture, of top, left, bottom, right [N, 4] as shares."""
    top, left, bottom, right = boxes.T.astype(np.float64)
    width, height = seen.contract.width, seen.contract.height
    corners = *seen.to_picture(left * width, top * height), *seen.to_picture(right * width, bottom * height)
    return np.stack(corners)
