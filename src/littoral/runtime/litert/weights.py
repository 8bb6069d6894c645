"""Packed weights on disk, so that a model loads fast again and all its instances share one copy.

XNNPACK rearranges weights for its kernels. Given a file it writes them there, and maps the file when it is there
already: pages of the file are shared by all processes. A finished file lies in

    LITTORAL_HOME/weights/<runtime, processor>/<SHA-256 of the model file>/{packed,check}

Such a folder is made under another name and renamed when it is complete, and is never written to again; so readers and
writers need no lock, and one that is killed leaves nothing but a folder that is swept later. Native code trusts the
file: before it is used its size and its ends, where XNNPACK keeps what leads to the rest, are compared with what was
written. The oldest are removed beyond a size.
"""

from __future__ import annotations

import os
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from littoral.runtime.home import cache_folder
from littoral.runtime.litert.library import library_file

SMALLEST = 1 << 20
"""Bytes of a model file from which on its packed weights are kept."""

LARGEST_TOTAL = 2 << 30
"""Bytes of all packed weights together, for one kind of processor."""

_END = 4096
_DIGITS = 64
_SETTLED = 2.0  # seconds; a file that changed later than that may change again within one tick of its clock
_ABANDONED = 3600.0  # seconds


@contextmanager
def packed_weights(model: Path) -> Iterator[str]:
    """The file for the packed weights of a model file: one that is finished, or one to be written inside the `with`.

    It is kept when the block ends without an error. It is "" where nothing can be kept: a cache is no reason to fail.
    """
    entry = _entry(model)
    if entry is None:
        yield ""
    elif _whole(entry):
        with suppress(OSError):
            os.utime(entry)  # it was used: see _sweep
        yield str(entry / "packed")
    else:
        with _building(entry) as file:
            yield file


@contextmanager
def _building(entry: Path) -> Iterator[str]:
    import shutil
    from tempfile import mkdtemp

    try:
        shutil.rmtree(entry, ignore_errors=True)
        work = Path(mkdtemp(dir=entry.parent, prefix=".new-"))
    except OSError:
        yield ""
        return
    try:
        yield str(work / "packed")
        with suppress(OSError):
            (work / "check").write_text(_summary(work / "packed"))
            work.rename(entry)  # fails where another process was faster
            _sweep(entry.parent)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _entry(model: Path) -> Path | None:
    """Where the packed weights of a model file belong; None where they are not kept."""
    try:
        if model.stat().st_size < SMALLEST:
            return None
        shelf = cache_folder() / "weights" / _machine()
        if any(sign in str(shelf) for sign in '"\\\n'):  # LiteRT takes the path in a line of TOML
            return None
        shelf.mkdir(mode=0o700, parents=True, exist_ok=True)
        return shelf / _hash(model, shelf)
    except OSError:
        return None


def _hash(model: Path, shelf: Path) -> str:
    """The SHA-256 of a file, remembered by what the file system says of it: starting should not read all of it."""
    seen = model.stat()
    facts = f"{seen.st_dev} {seen.st_ino} {seen.st_size} {seen.st_mtime_ns} {seen.st_ctime_ns}"
    note = shelf / f"file-{seen.st_dev:x}-{seen.st_ino:x}"
    with suppress(OSError):
        noted, _, digest = note.read_text().partition(": ")
        if noted == facts and len(digest) == _DIGITS:
            return digest
    digest = _sha256(model)
    if time.time() - max(seen.st_mtime, seen.st_ctime) > _SETTLED:
        new = shelf / f".new-{os.getpid()}-{threading.get_ident()}"
        new.write_text(f"{facts}: {digest}")
        new.replace(note)
    return digest


def _sha256(file: Path) -> str:
    import hashlib

    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _whole(entry: Path) -> bool:
    with suppress(OSError):
        return (entry / "check").read_text() == _summary(entry / "packed")
    return False


def _summary(file: Path) -> str:
    """What tells a whole file from one that was cut or overwritten."""
    with file.open("rb") as opened:
        head = opened.read(_END)
        size = opened.seek(0, os.SEEK_END)
        opened.seek(max(0, size - _END))
        return f"{size} {zlib.crc32(head):08x} {zlib.crc32(opened.read()):08x}"


def _sweep(shelf: Path) -> None:
    """Removes what was abandoned, and what was not used for longest beyond the largest total."""
    import shutil

    now = time.time()
    found: list[tuple[float, int, Path]] = []
    for path in shelf.iterdir():
        with suppress(OSError):
            changed = path.stat().st_mtime
            if path.name.startswith(".new-"):
                if now - changed > _ABANDONED:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            elif (path / "packed").exists():
                found.append((changed, (path / "packed").stat().st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= LARGEST_TOTAL:
            return
        shutil.rmtree(path, ignore_errors=True)
        total -= size


@cache
def _machine() -> str:
    """What packed weights depend on besides the model: the runtime and the processor."""
    built = library_file().stat()
    runtime = f"{built.st_size:x}-{built.st_mtime_ns:x}-{os.uname().machine}"
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(errors="replace").partition("\n\n")[0].splitlines()
        features = [line for line in lines if line.lower().startswith(("flags", "features", "cpu part", "model"))]
        processor = zlib.crc32("\n".join(features).encode())
        return f"{runtime}-{processor:08x}"
    return runtime
