"""Machine code on disk, so that a function is compiled once on a machine.

It lies in LITTORAL_HOME/functions-code under the hash of its module, the version of wasmtime and the processor's
features. The processor runs what is loaded from there: so nobody else may write to the folder, files are renamed into
place and never changed, and a file is used only when it is what was noted beside it.
"""

from __future__ import annotations

import hashlib
import os
import platform
import stat
import threading
import zlib
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from littoral.functions.engine import engine
from littoral.runtime.home import cache_folder

if TYPE_CHECKING:
    from wasmtime import Module

LARGEST_TOTAL = 2 << 30
"""Bytes of all machine code; beyond them what was not used for longest is removed."""


def find(digest: str) -> Module | None:
    """The machine code of a module, if there is any that can be trusted."""
    from wasmtime import Module, WasmtimeError

    try:
        file, note = _names(_folder(), digest)
        if not (_ours(file) and _ours(note) and _noted(file, note.read_text())):
            return None
        os.utime(note)  # it was used: see _sweep
        return Module.deserialize_file(engine(), str(file))
    except (OSError, UnicodeDecodeError, WasmtimeError):
        return None


def keep(digest: str, module: Module) -> Module | None:
    """Writes machine code down and gives it as it is from there; None where nothing can be kept."""
    try:
        folder = _folder()
        file, note = _names(folder, digest)
        content = module.serialize()
        _write(file, content)
        _write(note, f"{hashlib.sha256(content).hexdigest()} {_facts(file)}".encode())
        _sweep(folder)
    except OSError:
        return None
    return find(digest)


def _noted(file: Path, note: str) -> bool:
    """Whether a file is what was noted: nothing has touched it since, or it was moved and has the same hash."""
    digest, _, facts = note.partition(" ")
    return facts == _facts(file) or digest == _hash(file)


def _facts(file: Path) -> str:
    """What the file system says of a file; whatever changes the file changes its last time."""
    seen = file.stat()
    return f"{seen.st_dev} {seen.st_ino} {seen.st_size} {seen.st_mtime_ns} {seen.st_ctime_ns}"


def _names(folder: Path, digest: str) -> tuple[Path, Path]:
    name = f"{digest}-{_machine()}"
    return folder / f"{name}.code", folder / f"{name}.note"


def _folder() -> Path:
    folder = cache_folder() / "functions-code"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _ours(folder):
        raise PermissionError(f"others may write to {folder}")
    return folder


def _ours(path: Path) -> bool:
    """Whether it is no link, belongs to this user, and nobody else may write to it."""
    seen = path.lstat()
    plain = stat.S_ISREG(seen.st_mode) or stat.S_ISDIR(seen.st_mode)
    return plain and seen.st_uid == os.geteuid() and not seen.st_mode & 0o022


def _hash(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _write(path: Path, content: bytes | bytearray) -> None:
    new = path.with_name(f".new-{os.getpid()}-{threading.get_ident()}")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as opened:
            opened.write(content)
        new.replace(path)
    finally:
        with suppress(OSError):
            new.unlink()


def _sweep(folder: Path) -> None:
    found = []
    for path in folder.glob("*.code"):
        with suppress(OSError):
            found.append((path.with_suffix(".note").stat().st_mtime, path.stat().st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= LARGEST_TOTAL:
            return
        path.unlink(missing_ok=True)
        path.with_suffix(".note").unlink(missing_ok=True)
        total -= size


@cache
def _machine() -> str:
    """What machine code depends on besides the module."""
    from importlib.metadata import version

    lines: list[str] = []
    with suppress(OSError):
        first = Path("/proc/cpuinfo").read_text(errors="replace").partition("\n\n")[0]
        lines = [line for line in first.splitlines() if line.lower().startswith(("flags", "features", "cpu part"))]
    features = zlib.crc32("\n".join(lines).encode())
    return f"{version('wasmtime')}-{platform.machine()}-{features:08x}"
