"""What is shipped is what the sources make."""

from __future__ import annotations

import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest
from tests.export.conftest import MODULES, ROOT

from littoral.export.web import SHIPPED

SITE = Path(str(files("littoral.export") / "site"))
LIMIT = 20_000  # bytes of littoral-web.js


def test_the_script_is_small_and_needs_nothing() -> None:
    script = SITE / "littoral-web.js"
    assert script.stat().st_size <= LIMIT
    assert ' from"' not in script.read_text()


def test_the_shipped_files_are_built_of_the_sources(tmp_path: Path) -> None:
    if not (MODULES / "esbuild").is_dir() or shutil.which("node") is None:
        pytest.skip("no esbuild in js/node_modules: make test gets it")
    subprocess.run(["node", str(ROOT / "js" / "scripts" / "build-web.mjs"), str(tmp_path)], check=True)
    assert {path.name for path in SITE.iterdir()} == {path.name for path in tmp_path.iterdir()} == set(SHIPPED)
    for built in tmp_path.iterdir():
        assert built.read_bytes() == (SITE / built.name).read_bytes(), f"{built.name}: cd js && npm run build:web"
