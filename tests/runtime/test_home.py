from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from littoral.runtime.home import cache_folder


@pytest.mark.parametrize("base", ["", "/somewhere/cache"])
def test_the_folder_is_the_platforms(monkeypatch: pytest.MonkeyPatch, base: str) -> None:
    monkeypatch.delenv("LITTORAL_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", base)
    assert cache_folder() == platformdirs.user_cache_path("littoral")


def test_littoral_home_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LITTORAL_HOME", str(tmp_path))
    assert cache_folder() == tmp_path
