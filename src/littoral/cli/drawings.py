"""Where drawn pictures go: one file, or a folder for several."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from littoral.errors import DataError

if TYPE_CHECKING:
    from PIL import Image

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".bmp": "BMP"}


def plan(draw: Path, pictures: Sequence[Path]) -> list[Path]:
    """The file for each picture: `draw` itself, or one named after the picture where `draw` is a folder.

    Raises:
        DataError: There are several pictures and no folder, the folder is not there, the format is none that we write,
            or a picture would be overwritten.
    """
    if draw.is_dir():
        files = _named_after(pictures, draw)
    elif len(pictures) > 1:
        raise DataError(f"{draw} is no folder, and there are {len(pictures)} pictures to draw", "Give a folder")
    elif not draw.parent.is_dir():
        raise DataError(f"the folder {draw.parent} of {draw.name} is not there", f"mkdir -p {draw.parent}")
    elif draw.suffix.lower() not in FORMATS:
        raise DataError(f"{draw} has no name of a picture", f"Accepted: a folder, or a name with {', '.join(FORMATS)}")
    else:
        files = [draw]
    given = {picture.resolve() for picture in pictures}
    if taken := [file for file in files if file.resolve() in given]:
        raise DataError(f"{taken[0]} is a picture that was given and would be overwritten", "Draw to another place")
    return files


def _named_after(pictures: Sequence[Path], folder: Path) -> list[Path]:
    """One PNG a picture; those of one name are numbered."""
    files: list[Path] = []
    for picture in pictures:
        names = [f"{picture.stem}.png", *(f"{picture.stem}-{number}.png" for number in range(2, len(files) + 2))]
        files.append(next(folder / name for name in names if folder / name not in files))
    return files


def save(image: Image.Image, file: Path) -> None:
    """Writes a picture in the format of its name, by a temporary file in the same folder.

    Raises:
        DataError: It is too large for the format.
        OSError: It cannot be written.
    """
    kind = FORMATS[file.suffix.lower()]
    content = io.BytesIO()
    try:
        image.save(content, kind, quality=92)
    except (OSError, ValueError) as error:  # no disk is written to yet: the format's own limits
        size = f"{image.width} x {image.height} pixels"
        raise DataError(f"{file} cannot be written as {kind}, with {size}: {error}", "Draw to a .png") from error
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content.getbuffer())
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
