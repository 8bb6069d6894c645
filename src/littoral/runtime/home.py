"""Where littoral keeps things: what it can make again, and what it cannot."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_LINUX: bool = sys.platform == "linux"


def cache_folder() -> Path:
    """LITTORAL_HOME, by default the user's cache folder: what can be made again."""
    if home := os.environ.get("LITTORAL_HOME"):
        return Path(home)
    if _LINUX:  # as platformdirs has it, 9 ms sooner, which counts when a program starts
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "littoral"
    from platformdirs import user_cache_path

    return user_cache_path("littoral")


def data_folder() -> Path:
    """LITTORAL_HOME, by default the user's folder of data: what a person would miss."""
    if home := os.environ.get("LITTORAL_HOME"):
        return Path(home)
    from platformdirs import user_data_path

    return user_data_path("littoral")
