"""LiteRT.js is found, or fetched, or the error says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from littoral.errors import SourceError
from littoral.export import litertjs as module


def test_it_is_copied_with_paths_that_a_page_resolves(litertjs: Path, tmp_path: Path) -> None:
    folder = tmp_path / module.add(tmp_path)
    assert folder.name == f"litert-{module.VERSION}"
    assert "@litertjs/" not in (folder / "index.js").read_text().partition("from ")[2].partition(";")[0]
    assert (folder / "wasm-utils.js").is_file()
    assert len(list(folder.glob("*.wasm"))) == 3


def test_a_folder_above_is_searched(litertjs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(module.ENVIRONMENT)
    monkeypatch.chdir(litertjs.parent / "web")
    assert module.find() == litertjs


def test_a_named_folder_without_it_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(module.ENVIRONMENT, str(tmp_path))
    with pytest.raises(SourceError, match="there is no @litertjs/core"):
        module.find()


def test_without_npm_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match="npm is not either") as refused:
        module.fetch(tmp_path)
    assert "--no-fallback" in str(refused.value)


@pytest.mark.parametrize("says", ["echo E404 >&2; exit 1", "exit 3"])
def test_an_npm_that_fails_is_quoted(says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = tmp_path / "npm"
    npm.write_text(f"#!/bin/sh\n{says}\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match=r"npm does not fetch LiteRT\.js: (E404|it says nothing)"):
        module.fetch(tmp_path)


def test_packages_of_npm_are_unpacked(litertjs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tarfile

    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text("#!/bin/sh\nexit 0\n")
    npm.chmod(0o755)
    room = tmp_path / "room"
    room.mkdir()
    for package in module.PACKAGES:
        name = package.removeprefix("@").replace("/", "-")
        with tarfile.open(room / f"{name}-{module.VERSION}.tgz", "w:gz") as archive:
            archive.add(litertjs / package / "package.json", "package/package.json")
            archive.add(litertjs / package / "package.json", "package/../../outside")
    monkeypatch.setenv("PATH", f"{npm.parent}:/bin:/usr/bin")
    assert module.fetch(room) == room
    assert module._is_complete(room)
    assert not (tmp_path / "outside").exists()
