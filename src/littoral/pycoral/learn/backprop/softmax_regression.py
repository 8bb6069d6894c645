"""Softmax regression with pycoral's interface; `littoral.learn.train_head` does the same in one call."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from littoral.errors import DataError, ModelFileError
from littoral.learn import Head, accuracy, with_head
from littoral.learn.regression import checked, fitted, step
from littoral.pycoral.errors import OpenError, TrainingError
from littoral.tflite import read, to_bytes


class SoftmaxRegression:
    """The last layer of a classifier.

    Args:
        feature_dim: Values of an embedding.
        num_classes: How many.
        weight_scale: Standard deviation of the weights at first.
        reg: What the squares of the weights cost; half of that times their sum.
    """

    def __init__(self, feature_dim: int, num_classes: int, weight_scale: float = 0.01, reg: float = 0.0) -> None:
        self._random = np.random.default_rng()
        weights = weight_scale * self._random.standard_normal((num_classes, feature_dim))
        self._head = Head(weights.astype(np.float32), np.zeros(num_classes, np.float32), 0.0, 0.0)
        self._reg = reg

    def train_with_sgd(
        self,
        data: Mapping[str, npt.ArrayLike],
        num_iter: int,
        learning_rate: float,
        batch_size: int = 100,
        print_every: int = 100,
    ) -> None:
        """Stochastic gradient descent.

        Args:
            data: "data_train" and "data_val": embeddings, float [n, features]; "labels_train" and "labels_val":
                integers [n].
            num_iter: Steps.
            learning_rate: Of a step.
            batch_size: Embeddings a step.
            print_every: Cost and accuracies are printed every so many steps; 0 for never.

        Raises:
            TrainingError: The data do not fit the layer (also a RuntimeError).
        """
        vectors, answers = self._checked(data["data_train"], data["labels_train"])
        head = self._head
        for iteration in range(num_iter):
            drawn = self._random.integers(len(answers), size=batch_size)
            weights, biases, cost = step(
                head.weights, head.biases, vectors[drawn], answers[drawn], learning_rate, self._reg
            )
            head = Head(weights, biases, 0.0, 0.0)
            if print_every > 0 and iteration % print_every == 0:
                trained = accuracy(head, vectors, answers)
                valid = accuracy(head, *self._checked(data["data_val"], data["labels_val"]))
                print(f"Loss: {cost:g}  Train Acc: {trained:g}  Valid Acc: {valid:g}")
        self._head = fitted(head.weights, head.biases, vectors)

    def get_accuracy(self, mat_x: npt.ArrayLike, labels: npt.ArrayLike) -> float:
        """The share of embeddings [n, features] whose class [n] is told right, 0 to 1.

        Raises:
            TrainingError: The data do not fit the layer (also a RuntimeError).
        """
        return accuracy(self._head, *self._checked(mat_x, labels))

    def serialize_model(self, in_model_path: str | os.PathLike[str]) -> bytes:
        """The model file of an embedder with this layer and a softmax behind it.

        Args:
            in_model_path: The embedder.

        Raises:
            OpenError: It is none, or its embeddings are of another size (also a ValueError).
        """
        try:
            return to_bytes(with_head(read(in_model_path), self._head))
        except ModelFileError as error:
            raise OpenError(f"Failed to open file: {in_model_path}: {error.cause}", error.remedy) from error

    def _checked(self, vectors: npt.ArrayLike, classes: npt.ArrayLike) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        count, features = self._head.weights.shape
        try:
            given, answers = checked(vectors, classes, count)
        except DataError as error:
            raise TrainingError(error.cause, error.remedy) from error
        if given.shape[1] != features:
            raise TrainingError(f"embeddings have {given.shape[1]} values", f"Accepted: {features}")
        return given, answers
