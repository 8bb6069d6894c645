"""Native libraries write to standard error on their own; what says nothing to anyone is left out."""

from __future__ import annotations

import atexit
import os
import sys
import threading

_NOISE = (b"INFO: Created TensorFlow Lite ", b"INFO: Initialized TensorFlow Lite runtime")


def hush() -> None:
    """From now on, leave out LiteRT's announcements; everything else comes through, line by line.

    For programs, not for the library: it takes over file descriptor 2 of the process.
    """
    own = os.dup(2)
    read_end, write_end = os.pipe()
    os.dup2(write_end, 2)
    os.close(write_end)
    sys.stderr = os.fdopen(os.dup(own), "w", buffering=1, encoding="utf-8", errors="backslashreplace")
    follower = threading.Thread(target=_follow, args=(read_end, own), daemon=True)
    follower.start()

    def end() -> None:
        os.dup2(own, 2)  # closes the last writing end, unless a child process still has it
        follower.join(timeout=0.2)

    atexit.register(end)


def _follow(source: int, target: int) -> None:
    with os.fdopen(source, "rb") as lines:
        for line in lines:
            if not line.startswith(_NOISE):
                os.write(target, line)
