"""Arrays in files or in memory, and streams of them, as data sets."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from littoral.data.contract import Contract
from littoral.data.dataset import Feed, Sample, Skipped, draw, readable
from littoral.data.labels import label_indices, sort_names
from littoral.data.pictures import Array
from littoral.errors import DataError

LABEL_KEYS = ("labels", "y")
Item: TypeAlias = "Array | Mapping[str, Array] | tuple[Array | Mapping[str, Array], int | None]"


class Arrays:
    """Arrays whose first axis counts the samples.

    Integer arrays of a picture's shape are pixels and go through the contract; float arrays are taken as prepared.

    Args:
        source: An .npy file (stays on disk), an .npz file (read as a whole; keys are input names, and `labels` or `y`
            holds the labels), an array, or arrays by input name.
        labels: One a sample: whole numbers (indices of the model's output) or names.

    Raises:
        DataError: It cannot be read, holds Python objects, is empty, or the lengths differ.
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | Array | Mapping[str, Array],
        labels: Sequence[int] | Sequence[str] | Array | None = None,
    ) -> None:
        self._origin = Path(source).name if isinstance(source, str | os.PathLike) else "sample "
        arrays = _load(readable(source)) if isinstance(source, str | os.PathLike) else _by_name(source)
        for key in LABEL_KEYS:
            if labels is None and len(arrays) > 1 and key in arrays:
                labels = arrays.pop(key)
        self._arrays = arrays
        self._targets = None if labels is None else np.asarray(labels).reshape(len(labels), -1)[:, 0]
        self._check()
        names = set(self._targets.tolist()) if self._targets is not None and self._targets.dtype.kind == "U" else set()
        self._labels = sort_names(names)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes; empty where labels are numbers or absent."""
        return self._labels

    @property
    def skipped(self) -> Sequence[Skipped]:
        """Nothing: arrays are read as a whole or not at all."""
        return ()

    def __len__(self) -> int:
        return len(next(iter(self._arrays.values())))

    def samples(self, contract: Contract | None, *, limit: int | None = None, seed: int = 0) -> Iterator[Sample]:
        """As `Dataset.samples`.

        Raises:
            ContractError: Shape or range contradicts the contract.
        """
        feed = Feed(contract)
        indices = label_indices(self._labels, contract.labels if contract else ())
        targets = [None] * len(self) if self._targets is None else self._targets.tolist()
        for position in islice(draw(targets, seed), limit):
            origin, target = f"{self._origin}[{position}]", targets[position]
            inputs = feed.inputs({name: array[position] for name, array in self._arrays.items()}, origin)
            yield Sample(inputs, indices[target] if isinstance(target, str) else target, origin)

    def _check(self) -> None:
        lengths = {name: len(array) if array.ndim else 0 for name, array in self._arrays.items()}
        if self._targets is not None:
            lengths["labels"] = len(self._targets)
        where = self._origin.strip()
        if not self._arrays or 0 in lengths.values():
            raise DataError(f"{where}: there are no samples", "Give arrays whose first axis counts them")
        if len(set(lengths.values())) > 1:
            raise DataError(f"{where}: the lengths differ: {lengths}", "Give as many of each, labels included")
        for name, array in self._arrays.items():
            if array.dtype.kind not in "iufb":
                raise DataError(f"{where}: {name or 'the array'} has values of type {array.dtype}", "Accepted: numbers")
        if self._targets is not None and self._targets.dtype.kind not in "iuU":
            raise DataError(f"{where}: labels are of type {self._targets.dtype}", "Accepted: whole numbers or names")


class Generator:
    """A stream of samples: in its own order, so `seed` changes nothing and `limit` takes the first ones.

    Args:
        source: A callable that returns a new iterator each time, or something that can be iterated again and again.
            Items are arrays without a batch axis, or dicts of them by input name; or pairs (either of these, label).

    Raises:
        DataError: It is an iterator, which can be read only once.
    """

    labels: tuple[str, ...] = ()
    skipped: Sequence[Skipped] = ()

    def __init__(self, source: Callable[[], Iterable[Item]] | Iterable[Item]) -> None:
        if isinstance(source, Iterator):
            raise DataError(
                "a generator that is already running can be read only once", "Give the function that makes it"
            )
        self._source = source
        self._given = False

    def __len__(self) -> int:
        """How many items there are; counted by one pass where the source does not know."""
        return len(self._source) if isinstance(self._source, Sized) else sum(1 for _ in self._items())

    def samples(self, contract: Contract | None, *, limit: int | None = None, seed: int = 0) -> Iterator[Sample]:  # noqa: ARG002
        """As `Dataset.samples`, in the stream's order.

        Raises:
            DataError: It yields nothing, or something else than arrays.
            ContractError: Shape or range contradicts the contract.
        """
        feed = Feed(contract)
        for index, item in enumerate(self._items()):
            if limit is not None and index >= limit:
                return
            inputs, label = item if isinstance(item, tuple) and len(item) == 2 else (item, None)
            origin = f"sample {index}"
            if label is not None and not isinstance(label, int | np.integer):
                raise DataError(
                    f"{origin} has the label {label!r}", "Accepted: the index of the model's output, or None"
                )
            values = feed.inputs(_by_name(inputs), origin)
            yield Sample(values, None if label is None else int(label), origin)

    def _items(self) -> Iterator[Item]:
        empty = True
        for item in self._source() if callable(self._source) else self._source:
            empty = False
            yield item
        if empty:
            again = " the second time" if self._given else ""
            raise DataError(
                f"the generator yields nothing{again}", "Give a function that returns a new iterator each time"
            )
        self._given = True


def _by_name(values: Any) -> dict[str, Array]:
    if isinstance(values, Mapping):
        return {str(name): np.asarray(value) for name, value in values.items()}
    return {"": np.asarray(values)}


def _load(path: Path) -> dict[str, Array]:
    import zipfile  # slow to import, and models run without it

    try:
        with path.open("rb") as stream:  # a stream of our own, as numpy leaves a broken one open
            if stream.read(2) == b"PK":  # by content, not by name
                stream.seek(0)
                return dict(np.load(stream, allow_pickle=False))
        return {"": np.load(path, mmap_mode="r", allow_pickle=False)}
    except (OSError, ValueError, EOFError, KeyError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        reason = str(getattr(error, "strerror", None) or error).splitlines() or [type(error).__name__]
        accepted = "Accepted: .npy and .npz files of numbers, without Python objects"
        raise DataError(f"{path} cannot be read: {reason[0]}", accepted) from error
