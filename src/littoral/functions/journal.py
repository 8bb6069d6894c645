"""What functions have to say: a file of lines for each, cut when it is long."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

_LONGEST = 4 << 20  # bytes, twice: the file that is written and the one before it


class Journal:
    """Entries by function, as lines of JSON. Threads and processes may write at the same time.

    Args:
        folder: Made when something is first written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, entry: dict[str, Any]) -> None:
        """Adds an entry. A full disk loses it: a request is not to fail for that."""
        line = json.dumps(entry, ensure_ascii=False, default=str) + "\n"
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._path(name)
            with path.open("ab", buffering=0) as file:  # one write to the end of the file is whole
                file.write(line.encode())
                if file.tell() > _LONGEST:
                    path.replace(self._older(name))

    def read(self, name: str, last: int) -> list[dict[str, Any]]:
        """The last entries of a function, the oldest first; lines that are damaged are left out."""
        return list(self._entries(name))[-last:]

    def remove(self, name: str) -> None:
        """Forgets the entries of a function."""
        for path in (self._path(name), self._older(name)):
            path.unlink(missing_ok=True)

    def _entries(self, name: str) -> Iterator[dict[str, Any]]:
        for path in (self._older(name), self._path(name)):
            if path.exists():
                for line in path.read_bytes().splitlines():
                    with suppress(ValueError):
                        yield json.loads(line)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.jsonl"

    def _older(self, name: str) -> Path:
        return self._folder / f"{name}.1.jsonl"
