"""Where littoral keeps what it can make again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """LITTORAL_HOME, by default the user's cache folder."""
    if home := os.environ.get("LITTORAL_HOME"):
        return Path(home)
    from platformdirs import user_cache_path

    return user_cache_path("littoral")
