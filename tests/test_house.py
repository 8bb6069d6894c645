"""What the documents promise of the house holds: versions, the table of packages, the size of files."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import littoral

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "littoral"


def test_changelog_and_packages_have_one_version() -> None:
    changelog = re.findall(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    npm = json.loads((ROOT / "js" / "package.json").read_text())["version"]
    assert littoral.__version__ == changelog[0] == npm


def test_architecture_lists_every_package() -> None:
    table = set(re.findall(r"^\| `littoral\.(\w+)` \|", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE))
    modules = [path for path in PACKAGE.iterdir() if path.is_dir() or path.suffix == ".py"]
    found = {path.stem for path in modules if not path.stem.startswith("_")}
    assert found == table


def _imported(package: Path) -> set[str]:
    """The packages of ours that a package imports, type checking included."""
    files = package.rglob("*.py") if package.is_dir() else [package]
    own = package.stem
    found = {name for file in files for name in re.findall(r"from littoral\.(\w+)", file.read_text())}
    return found - {own, "errors"}


def test_packages_import_what_the_table_lets_them() -> None:
    rows = re.findall(r"^\| `littoral\.(\w+)` \|.*\| ([^|]*) \|$", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE)
    for name, column in rows:
        if column != "all":
            place = PACKAGE / name
            allowed = {word.strip() for word in column.split(",")}
            assert _imported(place if place.is_dir() else place.with_suffix(".py")) <= allowed, name


def test_files_are_short() -> None:
    long = {str(p.relative_to(ROOT)): n for p in PACKAGE.rglob("*.py") if (n := p.read_text().count("\n")) > 400}
    assert not long


def test_lock_files_name_no_download_address() -> None:
    for name in ("requirements.lock", "bootstrap.lock", "js/package-lock.json"):
        text = (ROOT / name).read_text()
        addresses = re.findall(r"https?://[^/\"\s]+", text)
        assert set(addresses) <= {"https://opencollective.com", "https://github.com"}, name


def test_nothing_of_the_shared_data_is_in_the_repository(shared_data: Path) -> None:
    def digests(paths: list[Path]) -> set[int]:
        return {hash(p.read_bytes()) for p in paths if p.is_file() and p.stat().st_size > 200}

    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    ours = digests([ROOT / name for name in tracked.split("\0") if name and name != "LICENSE"])
    assert not ours & digests(list(shared_data.rglob("*")))
