"""Weight imprinting with pycoral's interface; `littoral.learn.Imprinter` does the same from pictures to file."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy.typing as npt

from littoral.errors import LittoralError, ModelFileError
from littoral.learn import Imprint
from littoral.pycoral.errors import OpenError, TrainingError
from littoral.tflite import read, to_bytes


class ImprintingEngine:
    """Learns classes from embeddings.

    Other than pycoral's, it takes any embedder, not only models with an L2Norm layer.

    Args:
        model_path: An embedder, or a classifier for imprinting (L2_NORMALIZATION before its last layer).
        keep_classes: Whether the classes of the classifier stay.

    Raises:
        OpenError: It is neither (also a ValueError).
    """

    def __init__(self, model_path: str | os.PathLike[str], keep_classes: bool = False) -> None:
        try:
            imprint = Imprint.open(read(model_path))
        except ModelFileError as error:
            raise OpenError(f"Failed to open file: {model_path}: {error.cause}", error.remedy) from error
        self._imprint = imprint if keep_classes else replace(imprint, classes=())

    @property
    def embedding_dim(self) -> int:
        """How many values an embedding has."""
        return self._imprint.features

    @property
    def num_classes(self) -> int:
        """How many classes there are now."""
        return len(self._imprint.classes)

    def serialize_extractor_model(self) -> bytes:
        """The model file that gives embeddings of length 1: what `train` takes."""
        return to_bytes(self._imprint.embedder)

    def serialize_model(self) -> bytes:
        """The model file of the classifier.

        Raises:
            TrainingError: There is no class (also a RuntimeError).
        """
        try:
            return to_bytes(self._imprint.classifier())
        except LittoralError as error:
            raise TrainingError(f"Model is not trained: {error.cause}", error.remedy) from error

    def train(self, embedding: npt.ArrayLike, class_id: int) -> None:
        """Adds an embedding to a class.

        Args:
            embedding: What the extractor gave, as real values: float [features].
            class_id: A class that was imprinted, or the number of classes for a new one.

        Raises:
            TrainingError: The embedding is of another size, or the class cannot be changed (also a RuntimeError).
        """
        try:
            self._imprint = self._imprint.learn(embedding, class_id)
        except LittoralError as error:
            raise TrainingError(error.cause, error.remedy) from error
