"""Folders that appear whole: made beside their place, and moved there at once."""

from __future__ import annotations

import ctypes
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from littoral.errors import SourceError

_EXCHANGE = 2  # RENAME_EXCHANGE of renameat2(2)
_HERE = -100  # AT_FDCWD: paths are relative to the current folder


@contextmanager
def publish(folder: Path, marker: str) -> Iterator[Path]:
    """A new folder to write into, which takes the place of `folder` when the block ends, and goes when it fails.

    Args:
        folder: Where it is to be. One that is there must be empty, or hold a file `marker`.
        marker: The file by which an earlier folder of the same kind is known.

    Raises:
        SourceError: Something else is there, which is not touched.
    """
    folder = Path(os.path.abspath(folder))  # without a slash at its end; links stay as they are  # noqa: PTH100
    check_place(folder, marker)
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        made.chmod(0o777 & ~_umask())  # mkdtemp's folders are for their owner alone
        yield made
        _move(made, folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)  # what was there before, after an exchange


def check_place(folder: Path, marker: str) -> None:
    """Refuses to replace what is not ours.

    Raises:
        SourceError: There is something else.
    """
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        raise SourceError(f"{folder} is there and is no folder", "Give another with -o")
    if any(folder.iterdir()) and not (folder / marker).is_file():
        raise SourceError(f"{folder} has other files, and no {marker}", "Give an empty folder, or another, with -o")


def _move(made: Path, folder: Path) -> None:
    if not folder.is_dir():
        made.rename(folder)
    elif not _exchange(made, folder):  # a file system that cannot: for a moment there is no folder
        old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        folder.rename(old)
        try:
            made.rename(folder)
        except OSError:
            old.rename(folder)
            raise
        shutil.rmtree(old, ignore_errors=True)


def _exchange(a: Path, b: Path) -> bool:
    """Swaps two folders at once, where kernel and file system can."""
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    return rename is not None and rename(_HERE, os.fsencode(a), _HERE, os.fsencode(b), _EXCHANGE) == 0


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
