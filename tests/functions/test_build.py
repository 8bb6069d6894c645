"""From source to module: what is in it, and what is said where there is none."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from littoral.errors import MissingExtraError
from littoral.functions.build import BuildError, build
from littoral.functions.errors import ManifestError
from littoral.functions.wasm import Module

pytest.importorskip("ziglang")

C = '#include <littoral.h>\nLT_EXPORT(handle) int32_t handle(void) { lt_answer("hi", 2); return 0; }\n'
TS = 'import { answer } from "littoral";\n\nexport function handle(): i32 {\n  answer("hi");\n  return 0;\n}\n'

needs_node = pytest.mark.skipif(shutil.which("npm") is None, reason="AssemblyScript needs Node.js")


def folder_with(tmp_path: Path, **files: str) -> Path:
    (tmp_path / "function.toml").write_text('name = "small"\n')
    for name, text in files.items():
        (tmp_path / name.replace("_", ".")).write_text(text)
    return tmp_path


def exports(file: Path) -> set[str]:
    return {export.name for export in Module.read(file.read_bytes(), file.name).exports}


def test_a_small_function_in_c_is_small(tmp_path: Path) -> None:
    built = build(folder_with(tmp_path, main_c=C))
    assert built.module == tmp_path / "small.wasm"
    assert built.size == built.module.stat().st_size < 4000
    assert (built.language, built.warnings) == ("c", "")
    assert exports(built.module) == {"memory", "_initialize", "handle"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["function.toml", "main.c", "small.wasm"]


def test_two_builds_are_one_module(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, main_c=C, other_c="int three(void) { return 3; }\n")
    first = build(folder).module.read_bytes()
    assert build(folder, tmp_path / "elsewhere.wasm").module.read_bytes() == first


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (C + "int f(void) { return x; }\n", "main.c:3:22: error: use of undeclared identifier 'x'"),
        ('#include "none.h"\n', "main.c:1:10: fatal error: 'none.h' file not found"),
        (C + "int f(void) { return x; }\nint g(void) { return y; }\n", "(1 more)"),
        (C + "int g(void);\nLT_EXPORT(f) int f(void) { return g(); }\n", "main.c: error: undefined symbol: g"),
        ("int f(void) { return 1; }\n", "exports no 'handle'"),
    ],
)
def test_errors_of_c_name_file_and_line(tmp_path: Path, source: str, says: str) -> None:
    with pytest.raises(BuildError) as caught:
        build(folder_with(tmp_path, main_c=source))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["function.toml", "main.c"]


def test_warnings_are_kept(tmp_path: Path) -> None:
    built = build(folder_with(tmp_path, main_c=C + "static int f(void) { return 1; }\n"))
    assert "main.c:3:12: warning: unused function 'f'" in built.warnings


def test_a_folder_without_source_or_manifest(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"function\.toml cannot be read"):
        build(tmp_path)
    with pytest.raises(BuildError, match=r"has no source. Accepted: .c files, or index.ts"):
        build(folder_with(tmp_path))


def test_without_the_c_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"littoral\[functions\]"):
        build(folder_with(tmp_path, main_c=C))


def test_without_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BuildError, match="AssemblyScript needs node, which is not here"):
        build(folder_with(tmp_path, index_ts=TS))


@needs_node
def test_assemblyscript(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, index_ts=TS)
    built = build(folder)
    assert built.language == "assemblyscript"
    assert built.size < 4000
    assert exports(built.module) == {"memory", "_initialize", "handle"}
    (folder / "index.ts").write_text(TS + "export function f(): i32 {\n  return nothing;\n}\n")
    with pytest.raises(BuildError, match=r"index.ts:8:10: error: TS2304: Cannot find name 'nothing'") as caught:
        build(folder)
    assert "return nothing;" in caught.value.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["function.toml", "index.ts", "small.wasm"]


@needs_node
def test_an_abort_is_a_line_of_the_log(tmp_path: Path) -> None:
    from littoral.functions import compiled, manifest
    from littoral.functions.errors import FunctionError
    from littoral.functions.function import Function

    aborts = 'export function handle(): i32 {\n  throw new Error("no such luck");\n}\n'
    folder = folder_with(tmp_path, index_ts=aborts)
    described = manifest.read(folder / "function.toml")
    module = compiled.compile(build(folder).module.read_bytes(), described)
    with Function(module, described) as function, pytest.raises(FunctionError) as caught:
        function.invoke()
    assert "index.ts:2:3: no such luck" in caught.value.log
