"""Compiled regions on disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from littoral.openvino import cache


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LITTORAL_HOME", str(tmp_path))
    return tmp_path / "openvino"


def test_what_is_kept_comes_back(folder: Path) -> None:
    assert cache.get("a") is None
    cache.put("a", b"compiled")
    assert cache.get("a") == b"compiled"
    assert [path.name for path in folder.iterdir()] == ["a"]


@pytest.mark.parametrize("damage", [b"", b"short", bytes(32), bytes(60)])
def test_what_is_damaged_does_not(folder: Path, damage: bytes) -> None:
    cache.put("a", b"compiled")
    (folder / "a").write_bytes(damage)
    assert cache.get("a") is None
    cache.put("a", b"again")
    assert cache.get("a") == b"again"


def test_what_was_not_used_for_longest_goes_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LIMIT", 3 * 132)
    for age, name in enumerate("abc"):
        cache.put(name, bytes(100))
        os.utime(folder / name, (age, age))
    cache.get("a")
    cache.put("d", bytes(100))
    assert sorted(path.name for path in folder.iterdir()) == ["a", "c", "d"]


def test_a_disk_that_takes_nothing_is_no_error(folder: Path) -> None:
    folder.write_bytes(b"a file where the folder should be")
    cache.put("a", b"compiled")
    assert cache.get("a") is None


def test_names_tell_everything_apart() -> None:
    names = {cache.key(b"a", 1), cache.key(b"a", 2), cache.key(b"b", 1), cache.key(b"a", 1, None), cache.key(b"a")}
    assert len(names) == 5
    assert cache.key(b"a", 1) in names
