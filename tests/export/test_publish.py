"""A folder appears whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from littoral.errors import SourceError
from littoral.export import publish as module
from littoral.export.publish import publish


def make(folder: Path, text: str) -> None:
    with publish(folder, "mark") as made:
        (made / "mark").write_text(text)


@pytest.mark.parametrize("swaps", [True, False])
def test_it_appears_and_is_replaced(swaps: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not swaps:
        monkeypatch.setattr(module, "_exchange", lambda a, b: False)
    folder = tmp_path / "deep" / "site"
    make(folder, "first")
    (folder / "more").touch()
    make(folder, "second")
    assert [path.name for path in folder.iterdir()] == ["mark"]
    assert (folder / "mark").read_text() == "second"
    assert list(folder.parent.iterdir()) == [folder]


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    make(tmp_path / "site", "first")

    def interrupted() -> None:
        with publish(tmp_path / "site", "mark") as made:
            (made / "mark").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (tmp_path / "site" / "mark").read_text() == "first"
    assert list(tmp_path.iterdir()) == [tmp_path / "site"]


def test_other_things_are_not_touched(tmp_path: Path) -> None:
    other = tmp_path / "photos"
    other.mkdir()
    (other / "cat.jpg").touch()
    with pytest.raises(SourceError, match="has other files, and no mark"):
        make(other, "")
    with pytest.raises(SourceError, match="is there and is no folder"):
        make(other / "cat.jpg", "")
    assert [path.name for path in other.iterdir()] == ["cat.jpg"]


def test_an_empty_folder_is_taken_and_others_may_look_in(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    make(folder, "")
    plain = tmp_path / "plain"
    plain.mkdir()
    assert folder.stat().st_mode == plain.stat().st_mode
