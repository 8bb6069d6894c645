"""Some samples to look at, with what every variant said about them."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageOps

from littoral.check.inputs import Array
from littoral.check.results import Answer, Answers, Prediction
from littoral.data import Sample

_SIDE = 160
_TOP = 3


class Album:
    """Keeps a few samples of many: the first ones, and in place of most of them those on which variants disagree.

    Args:
        size: How many samples to keep.
        labels: Names of the classes; a class without one is called by its index.
    """

    def __init__(self, size: int, labels: Sequence[str]) -> None:
        self._size = size
        self._labels = labels
        self._kept: list[Prediction] = []

    def see(self, sample: Sample, scores: Mapping[str, Array]) -> None:
        """Looks at one sample and the class scores of every variant that ran, by variant; keeps it or not."""
        tops = {int(np.argmax(one)) for one in scores.values()}
        if len(self._kept) < self._size:
            self._kept.append(self._prediction(sample, scores))
        elif len(tops) > 1:
            # A third of the places stays with what is ordinary.
            replaced = [i for i in range(self._size // 3, self._size) if not self._kept[i].disagree]
            if replaced:
                self._kept[replaced[-1]] = self._prediction(sample, scores)

    def predictions(self) -> tuple[Prediction, ...]:
        """The kept samples, those with disagreement first."""
        return tuple(sorted(self._kept, key=lambda one: not one.disagree))

    def _prediction(self, sample: Sample, scores: Mapping[str, Array]) -> Prediction:
        answers = tuple(Answers(variant, self._answers(one.ravel())) for variant, one in scores.items())
        label = "" if sample.label is None else self._name(sample.label)
        return Prediction(sample.origin, label, thumbnail(sample), answers)

    def _answers(self, scores: Array) -> tuple[Answer, ...]:
        best = np.argsort(-scores.astype(np.float64), kind="stable")[:_TOP]
        return tuple(Answer(self._name(int(index)), float(scores[index])) for index in best)

    def _name(self, index: int) -> str:
        return self._labels[index] if index < len(self._labels) else str(index)


def thumbnail(sample: Sample) -> str:
    """The sample as a small picture, a data: URI: its file as JPEG, else an input like a picture as PNG, else ""."""
    if sample.picture is not None:
        try:
            with Image.open(sample.picture) as picture:
                return _uri(_small(picture), "JPEG")
        except (OSError, ValueError, Image.DecompressionBombError):
            return ""
    pixels = next((found for array in sample.inputs.values() if (found := _pixels(array)) is not None), None)
    return "" if pixels is None else _uri(Image.fromarray(pixels), "PNG")


def _small(picture: Image.Image) -> Image.Image:
    picture.draft("RGB", (2 * _SIDE, 2 * _SIDE))
    upright = ImageOps.exif_transpose(picture).convert("RGB")
    upright.thumbnail((_SIDE, _SIDE))
    return upright


def _pixels(array: Array) -> Array | None:
    """A prepared picture as uint8 of [H, W] or [H, W, 3], stretched over 0..255; None when it is no picture."""
    shape = [side for side in array.shape if side != 1]
    if array.dtype.kind not in "iuf" or len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] != 3):
        return None
    if max(shape) > 2048 or min(shape[:2]) < 4:
        return None
    values = np.nan_to_num(array.reshape(shape).astype(np.float64))
    low, high = float(values.min()), float(values.max())
    scaled = (values - low) * (255 / (high - low)) if high > low else np.zeros_like(values)
    pixels: Array = scaled.round().astype(np.uint8)
    return pixels


def _uri(picture: Image.Image, kind: str) -> str:
    stream = io.BytesIO()
    picture.save(stream, kind, **({"quality": 80} if kind == "JPEG" else {}))
    return f"data:image/{kind.lower()};base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"
