"""Manifests: what a function is, and what it may use, in TOML.

name = "classify"            # letters, digits, - and _
module = "classify.wasm"     # this is the default
entry = "handle"             # an export; "_start" for a command
route = "classify"           # what comes after /functions/
host_calls = ["lookup"]      # functions of the owner's that it may import
load_models = false          # whether it may load models from bytes of its own

[models.classifier]          # models that it may call, by name
file = "mobilenet.tflite"    # or given when it is deployed
device = "cpu"
threads = 1

[files]                      # path in the sandbox = file beside the manifest
"labels.txt" = "labels.txt"

[limits]
memory = "64 MiB"
time = 10.0                  # seconds
output = "1 MiB"
concurrency = 16             # requests at once in one process

[environment]
arguments = ["--fast"]
clock = "real"               # or seconds since 1970, which all requests see
random = "real"              # or a whole number, from which all requests draw the same bytes
variables = { LANGUAGE = "en" }

[[self_test]]                # run before the function goes live
body = "parrot.bmp"          # a file beside the manifest
status = 0
contains = "macaw"           # what the answer must contain
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from littoral.functions.errors import ManifestError
from littoral.functions.files import Folder
from littoral.functions.host import Environment, ModelLike, World
from littoral.functions.limits import Limits, parse_size
from littoral.functions.toml import Place, read_toml

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_NAME_HINT = "letters, digits, - and _, up to 64"


@dataclass(frozen=True)
class ModelUse:
    """A model that a function calls: its file beside the manifest, if it is named there, and where it runs."""

    file: str | None = None
    device: str = "cpu"
    threads: int | None = None


@dataclass(frozen=True)
class SelfTest:
    """A request that must be answered so before a function goes live; `body` is a file, or empty."""

    body: str = ""
    status: int = 0
    contains: str = ""


@dataclass(frozen=True)
class Manifest:
    """What a function is, and what it may use; the module's text says what the fields mean."""

    name: str
    module: str
    entry: str = "handle"
    route: str = ""
    models: Mapping[str, ModelUse] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    environment: Environment = field(default_factory=Environment)
    host_calls: tuple[str, ...] = ()
    load_models: bool = False
    self_test: tuple[SelfTest, ...] = ()

    def read_files(self, folder: str | os.PathLike[str]) -> dict[str, bytes]:
        """The files, by path in the sandbox.

        Args:
            folder: Where the manifest lies.

        Raises:
            ManifestError: One cannot be read.
        """
        return {inside: read_beside(folder, file) for inside, file in self.files.items()}

    def world(self, files: Folder, models: Mapping[str, ModelLike] | None) -> World:
        """What its requests share."""
        return World(self.name, self.limits, self.environment, files, models, self.load_models)

    def preparing(self, files: Folder, time: float) -> World:
        """What its initialisation sees: no models, and more time."""
        limits = Limits(self.limits.memory, max(time, self.limits.time), self.limits.output)
        return World(self.name, limits, self.environment, files, None)


def read_beside(folder: str | os.PathLike[str], file: str) -> bytes:
    """A file that a manifest names.

    Raises:
        ManifestError: It cannot be read, or lies elsewhere.
    """
    place = Path(folder).resolve()
    path = (place / file).resolve()
    if not path.is_relative_to(place):
        raise ManifestError(f"{file} is not in the folder of the manifest", "Copy it there")
    try:
        return path.read_bytes()
    except OSError as error:
        raise ManifestError(f"{path} cannot be read: {error.strerror}", "The manifest names it") from error


def read(path: str | os.PathLike[str]) -> Manifest:
    """Reads a manifest.

    Raises:
        ManifestError: It cannot be read, or is malformed; the error names the line.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ManifestError(f"{path} cannot be read: {error.strerror}", "Name a manifest, function.toml") from error
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path} is not text in UTF-8", "A manifest is TOML") from error
    return parse(text, str(path))


def parse(text: str, where: str = "the manifest") -> Manifest:
    """Reads the text of a manifest.

    Args:
        text: TOML.
        where: Names it in errors.

    Raises:
        ManifestError: It is malformed; the error names the line.
    """
    top = read_toml(text, where)
    name = top.text("name")
    if not _NAME.fullmatch(name):
        raise top.error("name", f"{name!r} is no name", _NAME_HINT)
    route = top.text("route", name)
    if not _NAME.fullmatch(route):
        raise top.error("route", f"{route!r} is no route", _NAME_HINT)
    made = Manifest(
        name=name,
        module=_file(top, "module", f"{name}.wasm"),
        entry=top.text("entry", "handle"),
        route=route,
        models={model: _model(place) for model, place in top.table("models").tables()},
        files=_files(top.table("files")),
        limits=_limits(top.table("limits")),
        environment=_environment(top.table("environment")),
        host_calls=tuple(top.texts("host_calls")),
        load_models=top.flag("load_models", False),
        self_test=tuple(_self_test(place) for place in top.list_of_tables("self_test")),
    )
    top.finish()
    return made


def _model(place: Place) -> ModelUse:
    file = _file(place, "file", "") or None
    threads = place.whole("threads", 0, least=1) or None
    made = ModelUse(file, place.text("device", "cpu"), threads)
    place.finish()
    return made


def _file(place: Place, key: str, default: str) -> str:
    file = place.text(key, default)
    if file.startswith("/") or ".." in file.split("/") or "\0" in file:
        raise place.error(key, f"{file!r} leads out of the manifest's folder", "a path below it")
    return file


def _files(place: Place) -> dict[str, str]:
    found: dict[str, str] = {}
    for inside in place.names():
        parts = inside.split("/")
        if not all(parts) or {".", ".."} & set(parts) or "\0" in inside:
            raise place.error(inside, f"{inside!r} is no path in the sandbox", "names with / between them")
        if any(inside.startswith(f"{other}/") or other.startswith(f"{inside}/") for other in found):
            raise place.error(inside, f"{inside!r} is a file and a folder", "each of them one")
        found[inside] = _file(place, inside, "")
    return found


def _limits(place: Place) -> Limits:
    default = Limits()
    made = Limits(
        memory=_bytes(place, "memory", default.memory, 4 << 30),
        time=place.number("time", default.time, least=0.001, most=3600),
        output=_bytes(place, "output", default.output, 1 << 30),
        concurrency=place.whole("concurrency", default.concurrency, least=1),
    )
    place.finish()
    return made


def _bytes(place: Place, key: str, default: int, most: int) -> int:
    value = place.any(key, default)
    size = parse_size(value) if isinstance(value, str) else value
    if type(size) is not int or not 0 < size <= most:
        raise place.error(key, f"{value!r} is no size", f'as in "64 MiB", up to {most >> 30} GiB')
    return size


def _environment(place: Place) -> Environment:
    clock, random = place.any("clock", "real"), place.any("random", "real")
    if clock != "real" and (type(clock) not in (int, float) or not 0 <= clock < 1 << 33):
        raise place.error("clock", f"{clock!r} is no clock", '"real", or seconds since 1970')
    if random != "real" and type(random) is not int:
        raise place.error("random", f"{random!r} is no source of random numbers", '"real", or a whole number')
    variables = place.table("variables")
    made = Environment(
        variables={name: variables.text(name) for name in variables.names()},
        arguments=tuple(place.texts("arguments")),
        clock=None if clock == "real" else float(clock),
        random=None if random == "real" else random,
    )
    place.finish()
    return made


def _self_test(place: Place) -> SelfTest:
    made = SelfTest(_file(place, "body", ""), place.whole("status", 0), place.text("contains", ""))
    place.finish()
    return made
