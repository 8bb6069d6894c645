"""Softmax regression: the last layer of a classifier, trained by gradient descent in numpy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from littoral.errors import DataError
from littoral.learn.heads import Head, Vector

Classes = npt.NDArray[np.integer]


def step(
    weights: Vector, biases: Vector, embeddings: Vector, classes: Classes, rate: float, decay: float = 0.0
) -> tuple[Vector, Vector, float]:
    """One step of gradient descent on the cross-entropy.

    Args:
        weights: float32 [classes, features].
        biases: float32 [classes].
        embeddings: float32 [n, features].
        classes: The right answers, [n].
        rate: The learning rate.
        decay: What the squares of the weights cost: decay / 2 of their sum.

    Returns:
        New weights, new biases, and the cost before.
    """
    chances = _softmax(embeddings @ weights.T + biases)
    rows = np.arange(len(classes))
    cost = -np.log(np.maximum(chances[rows, classes], 1e-12)).mean() + decay / 2 * np.square(weights).sum()
    chances[rows, classes] -= 1
    chances *= np.float32(rate / len(classes))
    kept = np.float32(1 - rate * decay)
    return kept * weights - chances.T @ embeddings, biases - chances.sum(axis=0), float(cost)


def train_head(
    embeddings: npt.ArrayLike,
    classes: npt.ArrayLike,
    *,
    iterations: int = 500,
    rate: float = 1.0,
    batch: int = 100,
    decay: float = 0.0,
    seed: int = 0,
) -> Head:
    """A head that tells classes apart.

    Args:
        embeddings: float [n, features].
        classes: The right answers, integers from 0, [n]; there are as many classes as the largest says.
        iterations: Steps of gradient descent.
        rate: The learning rate for embeddings around zero whose mean square length is 1, to which they are brought (and
            the head takes that back): 1 is safe, as the cost's curvature is then about 1 at most.
        batch: Embeddings a step, drawn at random.
        decay: What the squares of those weights cost.
        seed: Of the draws.

    Raises:
        DataError: Embeddings and classes do not go together, or are not numbers.
    """
    vectors, answers = checked(embeddings, classes)
    middle = vectors.mean(axis=0)
    scaled = vectors - middle
    length = np.float32(np.sqrt(np.square(scaled).sum(axis=1).mean())) or np.float32(1)
    scaled /= length
    random = np.random.default_rng(seed)
    weights = np.zeros((int(answers.max()) + 1, vectors.shape[1]), np.float32)
    biases = np.zeros(len(weights), np.float32)
    for _ in range(iterations):
        drawn = random.integers(len(answers), size=batch)
        weights, biases, _ = step(weights, biases, scaled[drawn], answers[drawn], rate, decay)
    weights = weights / length
    return fitted(weights, biases - weights @ middle, vectors)


def checked(embeddings: npt.ArrayLike, classes: npt.ArrayLike, count: int | None = None) -> tuple[Vector, Classes]:
    """Embeddings, float32 [n, features], and their classes [n], integers from 0, below `count` where that is given.

    Raises:
        DataError: They are not that.
    """
    vectors, answers = np.asarray(embeddings, np.float32), np.asarray(classes)
    if vectors.ndim != 2 or answers.shape != vectors.shape[:1] or not len(answers):
        raise DataError(
            f"embeddings have shape {list(vectors.shape)}, classes {list(answers.shape)}",
            "Accepted: [n, features] and [n]",
        )
    if answers.dtype.kind not in "iu" or answers.min() < 0 or (count is not None and answers.max() >= count):
        accepted = "whole numbers from 0" + ("" if count is None else f" to {count - 1}")
        raise DataError(f"classes are {answers.dtype} from {answers.min()} to {answers.max()}", f"Accepted: {accepted}")
    if not np.isfinite(vectors).all():
        raise DataError("embeddings have values that are not finite")
    return vectors, answers


def fitted(weights: Vector, biases: Vector, embeddings: Vector) -> Head:
    """The head of these weights, with the range of what it gives for embeddings."""
    values = embeddings @ weights.T + biases
    return Head(weights, biases, float(values.min()), float(values.max()))


def accuracy(head: Head, embeddings: npt.ArrayLike, classes: npt.ArrayLike) -> float:
    """The share of embeddings [n, features] whose class [n] is the one with the largest value, 0 to 1."""
    return float(np.mean(head(embeddings).argmax(axis=1) == np.asarray(classes)))


def _softmax(values: Vector) -> Vector:
    powers: Vector = np.exp(values - values.max(axis=1, keepdims=True))
    powers /= powers.sum(axis=1, keepdims=True)
    return powers
