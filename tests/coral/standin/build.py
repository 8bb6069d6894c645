"""Builds the stand-in library, and libraries that are wrong in some way, with the compiler of this machine."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

from tests.coral.standin.board import PRELOAD

SOURCE = Path(__file__).with_name("edgetpu_standin.c")


def missing() -> str:
    """What this machine lacks for tests with pretended chips; empty when nothing."""
    if not shutil.which("gcc"):
        return "no C compiler: install gcc"
    try:
        ctypes.CDLL(PRELOAD)
    except OSError:
        return "no umockdev: install it (Debian: umockdev)"
    return ""


def build(folder: Path, *flags: str, extra: bytes = b"") -> Path:
    """The stand-in as a shared library.

    Args:
        folder: Where to.
        flags: For the compiler, as in '-DSTANDIN_VERSION="..."'.
        extra: Bytes to add behind the file: marks that libedgetpu has in its data.
    """
    library = folder / "libedgetpu_standin.so"
    command = ["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", *flags]
    subprocess.run([*command, "-o", str(library), str(SOURCE), "-lpthread"], check=True)
    with library.open("ab") as file:
        file.write(extra)
    return library
