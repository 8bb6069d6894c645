"""One process for each chip: who comes second is told who has it. The vendor's library says nothing.

The lock is a file under LITTORAL_HOME that is locked while the chip is held, named by the chip's identity, as indices
change. The kernel gives it back when its holder dies, however that happens. Programs that use the chip without
littoral, or with another LITTORAL_HOME, do not see it.
"""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

from littoral.errors import DeviceError
from littoral.runtime.home import cache_folder


class _Held:
    """A locked file, and how many in this process share it."""

    def __init__(self, file: int) -> None:
        self.file = file
        self.users = 1


_held: dict[Path, _Held] = {}
_mutex = threading.Lock()


class ChipLock:
    """Holds a chip for this process, which may hold it several times: the vendor's library shares it, too.

    Args:
        kind: "usb" or "pci".
        identity: Port path or PCI address.

    Attributes:
        shared: Whether this process held it before.

    Raises:
        DeviceError: Another process holds it; the error has its number.
    """

    def __init__(self, kind: str, identity: str) -> None:
        self._path: Path | None = None
        path = cache_folder() / "coral" / f"{kind}-{identity.replace('/', '_')}.lock"
        with _mutex:
            held = _held.get(path)
            self.shared = held is not None
            if held:
                held.users += 1
            else:
                _held[path] = _Held(_locked(path, f"{kind} {identity}"))
        self._path = path

    def release(self) -> None:
        """Lets go of it; again does nothing."""
        with _mutex:
            path, self._path = self._path, None
            if path is None:
                return
            held = _held[path]
            held.users -= 1
            if not held.users:
                os.close(_held.pop(path).file)


def _locked(path: Path, chip: str) -> int:
    """The descriptor of a file that is locked, with the number of this process in it."""
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with contextlib.closing(os.fdopen(file)) as other:
            holder = other.read().strip() or "unknown"
        raise DeviceError(
            f"chip {chip} is in use by process {holder}",
            "End that process or choose another chip: one process has a chip at a time. "
            "Models of one process share it with isolate=False",
        ) from None
    os.ftruncate(file, 0)
    os.pwrite(file, str(os.getpid()).encode(), 0)
    return file
