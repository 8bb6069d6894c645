"""The functions that are deployed: versions of each, and the one that answers.

A function is one small file that names objects by their hashes. Replacing it is the only step that others see, so that
a deploy is there whole or not at all, and is kept once that step has returned.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeAlias

from littoral.functions.errors import StoreError
from littoral.functions.objects import Objects, locked
from littoral.functions.objects import replace as replace_file

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")  # as in manifests
_FORMAT = 1

Stamp: TypeAlias = tuple[int, int]
"""Of a function's file: its number on disk, and when it was written."""


@dataclass(frozen=True)
class Version:
    """One deploy of a function.

    Attributes:
        number: From 1.
        deployed: When, in UTC: ISO 8601.
        route: Under which the gateway offers it.
        manifest: The object of its text.
        source: The object of the module as it was built.
        module: The object of the prepared module, with its snapshot.
        models: The object of each model file, by the name in the manifest.
        files: The object of each file, by its path in the sandbox.
    """

    number: int
    deployed: str
    route: str
    manifest: str
    source: str
    module: str
    models: Mapping[str, str]
    files: Mapping[str, str]

    @property
    def objects(self) -> set[str]:
        """All that it needs."""
        return {self.manifest, self.source, self.module, *self.models.values(), *self.files.values()}


@dataclass(frozen=True)
class Record:
    """A function: its versions, the oldest first, and the number of the one that answers."""

    name: str
    current: int
    versions: tuple[Version, ...]

    def version(self, number: int | None = None) -> Version:
        """One of its versions; the current one where none is named.

        Raises:
            StoreError: It has no such version.
        """
        wanted = self.current if number is None else number
        for version in self.versions:
            if version.number == wanted:
                return version
        there = ", ".join(str(version.number) for version in self.versions)
        raise StoreError(f"function {self.name!r} has no version {wanted}", f"Versions: {there}")


class Store:
    """Deployed functions under a folder. Threads and processes may share it.

    Attributes:
        objects: Modules, models, files and manifests by their hashes.
    """

    def __init__(self, folder: Path) -> None:
        self.objects = Objects(folder / "objects")
        self._folder = folder
        self._records = folder / "functions"
        self._prefix = f"{self._records}/"
        self._routes: dict[str, tuple[Stamp, str]] = {}  # name -> when it was looked at, its route

    def names(self) -> list[str]:
        """The functions that there are, by name."""
        return sorted(path.stem for path in self._records.glob("*.json"))

    def record(self, name: str) -> Record:
        """A function.

        Raises:
            StoreError: There is none of that name, or its file is damaged.
        """
        path = self._path(name)
        try:
            return _parse(path.read_bytes(), path)
        except FileNotFoundError:
            there = ", ".join(self.names()[:10]) or "none yet"
            raise StoreError(f"there is no function {name!r}", f"Deployed: {there}") from None

    def stamp(self, name: str) -> Stamp | None:
        """What changes when a function does, for the price of one look at the folder; None where there is none."""
        try:
            state = os.stat(f"{self._prefix}{_checked(name)}.json")  # noqa: PTH116 - a fifth of what Path takes
        except FileNotFoundError:
            return None
        return state.st_ino, state.st_mtime_ns

    def routes(self) -> dict[str, str]:
        """The name of the function behind each route. Only what has changed is read again."""
        routes: dict[str, str] = {}
        for name in self.names():
            stamp = self.stamp(name)
            if stamp is None:
                continue  # removed meanwhile
            if self._routes.get(name, ((0, 0), ""))[0] != stamp:
                self._routes[name] = stamp, self.record(name).version().route
            routes[self._routes[name][1]] = name
        return routes

    @contextmanager
    def writing(self) -> Iterator[None]:
        """While this is held, no object is thrown away: whoever puts objects holds it until they are committed."""
        with locked(self._folder / "objects.lock", shared=True):
            yield

    def commit(self, name: str, version: Version) -> Version:
        """Adds a version, and has it answer from now on. Its objects are there already; its number is given here.

        Returns:
            The version with its number. It is kept once this has returned.

        Raises:
            StoreError: Another function has its route.
        """
        with locked(self._folder / "commit.lock"):
            if (other := self.routes().get(version.route, name)) != name:
                raise StoreError(f"the route {version.route!r} is that of function {other!r}", "Choose another route")
            try:
                old = self.record(name)
            except StoreError:
                if self._path(name).exists():
                    raise
                old = Record(name, 0, ())
            number = 1 + max((each.number for each in old.versions), default=0)
            made = replace(version, number=number)
            self._write(Record(name, number, (*old.versions, made)))
        return made

    def rollback(self, name: str, number: int | None = None) -> Version:
        """Has another version answer: the newest before the current one, where none is named.

        Raises:
            StoreError: There is no such version.
        """
        with locked(self._folder / "commit.lock"):
            record = self.record(name)
            if number is None:
                older = [each.number for each in record.versions if each.number < record.current]
                if not older:
                    raise StoreError(f"function {name!r} has no version before {record.current}")
                number = max(older)
            version = record.version(number)
            self._write(replace(record, current=number))
        return version

    def remove(self, name: str) -> None:
        """Forgets a function and all its versions.

        Raises:
            StoreError: There is none of that name.
        """
        with locked(self._folder / "commit.lock"):
            self.record(name)
            self._path(name).unlink()

    def collect(self) -> int:
        """Throws away objects that no version names; the bytes that are free now. Waits for deploys to end."""
        with locked(self._folder / "objects.lock"):
            versions = [version for name in self.names() for version in self.record(name).versions]
            return self.objects.keep_only({digest for version in versions for digest in version.objects})

    def _path(self, name: str) -> Path:
        return self._records / f"{_checked(name)}.json"

    def _write(self, record: Record) -> None:
        content = {"format": _FORMAT, **asdict(record)}
        replace_file(self._path(record.name), json.dumps(content, indent=1).encode())


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise StoreError(f"{name!r} is no name of a function", "Accepted: letters, digits, - and _, up to 64")
    return name


def _parse(content: bytes, path: Path) -> Record:
    try:
        fields = json.loads(content)
        if fields.pop("format") != _FORMAT:
            raise StoreError(f"{path} was written by a newer littoral", "Update littoral")
        versions = tuple(Version(**version) for version in fields.pop("versions"))
        return Record(versions=versions, **fields)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"{path} is damaged: {error}", "Remove it and deploy again") from error
