"""Content by its hash, on disk: written once, whole or not at all, and checked when it is read."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from littoral.functions.errors import StoreError

_CHUNK = 1 << 20
_NEW = ".new-"


class Objects:
    """A folder of objects, named by the SHA-256 of what is in them. Several processes may share it.

    Args:
        folder: Made when something is first put there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._checked: dict[str, tuple[int, int]] = {}  # digest -> modification time and size when it was checked

    def put(self, source: bytes | Path) -> str:
        """Keeps bytes, or the content of a file; they are on disk when this returns.

        Returns:
            Their SHA-256, in hexadecimal.
        """
        digest = hashlib.sha256()
        with _new(self._folder) as (file, path):
            for chunk in _chunks(source):
                digest.update(chunk)
                file.write(chunk)
            os.fchmod(file.fileno(), 0o444)
        key = digest.hexdigest()
        target = self._place(key)
        target.parent.mkdir(exist_ok=True)
        path.replace(target)  # the same content where it was there before
        sync(target.parent)
        sync(self._folder)
        return key

    def path(self, digest: str) -> Path:
        """The file of an object, whose content has been checked.

        Raises:
            StoreError: It is missing, or damaged.
        """
        place = self._place(digest)
        try:
            state = place.stat()
            seen = (state.st_mtime_ns, state.st_size)
            if self._checked.get(digest) != seen:
                if _digest(place) != digest:
                    raise StoreError(f"the object {place} is damaged: its content is not {digest[:12]}", "Deploy again")
                self._checked[digest] = seen
        except FileNotFoundError:
            raise StoreError(f"the object {digest[:12]} is missing from {self._folder}", "Deploy again") from None
        return place

    def read(self, digest: str) -> bytes:
        """The content of an object.

        Raises:
            StoreError: It is missing, or damaged.
        """
        return self.path(digest).read_bytes()

    def keep_only(self, needed: set[str]) -> int:
        """Removes all other objects, and what writers that died have left; the bytes that are free now."""
        freed = 0
        for path in list(self._folder.glob("??/*")) + list(self._folder.glob(f"{_NEW}*")):
            if path.parent.name + path.name not in needed:
                freed += path.stat().st_size
                path.unlink()
        return freed

    def _place(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest[2:]


@contextlib.contextmanager
def locked(file: Path, shared: bool = False) -> Iterator[None]:
    """Holds a lock that processes share; waits for it. The kernel lets go of it when a process dies."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


def replace(path: Path, content: bytes) -> None:
    """Writes a file, whole or not at all; it is on disk when this returns."""
    with _new(path.parent) as (file, fresh):
        file.write(content)
    fresh.replace(path)
    sync(path.parent)


@contextlib.contextmanager
def _new(folder: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """A file of an odd name that is on disk afterwards, or gone where something failed."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=_NEW)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file, Path(name)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def sync(folder: Path) -> None:
    """Has the names in a folder on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _chunks(source: bytes | Path) -> Iterable[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    with source.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    for chunk in _chunks(path):
        digest.update(chunk)
    return digest.hexdigest()
