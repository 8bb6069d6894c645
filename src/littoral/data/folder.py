"""Folders of pictures, labelled by sub-folder or by a file."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from littoral.data.contract import Contract
from littoral.data.dataset import Sample, Skipped, draw, readable
from littoral.data.labels import label_indices, read_labels, sort_names
from littoral.data.pictures import SUFFIXES, prepare
from littoral.errors import ContractError, DataError


class ImageFolder:
    """The pictures in a folder and all folders in it. Hidden ones are ignored; links are followed once.

    Labels come from a `.csv` of `picture,label` lines, or from the first level of sub-folders: a `.txt` then gives the
    names in the order of the classes (else they are sorted). Pictures directly in the folder have no label.

    Args:
        path: The folder.
        labels: The .csv or .txt; by default `labels.csv` or `labels.txt` in the folder, where one is.

    Raises:
        DataError: There is no such folder, no picture in it, or the labels do not fit.
    """

    def __init__(self, path: str | os.PathLike[str], labels: str | os.PathLike[str] | None = None) -> None:
        self.path = Path(path)
        self._pictures = find_pictures(self.path)
        file = Path(labels) if labels is not None else _labels_file(self.path)
        if file is not None and file.suffix.lower() == ".csv":
            self._names = self._listed(file)
        else:
            parts = [picture.relative_to(self.path).parts for picture in self._pictures]
            self._names = [part[0] if len(part) > 1 else None for part in parts]
        found = {name for name in self._names if name is not None}
        in_order = read_labels(file) if file is not None and file.suffix.lower() != ".csv" else sort_names(found)
        if unknown := sorted(found - set(in_order)):
            raise DataError(
                f"{file} does not name {unknown[0]!r}, a folder in {self.path}", "Add it, or move the folder"
            )
        self._labels = in_order
        self._skipped: list[Skipped] = []

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes, in order; empty where there are none."""
        return self._labels

    @property
    def skipped(self) -> Sequence[Skipped]:
        """The pictures that the last pass could not read."""
        return tuple(self._skipped)

    def __len__(self) -> int:
        return len(self._pictures)

    def samples(self, contract: Contract | None, *, limit: int | None = None, seed: int = 0) -> Iterator[Sample]:
        """As `Dataset.samples`; another picture takes the place of one that cannot be read.

        Raises:
            ContractError: The contract has not exactly one input, or a picture is not of 8 bits a channel.
            DataError: No picture can be read.
        """
        if contract is None or len(contract.inputs) != 1:
            has = "there is none" if contract is None else f"it has {len(contract.inputs)}"
            remedy = "Give a contract with its width and height, or arrays (.npz) for a model of several inputs"
            raise ContractError(f"{self.path}: pictures need a contract of one input, and {has}", remedy)
        return self._samples(contract, len(self) if limit is None else limit, seed)

    def _samples(self, contract: Contract, limit: int, seed: int) -> Iterator[Sample]:
        entry = contract.inputs[0]
        indices = label_indices(self._labels, contract.labels)
        self._skipped = []
        given = 0
        for position in draw(self._names, seed):
            if given >= limit:
                return
            picture, name = self._pictures[position], self._names[position]
            try:
                tensor = prepare(picture, entry)
            except ContractError:  # a whole folder of 16-bit pictures is a mistake, one broken file is not
                raise
            except DataError as error:
                self._skipped.append(Skipped(picture, error.cause))
                continue
            given += 1
            label = None if name is None else indices[name]
            yield Sample({entry.name: tensor}, label, picture.relative_to(self.path).as_posix(), picture)
        if not given and limit > 0:
            raise DataError(f"none of the {len(self)} pictures in {self.path} can be read", self._skipped[0].reason)

    def _listed(self, file: Path) -> list[str | None]:
        """The label of each picture that a CSV file of `picture,label` lines names; other pictures are left out."""
        try:
            with file.open(encoding="utf-8-sig", newline="") as stream:
                rows = [[cell.strip() for cell in row] for row in csv.reader(stream) if row]
        except OSError as error:
            raise DataError(f"the labels file {file} cannot be read: {error.strerror}") from error
        except (csv.Error, UnicodeDecodeError) as error:
            raise DataError(f"the labels file {file} is not CSV: {error}") from error
        known = {picture.relative_to(self.path).as_posix(): picture for picture in self._pictures}
        if rows and rows[0][0] not in known and Path(rows[0][0]).suffix.lower() not in SUFFIXES:
            rows = rows[1:]  # a line of column names
        if wrong := [row for row in rows if len(row) != 2]:
            raise DataError(f"the labels file {file} has the line {','.join(wrong[0])!r}", "Accepted: picture,label")
        if absent := [name for name, _ in rows if name not in known]:
            raise DataError(f"the labels file {file} names {absent[0]!r}, which is not a picture in {self.path}")
        by_name = dict(rows)
        if not by_name:
            raise DataError(f"the labels file {file} is empty", "Give one picture,label a line")
        self._pictures = [picture for name, picture in known.items() if name in by_name]
        return [by_name[name] for name in known if name in by_name]


def find_pictures(folder: str | os.PathLike[str]) -> list[Path]:
    """The pictures in a folder and all folders in it, sorted by their path below it, by suffix and not by content.

    Raises:
        DataError: There is no such folder, or no picture in it.
    """
    folder = readable(folder)
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder", "Give a folder of pictures")
    pictures = sorted(_walk(folder, set()), key=lambda picture: picture.relative_to(folder).as_posix())
    if not pictures:
        raise DataError(f"no pictures in {folder}", f"Accepted: {', '.join(sorted(SUFFIXES))}")
    return pictures


def _labels_file(folder: Path) -> Path | None:
    return next((file for file in (folder / "labels.csv", folder / "labels.txt") if file.is_file()), None)


def _walk(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    """Pictures in the folder and below, each real folder once."""
    try:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise DataError(f"the folder {folder} cannot be read: {error.strerror}") from error
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _walk(entry, seen)
        elif entry.suffix.lower() in SUFFIXES and entry.is_file():
            yield entry
