"""New functions, from the templates."""

from __future__ import annotations

import os
import re
import struct
import tempfile
from pathlib import Path
from typing import get_args

from littoral.functions.build import Language
from littoral.functions.errors import ManifestError

TEMPLATES = Path(__file__).parent / "templates"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def new(name: str, language: Language = "c", parent: str | os.PathLike[str] = ".") -> Path:
    """Makes a folder with a working image classifier: source, manifest, and a picture for its test.

    Args:
        name: Of the function and the folder.
        language: "c" or "assemblyscript".
        parent: Where the folder is made.

    Returns:
        The folder.

    Raises:
        ManifestError: The name is none, the language is unknown, or there is something of that name.
    """
    if not _NAME.fullmatch(name):
        raise ManifestError(f"{name!r} is no name of a function", "Accepted: letters, digits, - and _, up to 64")
    if language not in get_args(Language):
        raise ManifestError(f"{language!r} is no language of a template", f"Accepted: {', '.join(get_args(Language))}")
    folder = Path(parent) / name
    if folder.exists() or not folder.parent.is_dir():
        what = "is there already" if folder.exists() else "cannot be made: there is no such parent folder"
        raise ManifestError(f"{folder} {what}", "Give another name or place")
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder.parent) as scratch:
        made = Path(scratch) / name
        made.mkdir()
        for source in sorted((TEMPLATES / language).iterdir()):
            (made / source.name).write_text(
                source.read_text(encoding="utf-8").replace("@NAME@", name), encoding="utf-8"
            )
        (made / "test.bmp").write_bytes(_picture(32))
        made.rename(folder)
    return folder


def _picture(side: int) -> bytes:
    """A bitmap of 24 bits: red grows to the right, green to the top."""
    rows = b"".join(
        b"".join(bytes((128, 255 * y // side, 255 * x // side)) for x in range(side)) for y in range(side)
    )  # 3 * side bytes a row: a multiple of four, as bitmaps want
    header = struct.pack(
        "<2sIIIIiiHHIIiiII", b"BM", 54 + len(rows), 0, 54, 40, side, side, 1, 24, 0, len(rows), 0, 0, 0, 0
    )
    return header + rows
