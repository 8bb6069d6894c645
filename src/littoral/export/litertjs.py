"""LiteRT.js, the fallback of browsers without WebNN: found on this machine, or fetched by npm, and put into a site."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from littoral.errors import SourceError

PACKAGES = ("@litertjs/core", "@litertjs/wasm-utils")
VERSION = "2.5.3"  # what the page is tested with
ENVIRONMENT = "LITTORAL_LITERTJS"  # a node_modules folder

_TIMEOUT = 300  # seconds for npm: 11 MB on a slow line
_VARIANTS = ("litert_wasm_internal", "litert_wasm_threaded_internal", "litert_wasm_compat_internal")
_REMEDY = (
    f"Install npm, or name a node_modules folder with {PACKAGES[0]} by {ENVIRONMENT}, or export with --no-fallback"
)


def add(site: Path) -> str:
    """Copies LiteRT.js into a site.

    Args:
        site: The folder that is being made.

    Returns:
        The folder in it, with the version in its name.

    Raises:
        SourceError: It is not on this machine, and npm cannot fetch it.
    """
    with tempfile.TemporaryDirectory(prefix="littoral-") as room:
        modules = find() or fetch(Path(room))
        version = json.loads((modules / PACKAGES[0] / "package.json").read_text())["version"]
        folder = site / f"litert-{version}"
        folder.mkdir()
        wasm = modules / PACKAGES[0] / "wasm"
        for variant in _VARIANTS:
            for suffix in (".js", ".wasm"):
                shutil.copyfile(wasm / (variant + suffix), folder / (variant + suffix))
        # A page resolves only paths, and index.js names the other package as npm does.
        script = (modules / PACKAGES[0] / "dist" / "index.js").read_text()
        (folder / "index.js").write_text(script.replace(f'"{PACKAGES[1]}"', '"./wasm-utils.js"'))
        shutil.copyfile(modules / PACKAGES[1] / "dist" / "bundle.js", folder / "wasm-utils.js")
        return folder.name


def find() -> Path | None:
    """A node_modules folder with LiteRT.js: LITTORAL_LITERTJS, or that of the current folder or of one above it."""
    named = os.environ.get(ENVIRONMENT)
    if named:
        if not _is_complete(Path(named)):
            raise SourceError(
                f"{ENVIRONMENT} is {named}, where there is no {PACKAGES[0]}", "Name a node_modules folder"
            )
        return Path(named)
    here = Path.cwd()
    return next((path for folder in (here, *here.parents) if _is_complete(path := folder / "node_modules")), None)


def _is_complete(modules: Path) -> bool:
    return all((modules / package / "package.json").is_file() for package in PACKAGES)


def fetch(room: Path) -> Path:
    """Fetches LiteRT.js by npm into a folder, as node_modules would hold it.

    Raises:
        SourceError: There is no npm, or it cannot.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise SourceError("LiteRT.js is not on this machine, and npm is not either", _REMEDY)
    wanted = [f"{package}@{VERSION}" for package in PACKAGES]
    command = [npm, "pack", "--silent", "--pack-destination", str(room), *wanted]
    try:
        done = subprocess.run(command, cwd=room, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"npm did not fetch LiteRT.js in {_TIMEOUT} seconds", _REMEDY) from error
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it says nothing"]
        raise SourceError(f"npm does not fetch LiteRT.js: {said[-1]}", _REMEDY)
    for package in PACKAGES:
        (packed,) = room.glob(f"{package.removeprefix('@').replace('/', '-')}-*.tgz")
        _unpack(packed, room / package)
    return room


def _unpack(packed: Path, folder: Path) -> None:
    """The files of an npm package, whose archive has them in a folder `package`."""
    with tarfile.open(packed) as archive:
        for member in archive:
            inner = Path(member.name)
            if not member.isfile() or inner.is_absolute() or ".." in inner.parts:
                continue
            target = folder.joinpath(*inner.parts[1:])
            target.parent.mkdir(parents=True, exist_ok=True)
            source = archive.extractfile(member)
            if source is not None:
                target.write_bytes(source.read())
