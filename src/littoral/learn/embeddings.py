"""Pictures to embeddings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from littoral.data import Dataset, Picture, prepare
from littoral.errors import ContractError, DataError
from littoral.learn.heads import Vector
from littoral.runtime import Model


def embedding(model: Model, picture: Picture) -> Vector:
    """The embedding of a picture, float32 [features].

    Args:
        model: Takes one picture and gives one output.
        picture: A file, a Pillow image, or an array of pixels in 0..255.

    Raises:
        DataError: The picture cannot be read.
        ContractError: The model does not take one picture.
    """
    if len(model.inputs) != 1 or len(model.contract.inputs) != 1:
        takes = ", ".join(map(str, model.inputs))
        raise ContractError(f"the model does not take one picture but {takes}", "Load it with a contract of its input")
    return _flat(model(prepare(picture, model.contract.inputs[0])))


def embeddings(
    model: Model, dataset: Dataset, limit: int | None = None, seed: int = 0
) -> tuple[Vector, npt.NDArray[np.int64]]:
    """The embeddings of labelled samples, float32 [n, features], and their classes, int64 [n].

    Args:
        model: Gives one output.
        dataset: Its labels are the classes.
        limit: How many samples at most.
        seed: Of their selection.

    Raises:
        DataError: A sample has no label, or there is none.
    """
    samples = dataset.samples(model.contract, limit=limit, seed=seed)
    vectors, classes = [], []
    for sample in samples:
        if sample.label is None:
            raise DataError(f"{sample.origin} has no label", "Give samples with labels: one folder a class, say")
        vectors.append(_flat(model(sample.inputs)))
        classes.append(sample.label)
    if not vectors:
        raise DataError("the data set is empty", "Give at least one sample a class")
    return np.stack(vectors), np.array(classes, np.int64)


def _flat(result: object) -> Vector:
    if not isinstance(result, np.ndarray):
        raise ContractError("the model gives several outputs, not one embedding", "Give an embedder")
    return result.reshape(-1).astype(np.float32, copy=False)
