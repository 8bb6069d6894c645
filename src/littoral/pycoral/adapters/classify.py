"""Scores of classifiers, best first."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

_EVERY = float("inf")


class Class(NamedTuple):
    """One class.

    Attributes:
        id: Its index in the model's output.
        score: As the model gives it.
    """

    id: int
    score: float


def num_classes(interpreter: Any) -> int:
    """How many numbers the first output has."""
    return int(np.prod(interpreter.get_output_details()[0]["shape"]))


def get_scores(interpreter: Any) -> npt.NDArray[Any]:
    """The first output as one row of real values: a copy."""
    details = interpreter.get_output_details()[0]
    stored: npt.NDArray[Any] = interpreter.tensor(details["index"])().flatten()
    if not np.issubdtype(stored.dtype, np.integer):
        return stored
    scale, zero_point = details["quantization"]
    real: npt.NDArray[Any] = scale * (stored.astype(np.int64) - zero_point)
    return real


def get_classes_from_scores(
    scores: npt.ArrayLike, top_k: float = _EVERY, score_threshold: float = -_EVERY
) -> list[Class]:
    """The best classes, the highest score first; of equal ones the lower index.

    Args:
        scores: One real value a class.
        top_k: At most how many.
        score_threshold: Lower scores are left out.
    """
    values = np.asarray(scores, np.float64)
    best = np.argsort(-values, kind="stable")[: int(min(top_k, values.size))]
    return [Class(int(index), float(values[index])) for index in best if values[index] >= score_threshold]


def get_classes(interpreter: Any, top_k: float = _EVERY, score_threshold: float = -_EVERY) -> list[Class]:
    """The best classes of the first output; see `get_classes_from_scores`."""
    return get_classes_from_scores(get_scores(interpreter), top_k, score_threshold)
