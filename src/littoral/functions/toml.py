"""TOML whose values are asked for by key and type, with errors that name the line."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from littoral.functions.errors import ManifestError


class Place:
    """A table of a TOML file, and where it is.

    Args:
        values: What it holds.
        lines: The line of each key, by the path that leads to it.
        where: Names the file.
        path: Leads to this table.
    """

    def __init__(
        self, values: Mapping[str, Any], lines: Mapping[tuple[str, ...], int], where: str, path: tuple[str, ...] = ()
    ) -> None:
        self._values = values
        self._lines = lines
        self._where = where
        self._path = path
        self._asked: set[str] = set()

    def error(self, key: str, cause: str, accepted: str) -> ManifestError:
        """An error about a key: what is wrong, and what is accepted."""
        path = (*self._path, key)
        line = next((self._lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self._lines), 1)
        name = ".".join(part for part in path if not part.startswith("#"))
        return ManifestError(f"{self._where}, line {line}: {name}: {cause}", f"Accepted: {accepted}")

    def names(self) -> list[str]:
        """The keys that it has."""
        return list(self._values)

    def any(self, key: str, default: Any) -> Any:
        """A value of any type."""
        self._asked.add(key)
        return self._values.get(key, default)

    def text(self, key: str, default: str | None = None) -> str:
        """A string; one without a default must be there."""
        value = self.any(key, default)
        if value is None:
            raise self.error(key, "it is missing", "a string")
        if not isinstance(value, str) or (default is None and "\0" in value):
            raise self.error(key, f"it is {_kind(value)}", "a string")
        return value

    def texts(self, key: str) -> list[str]:
        """A list of strings; empty where it is not there."""
        value = self.any(key, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self.error(key, f"it is {_kind(value)}", "a list of strings")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self.any(key, default)
        if not isinstance(value, bool):
            raise self.error(key, f"it is {_kind(value)}", "true, false")
        return value

    def number(self, key: str, default: float, least: float, most: float) -> float:
        """A number within bounds."""
        value = self.any(key, default)
        if type(value) not in (int, float) or not least <= value <= most:
            raise self.error(key, f"it is {value!r}", f"a number from {least:g} to {most:g}")
        return float(value)

    def whole(self, key: str, default: int, least: int = -(1 << 31)) -> int:
        """A whole number from a bound on."""
        value = self.any(key, default)
        if type(value) is not int or (key in self._values and not least <= value < 1 << 31):
            raise self.error(key, f"it is {value!r}", f"a whole number from {least}")
        return value

    def table(self, key: str) -> Place:
        """A table; empty where it is not there."""
        value = self.any(key, {})
        if not isinstance(value, dict):
            raise self.error(key, f"it is {_kind(value)}", "a table")
        return Place(value, self._lines, self._where, (*self._path, key))

    def tables(self) -> Iterator[tuple[str, Place]]:
        """All that it holds, which must be tables."""
        for key in self._values:
            yield key, self.table(key)

    def list_of_tables(self, key: str) -> list[Place]:
        """Tables under one key, as [[key]] makes them."""
        value = self.any(key, [])
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise self.error(key, f"it is {_kind(value)}", f"tables: [[{key}]]")
        path = (*self._path, key)
        return [Place(each, self._lines, self._where, (*path, f"#{index}")) for index, each in enumerate(value)]

    def finish(self) -> None:
        """Refuses keys that nobody asked for.

        Raises:
            ManifestError: There is one.
        """
        for key in self._values:
            if key not in self._asked:
                raise self.error(key, "there is no such key", ", ".join(sorted(self._asked)))


def read_toml(text: str, where: str) -> Place:
    """The whole file as a table.

    Raises:
        ManifestError: It is not TOML.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        place = re.search(r" \(at line (\d+), column (\d+)\)", str(error))
        line = int(place[1]) if place else text.count("\n") + 1
        reason = str(error)[: place.start()] if place else str(error).removesuffix(" (at end of document)")
        raise ManifestError(f"{where}, line {line}: it is not TOML: {reason}", "See https://toml.io") from error
    return Place(values, _lines(text), where)


_HEADER = re.compile(r"\s*(\[\[?)\s*(.+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"\s*((?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*'))*)\s*=")
_PART = re.compile(r"[A-Za-z0-9_-]+|\"([^\"]*)\"|'([^']*)'")


def _lines(text: str) -> dict[tuple[str, ...], int]:
    """Where keys are, for errors: by line, so that odd layouts are found only roughly."""
    found: dict[tuple[str, ...], int] = {}
    here: tuple[str, ...] = ()
    counts: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            here = _parts(header[2])
            found.setdefault(here, number)
            if header[1] == "[[":
                counts[here] = counts.get(here, -1) + 1
                here = (*here, f"#{counts[here]}")
                found[here] = number
        elif key := _KEY.match(line):
            path = (*here, *_parts(key[1]))
            for end in range(len(here) + 1, len(path) + 1):
                found.setdefault(path[:end], number)
    return found


def _parts(text: str) -> tuple[str, ...]:
    return tuple(match[1] or match[2] or match[0] for match in _PART.finditer(text))


def _kind(value: object) -> str:
    names = {str: "a string", bool: "a flag", int: "a number", float: "a number", list: "a list", dict: "a table"}
    return names.get(type(value), "a date or time")
