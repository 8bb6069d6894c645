"""What goes into a model: pictures, arrays, labels, and the contract that makes tensors of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from littoral.data.arrays import Arrays, Generator
from littoral.data.contract import Calibration, Contract, InputContract
from littoral.data.dataset import Dataset, Sample, Skipped, readable
from littoral.data.folder import ImageFolder, find_pictures
from littoral.data.labels import read_labels
from littoral.data.pictures import Picture, Placement, decode, placement, prepare
from littoral.errors import DataError

__all__ = [
    "Arrays",
    "Calibration",
    "Contract",
    "Dataset",
    "Generator",
    "ImageFolder",
    "InputContract",
    "Picture",
    "Placement",
    "Sample",
    "Skipped",
    "decode",
    "find_pictures",
    "open_dataset",
    "placement",
    "prepare",
    "read_labels",
]


def open_dataset(
    source: str | os.PathLike[str] | Dataset | Callable[[], Any] | Mapping[str, Any] | Any,
    labels: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Makes a data set of what is given.

    Args:
        source: A folder of pictures, an .npy or .npz file, an array, arrays by name, a function that returns an
            iterator, or a data set, which is returned as it is.
        labels: A labels file, for a folder.

    Raises:
        DataError: It is none of these, or cannot be read.
    """
    if isinstance(source, Dataset):
        return source
    if isinstance(source, np.ndarray | Mapping):
        return Arrays(source)
    if not isinstance(source, str | os.PathLike):
        return Generator(source)
    path = readable(source)
    if path.is_dir():
        return ImageFolder(path, labels)
    if path.suffix.lower() in (".npy", ".npz"):
        return Arrays(path)
    raise DataError(f"{path} is no data set", "Accepted: a folder of pictures, an .npy or an .npz file")
