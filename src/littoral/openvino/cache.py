"""Compiled regions on disk: OpenVINO reads and compiles for up to a second, and takes a tenth to bring back.

They lie in `openvino` under LITTORAL_HOME. Each file begins with the SHA-256 of the rest: OpenVINO would run a damaged
one and give wrong results.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from littoral.runtime.home import cache_folder

LIMIT = 2**30
"""Bytes to keep; what was not used for longest goes first."""

_DIGEST = 32


def key(content: bytes, *more: object) -> str:
    """A name for what is made of a model file and other things, all of which decide the result."""
    return hashlib.sha256(hashlib.sha256(content).digest() + repr(more).encode()).hexdigest()


def get(name: str) -> bytes | None:
    """What was kept under a name; None where nothing is, or it is damaged."""
    path = _folder() / name
    try:
        data = path.read_bytes()
        os.utime(path)
    except OSError:
        return None
    content = data[_DIGEST:]
    return content if hashlib.sha256(content).digest() == data[:_DIGEST] else None


def put(name: str, content: bytes) -> None:
    """Keeps something under a name, if the disk allows."""
    with suppress(OSError):
        folder = _folder()
        folder.mkdir(parents=True, exist_ok=True)
        _make_room(folder, len(content))
        _write(folder / name, hashlib.sha256(content).digest() + content)


def _folder() -> Path:
    return cache_folder() / "openvino"


def _write(path: Path, data: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        try:
            file.write(data)
            file.flush()
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _make_room(folder: Path, size: int) -> None:
    kept = sorted(((path, path.stat()) for path in folder.iterdir()), key=lambda each: each[1].st_mtime)
    total = size + sum(status.st_size for _, status in kept)
    for path, status in kept:
        if total <= LIMIT:
            return
        path.unlink(missing_ok=True)
        total -= status.st_size
