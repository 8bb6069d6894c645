"""Names of classes: label files, and which output of a model a name stands for."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from littoral.errors import DataError

MAX_LABELS = 1 << 20
_NUMBERED = re.compile(r"(\d{1,9})(?:\s*:\s*|\s+)(.*)")


def read_labels(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Reads a labels file: one name a line, or `0 name` or `0: name` on every line, as Coral's and others' are.

    Args:
        path: UTF-8, with or without a byte order mark; blank lines count for nothing.

    Returns:
        Names by class index; an index that a numbered file leaves out has an empty name.

    Raises:
        DataError: It cannot be read, is not text, is empty, or gives one number twice.
    """
    path = Path(path)
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except OSError as error:
        raise DataError(f"the labels file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"the labels file {path} is not UTF-8 text") from error
    names = [line for line in lines if line]
    if not names:
        raise DataError(f"the labels file {path} is empty", "Give one name a line, in the order of the model's output")
    numbered = [_NUMBERED.fullmatch(name) for name in names]
    pairs = [(int(match[1]), match[2]) for match in numbered if match]
    # One "3 legged stool" among plain names is a name: only a file that is numbered throughout is numbered.
    return _by_number(pairs, path) if len(pairs) == len(names) else tuple(names)


def _by_number(pairs: list[tuple[int, str]], path: Path) -> tuple[str, ...]:
    by_number = dict(pairs)
    if len(by_number) != len(pairs):
        raise DataError(f"the labels file {path} gives one number to two names")
    if max(by_number) >= MAX_LABELS:
        raise DataError(f"the labels file {path} has number {max(by_number)}", f"Accepted: 0 to {MAX_LABELS - 1}")
    return tuple(by_number.get(index, "") for index in range(max(by_number) + 1))


def sort_names(names: set[str]) -> tuple[str, ...]:
    """Names in the order of their classes: alphabetical, or by value where all are numbers (2 before 10)."""
    return tuple(sorted(names, key=lambda name: (int(name), name) if _all_numbers(names) else (0, name)))


def label_indices(names: Sequence[str], model_labels: Sequence[str]) -> dict[str, int | None]:
    """Which output of the model each name of a data set stands for.

    Args:
        names: The data set's, in its own order.
        model_labels: The contract's, by output; empty where it has none, and then the data set's order counts,
            or the numbers themselves where all names are numbers.

    Returns:
        Name to index; None for a name that the model does not know.
    """
    if model_labels:
        known = {name: index for index, name in reversed(list(enumerate(model_labels)))}
        numbers = {name: int(name) for name in names if _all_numbers({name}) and int(name) < len(model_labels)}
        return {name: known.get(name, numbers.get(name)) for name in names}
    return {name: int(name) if _all_numbers(set(names)) else index for index, name in enumerate(names)}


def _all_numbers(names: set[str]) -> bool:
    return all(name.isascii() and name.isdecimal() and len(name) < 10 for name in names)
