"""littoral export, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from littoral.cli import app


def test_a_site_is_made(flowers: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    model = flowers / "models" / "model.tflite"
    done = CliRunner().invoke(app, ["export", str(model), "-o", str(folder), "--no-fallback"])
    assert done.exit_code == 0
    assert "what a browser fetches: WebNN, 14 calls" in done.stdout
    assert "LiteRT.js" not in done.stdout
    assert f"python -m http.server --directory {folder}" in done.stdout


def test_json_and_labels(flowers: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(f"flower {i}" for i in range(10)))
    folder = tmp_path / "site"
    model = flowers / "models" / "model.tflite"
    options = ["--labels", str(labels), "--no-fallback", "--json", "--task", "classify"]
    done = CliRunner().invoke(app, ["export", str(model), "-o", str(folder), *options])
    made = json.loads(done.stdout)
    assert (made["task"], made["fallback"], made["folder"]) == ("classify", 0, str(folder))
    assert made["files"]["model.json"] == (folder / "model.json").stat().st_size
    assert json.loads((folder / "model.json").read_text())["contract"]["labels"][3] == "flower 3"
