"""From a function's source to its module: C by ziglang from PyPI, AssemblyScript by its own compiler from npm."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from littoral.errors import LittoralError, MissingExtraError
from littoral.functions import manifest
from littoral.functions.wasm import Module
from littoral.runtime.home import cache_folder

Language = Literal["c", "assemblyscript"]

ASSEMBLYSCRIPT = "0.28.20"
"""The version of the compiler that is installed where a function brings none of its own."""

SDK = Path(__file__).parent / "sdk"

# 1 MiB of stack, which lies below all else, so that running out of it is a trap; the default is 16 MiB.
_STACK = "-Wl,-z,stack-size=1048576"
_C = ("-target", "wasm32-wasi", "-mexec-model=reactor", "-msimd128", "-O2", "-Wall", "-s", "-Wl,--gc-sections", _STACK)
# No garbage is collected: an instance lives for one request. An abort becomes a line of the log.
_ASC = (
    "-O3",
    "--runtime",
    "stub",
    "--exportStart",
    "_initialize",
    "--enable",
    "simd",
    "--use",
    "abort=~lib/littoral/abort",
)

_COLOUR = re.compile("\x1b\\[[0-9;]*m")
_C_ERROR = re.compile(r"^\S+: (?:fatal )?error: .*|^error: .*", re.MULTILINE)
_LINKER = re.compile(
    r"^wasm-ld: error: (?:\S*[\\/])?([^\s\\/]+)\.o: ", re.MULTILINE
)  # objects lie somewhere in a cache
_ASC_ERROR = re.compile(
    r"^ERROR (?P<what>.*?)$(?:.*?in (?P<file>[^\s(]+)\((?P<line>\d+),(?P<column>\d+)\))?", re.M | re.S
)


class BuildError(LittoralError):
    """A function cannot be built.

    Attributes:
        output: All that the compiler said; empty where it did not run.
    """

    def __init__(self, cause: str, remedy: str = "", output: str = "") -> None:
        super().__init__(cause, remedy)
        self.output = output

    def __reduce__(self) -> tuple[type[BuildError], tuple[str, str, str]]:
        return (type(self), (self.cause, self.remedy, self.output))


@dataclass(frozen=True)
class Built:
    """A module that was built.

    Attributes:
        module: Its file.
        size: Bytes of it.
        language: Of its source.
        warnings: What the compiler said though it was done; empty where nothing.
    """

    module: Path
    size: int
    language: Language
    warnings: str


def build(folder: str | os.PathLike[str], output: str | os.PathLike[str] | None = None) -> Built:
    """Builds the function in a folder: all of its `.c` files, or `index.ts`.

    The first build of C on a machine takes about half a minute, as the C library is compiled too; the first one of
    AssemblyScript installs the compiler.

    Args:
        folder: Has function.toml and the source.
        output: Where the module goes; by default where the manifest has it.

    Raises:
        BuildError: There is no source, it does not compile, or the module has not the manifest's entry.
        ManifestError: The manifest cannot be read.
        MissingExtraError: ziglang is not installed.
    """
    place = Path(folder)
    described = manifest.read(place / "function.toml")
    target = Path(output) if output is not None else place / described.module
    language, sources = _sources(place)
    with tempfile.TemporaryDirectory(prefix=".build-", dir=target.parent) as scratch:
        made = Path(scratch).resolve() / "module.wasm"
        warnings = _compile_c(place, sources, made) if language == "c" else _compile_assemblyscript(place, made)
        _check(made, described.entry, language)
        size = made.stat().st_size
        made.replace(target)
    return Built(target, size, language, warnings)


def _sources(place: Path) -> tuple[Language, Sequence[str]]:
    if (place / "index.ts").is_file():
        return "assemblyscript", ("index.ts",)
    if found := sorted(path.name for path in place.glob("*.c")):
        return "c", found
    raise BuildError(
        f"{place} has no source", "Accepted: .c files, or index.ts; littoral function new makes a template"
    )


def _check(made: Path, entry: str, language: Language) -> None:
    exports = {export.name for export in Module.read(made.read_bytes(), made.name).exports}
    if entry not in exports:
        way = f"LT_EXPORT({entry})" if language == "c" else f"export function {entry}(): i32"
        raise BuildError(f"the source exports no {entry!r}, which the manifest calls its entry", f"Write {way}")


def _run(command: Sequence[str], place: Path) -> tuple[bool, str]:
    """Whether a compiler was done, and what it said."""
    plain = {**os.environ, "NO_COLOR": "1", "FORCE_COLOR": "0"}  # colours come in CI, which is no terminal either
    done = subprocess.run(command, cwd=place, env=plain, stdin=subprocess.DEVNULL, capture_output=True)
    return done.returncode == 0, _COLOUR.sub("", (done.stdout + done.stderr).decode(errors="replace")).strip()


def _compile_c(place: Path, sources: Sequence[str], made: Path) -> str:
    if importlib.util.find_spec("ziglang") is None:
        raise MissingExtraError("ziglang, the C compiler,", "functions")
    library = sorted(map(str, (SDK / "c").glob("*.c")))
    command = [sys.executable, "-m", "ziglang", "cc", *_C, "-I", str(SDK / "c"), *sources, *library, "-o", str(made)]
    good, said = _run(command, place)
    said = _LINKER.sub(r"\1.c: error: ", said)
    if not good:
        raise _failed(place, _C_ERROR.findall(said), said)
    return said


def _compile_assemblyscript(place: Path, made: Path) -> str:
    node = _program("node")
    compiler = _compiler(place)
    library = os.path.relpath(SDK / "assemblyscript", place.resolve())
    target = os.path.relpath(made, place.resolve())  # the compiler takes all paths as relative ones
    good, said = _run([node, str(compiler), "index.ts", "--lib", library, *_ASC, "--outFile", target], place)
    if not good:
        found = [_located(match) for match in _ASC_ERROR.finditer(said)]
        raise _failed(place, found, said)
    return said


def _located(match: re.Match[str]) -> str:
    where = f"{match['file']}:{match['line']}:{match['column']}: " if match["file"] else ""
    return f"{where}error: {match['what']}"


def _failed(place: Path, errors: Sequence[str], said: str) -> BuildError:
    first = errors[0] if errors else (said.splitlines() or ["the compiler says nothing"])[-1]
    more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    return BuildError(f"{place.resolve().name} does not compile: {first}{more}", "", said)


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise BuildError(f"AssemblyScript needs {name}, which is not here", "Install Node.js 20 or later, or write C")
    return found


def _compiler(place: Path) -> Path:
    """The function's own compiler, else the one that all share, which is installed when it is first needed."""
    inside = Path("node_modules", "assemblyscript", "bin", "asc.js")
    if (place / inside).is_file():
        return (place / inside).resolve()
    shared = cache_folder() / "assemblyscript" / ASSEMBLYSCRIPT
    if not (shared / inside).is_file():
        _install(shared)
    return shared / inside


def _install(shared: Path) -> None:
    shared.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".install-", dir=shared.parent) as scratch:
        new = Path(scratch) / "new"
        new.mkdir()
        quiet = ("--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--prefix", str(new))
        good, said = _run([_program("npm"), "install", *quiet, f"assemblyscript@{ASSEMBLYSCRIPT}"], new)
        if not good:
            raise BuildError("the AssemblyScript compiler cannot be installed by npm", "See what npm says", said)
        try:
            new.replace(shared)
        except OSError:  # another build was faster
            if not shared.is_dir():
                raise
