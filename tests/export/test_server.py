"""Folders served to a page."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from urllib.error import HTTPError, URLError

import pytest

from littoral.export.server import ISOLATION, serving


def test_files_come_with_the_headers_that_isolate(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"\0\1")
    with serving(tmp_path) as address, urllib.request.urlopen(f"{address}a.bin") as answer:
        assert answer.read() == b"\0\1"
        assert {name: answer.headers[name] for name in ISOLATION} == ISOLATION


def test_other_headers_take_their_place(tmp_path: Path) -> None:
    with serving(tmp_path, {"X-Of-Mine": "1"}) as address, urllib.request.urlopen(address) as answer:
        assert answer.headers["X-Of-Mine"] == "1"
        assert not any(name in answer.headers for name in ISOLATION)


def test_only_the_folder_is_served(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    site = tmp_path / "site"
    site.mkdir()
    with serving(site) as address, pytest.raises(HTTPError, match="404"):
        urllib.request.urlopen(f"{address}../secret")


def test_it_ends_with_the_block(tmp_path: Path) -> None:
    with serving(tmp_path) as address:
        pass
    with pytest.raises(URLError):
        urllib.request.urlopen(address)
