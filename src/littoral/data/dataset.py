"""What every data set shares: the sample, the order of drawing, and arrays checked against the contract."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np

from littoral.data.contract import Contract, InputContract
from littoral.data.pictures import Array, prepare
from littoral.errors import ContractError, DataError

T = TypeVar("T")
PROBE = 16  # samples after which a far too narrow range is no coincidence


@dataclass(frozen=True)
class Sample:
    """One example, ready for the model.

    Attributes:
        inputs: Arrays by input name, without a batch axis; the name is empty where neither data nor contract give one.
        label: Index of the model's output that is right; None where unknown.
        origin: Where it comes from, for people: a file name, or "x.npy[3]".
        picture: The picture's file, where it is one.
    """

    inputs: dict[str, Array]
    label: int | None
    origin: str
    picture: Path | None = None


class Skipped(NamedTuple):
    """A sample that was passed over because it cannot be read."""

    path: Path
    reason: str


@runtime_checkable
class Dataset(Protocol):
    """A source of samples that can be read any number of times."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes in the data set's own order; empty where there are none."""
        ...

    @property
    def skipped(self) -> Sequence[Skipped]:
        """What the last pass could not read."""
        ...

    def __len__(self) -> int: ...

    def samples(self, contract: Contract | None, *, limit: int | None = None, seed: int = 0) -> Iterator[Sample]:
        """Draws samples at random without replacement, one in memory at a time; the same on every machine.

        Args:
            contract: How pictures become tensors; None only where there are none.
            limit: At most so many; None for all. A smaller limit gives a prefix of what a larger one gives.
            seed: Another seed, another order.

        Raises:
            DataError: Nothing can be read.
            ContractError: Values contradict the contract.
        """
        ...


def draw(labels: Sequence[object], seed: int) -> Array:
    """The order in which samples are drawn: random, and with every label's share kept in each prefix.

    Args:
        labels: One a sample; equal ones are one class, and where none is known all are None.
        seed: Not negative.

    Returns:
        A permutation of the samples' positions. Made of raw PCG64 words, which numpy promises not to change;
        `Generator.permutation` has no such promise.
    """
    if seed < 0:
        raise DataError(f"the seed is {seed}", "Accepted: whole numbers from 0")
    shuffled = np.argsort(np.random.PCG64(seed).random_raw(len(labels)), kind="stable")
    places: dict[object, list[int]] = {}
    for position in shuffled:
        places.setdefault(labels[position], []).append(position)
    # The k-th of a class of n stands at (k + 1/2) / n of the whole.
    turn = np.empty(len(labels))
    for members in places.values():
        turn[members] = (np.arange(len(members)) + 0.5) / len(members)
    ordered: Array = shuffled[np.argsort(turn[shuffled], kind="stable")]
    return ordered


class Feed:
    """Turns raw values into inputs as the contract says, and watches that their range does not contradict it."""

    def __init__(self, contract: Contract | None) -> None:
        self._contract = contract or Contract()
        self._seen: dict[str, tuple[int, float, float]] = {}

    def inputs(self, values: Mapping[str, Array], origin: str) -> dict[str, Array]:
        """Integers of a picture go through `prepare`; floats are taken as prepared; other inputs pass as they are.

        Args:
            values: By input name; a single one may have any name where the contract has a single input.
            origin: Names the sample in errors.

        Raises:
            ContractError: A picture's shape or range contradicts the contract.
        """
        pictures = self._contract.inputs
        if len(values) == 1 and len(pictures) == 1:
            return {pictures[0].name: self._tensor(next(iter(values.values())), pictures[0], origin)}
        fed = {}
        for name, value in values.items():
            picture = self._contract.input(name)
            fed[name] = np.asarray(value) if picture is None else self._tensor(value, picture, f"{origin}: {name}")
        return fed

    def _tensor(self, value: Array, picture: InputContract, origin: str) -> Array:
        value = np.asarray(value)
        if value.dtype.kind in "iu":
            return prepare(_without_batch(value), picture, origin)
        if value.dtype.kind != "f":
            raise DataError(f"{origin} has values of type {value.dtype}", "Accepted: pixels (uint8) or prepared floats")
        if [side for side in value.shape if side != 1] != [side for side in picture.shape if side != 1]:
            accepted = f"Prepared floats must be {list(picture.shape)}; pixels of any size may be given as uint8"
            raise ContractError(f"{origin} has shape {list(value.shape)}", accepted)
        self._watch(value, picture, origin)
        return value.astype(np.float32).reshape(picture.shape)

    def _watch(self, value: Array, picture: InputContract, origin: str) -> None:
        """Refuses a range far outside the contract's, or far too narrow: a scale was forgotten or applied twice."""
        low, high = picture.value_range
        least, most = float(value.min()), float(value.max())
        slack = (high - low) / 4  # for augmented data
        if not (low - slack <= least and most <= high + slack):  # also where it is NaN
            raise _contradiction(origin, least, most, picture)
        count, seen_least, seen_most = self._seen.get(picture.name, (0, least, most))
        count, least, most = count + 1, min(least, seen_least), max(most, seen_most)
        self._seen[picture.name] = count, least, most
        if count == PROBE and 0 < most - least < (high - low) / 50:
            raise _contradiction(f"all of the first {PROBE} samples up to {origin}", least, most, picture)


def _contradiction(origin: str, least: float, most: float, picture: InputContract) -> ContractError:
    low, high = picture.value_range
    remedy = (
        "Give pixels as uint8 and they are scaled as the contract says, "
        f"or correct its scale ({picture.scale}) and mean ({picture.mean})"
    )
    cause = (
        f"{origin}: values of {least:g} to {most:g}, but by the contract pixels become values of {low:g} to {high:g}"
    )
    return ContractError(cause, remedy)


def _without_batch(value: Array) -> Array:
    return value[0] if value.ndim == 4 and value.shape[0] == 1 else value


def readable(path: str | os.PathLike[str]) -> Path:
    """The path, when something is there.

    Raises:
        DataError: Nothing is.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path} does not exist", "Give a folder of pictures, or an .npy or .npz file")
    return path
