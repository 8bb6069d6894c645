"""What is in a picture: the classes that a model is surest of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from littoral.data import Picture
from littoral.errors import InputError
from littoral.runtime import Model
from littoral.runtime.tensors import Array
from littoral.vision.look import look


@dataclass(frozen=True)
class Class:
    """One answer.

    Attributes:
        index: Of the model's output.
        label: Its name; empty where none is known.
        score: As the model gives it: a probability where it ends in softmax or sigmoid.
    """

    index: int
    label: str
    score: float


def classify(model: Model, picture: Picture, top_k: int = 5, labels: Sequence[str] | None = None) -> list[Class]:
    """The classes with the highest scores, the highest first; of equal ones the first in the model's order.

    Args:
        model: Its first output has one score a class.
        picture: A file, a Pillow image, or an array of pixels in 0..255.
        top_k: How many.
        labels: Names of the classes, in place of the contract's.

    Raises:
        DataError: The picture cannot be read.
        ContractError: The model does not take one picture.
        InputError: The model gives no scores or NaN, or there are not as many labels as scores.
    """
    seen = look(model, picture)
    scores = _scores(next(iter(seen.outputs.values())), model)
    names = model.contract.labels if labels is None else labels
    if names and len(names) != scores.size:
        raise InputError(f"there are {len(names)} labels for {scores.size} classes", "Give the labels of this model")
    best = np.argsort(-scores, kind="stable")[:top_k]
    return [Class(int(index), names[index] if names else "", float(scores[index])) for index in best]


def _scores(values: Array, model: Model) -> npt.NDArray[np.float64]:
    """The values as one row, where all axes but the last have size 1."""
    if values.ndim == 0 or values.size != values.shape[-1]:
        raise InputError(f"output {model.outputs[0]} is not one score a class", "Give a classifier")
    return values.reshape(-1).astype(np.float64)
