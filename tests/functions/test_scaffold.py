"""New functions from the templates."""

from __future__ import annotations

import io
from pathlib import Path
from typing import get_args

import pytest
from PIL import Image

from littoral.functions import manifest
from littoral.functions.build import Language
from littoral.functions.errors import ManifestError
from littoral.functions.scaffold import new


@pytest.mark.parametrize("language", get_args(Language))
def test_a_new_function_has_source_manifest_and_a_picture(tmp_path: Path, language: Language) -> None:
    folder = new("what-is-it", language, tmp_path)
    assert folder == tmp_path / "what-is-it"
    assert (folder / {"c": "main.c", "assemblyscript": "index.ts"}[language]).is_file()
    described = manifest.read(folder / "function.toml")
    assert (described.name, list(described.models), described.module) == (
        "what-is-it",
        ["classifier"],
        "what-is-it.wasm",
    )
    assert [test.status for test in described.self_test] == [0, 400]
    with Image.open(io.BytesIO((folder / described.self_test[0].body).read_bytes())) as picture:
        assert picture.size == (32, 32)
        assert picture.getpixel((31, 0)) == (247, 247, 128)
    assert [path.name for path in tmp_path.iterdir()] == ["what-is-it"]


@pytest.mark.parametrize("name", ["", "a b", "../a", ".a", "a" * 65, "naïve"])
def test_names_that_are_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(ManifestError, match="is no name of a function"):
        new(name, "c", tmp_path)


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    with pytest.raises(ManifestError, match="is there already"):
        new("there", "c", tmp_path)
    with pytest.raises(ManifestError, match="no such parent folder"):
        new("there", "c", tmp_path / "nowhere")
    with pytest.raises(ManifestError, match=r"'rust' is no language of a template. Accepted: c, assemblyscript"):
        new("other", "rust", tmp_path)  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
