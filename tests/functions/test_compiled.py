"""Modules are checked, compiled once on a machine, and only our own machine code is loaded."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import wasmtime
from tests.functions.conftest import guest, imported

from littoral.functions import code, compiled, manifest
from littoral.functions.compiled import load, prepare
from littoral.functions.errors import ManifestError, ModuleError
from littoral.functions.function import Function

PLAIN = manifest.parse('name = "guest"')
HANDLE = '(func (export "handle") (result i32) (i32.const 7))'


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LITTORAL_HOME", str(tmp_path))
    return tmp_path / "functions-code"


def wat(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


@pytest.mark.parametrize(
    ("module", "says"),
    [
        (guest(HANDLE, imported("env", "system", "i32")), "imports env.system, a function that we do not offer"),
        (guest(HANDLE, imported("wasi_snapshot_preview1", "fd_steal", "i32")), "fd_steal.*Accepted of wasi_snapshot"),
        (guest(HANDLE, imported("wasi_ephemeral_nn", "compute", "i64")), r"as \(i64\) -> \(i32\); it is \(i32\)"),
        (wat(f'(module (import "env" "memory" (memory 1)) {HANDLE})'), "env.memory, a memory"),
        (wat(f"(module (memory 1) {HANDLE})"), "does not export memory"),
        (wat(f"(module {HANDLE})"), "has 0 memories"),
        (wat(f'(module (memory (export "memory") i64 1) {HANDLE})'), "64-bit memory"),
        (guest("")[:-3], "damaged"),
        (guest(HANDLE).replace(b"\x41\x07\x0b", b"\x41\x07\x1a"), "not valid WebAssembly"),
    ],
)
def test_modules_that_are_refused(module: bytes, says: str) -> None:
    with pytest.raises(ModuleError, match=says):
        prepare(module, PLAIN)


def test_an_entry_that_is_missing_or_of_another_type() -> None:
    with pytest.raises(ManifestError, match=r"no function 'handle'.*of that type: other"):
        prepare(guest('(func (export "handle") (param i32)) (func (export "other"))'), PLAIN)


def test_a_memory_larger_than_the_limit_is_refused() -> None:
    init = '(func (export "init") (drop (memory.grow (i32.const 9))))'
    small = manifest.parse('name = "guest"\n[limits]\nmemory = "700 KiB"')
    assert prepare(guest(HANDLE + init), small)
    with pytest.raises(ManifestError, match=r"begins with 640 KiB of memory, more than limits\.memory, 512 KiB"):
        Function(
            compiled.compile(guest(HANDLE + init), PLAIN),
            manifest.parse('name = "guest"\n[limits]\nmemory = "512 KiB"'),
        )


@pytest.mark.parametrize("files", [{"a": b"", "a/b": b""}, {"a/b": b"", "a": b""}])
def test_a_path_that_is_a_file_and_a_folder_is_refused(files: dict[str, bytes]) -> None:
    with pytest.raises(ManifestError, match="is a folder as well, or lies in a file"):
        prepare(guest(HANDLE + '(func (export "init"))'), PLAIN, files)


def never() -> bytes:
    raise AssertionError("it was read")


def kept(module: bytes) -> tuple[str, bytes]:
    prepared = prepare(module, PLAIN)
    digest = hashlib.sha256(prepared).hexdigest()
    load(digest, lambda: prepared)
    return digest, prepared


def works(found: compiled.Compiled) -> bool:
    with Function(found, PLAIN) as function:
        return function.invoke().status == 7


def test_machine_code_is_made_once(home: Path) -> None:
    digest, _ = kept(guest(HANDLE))
    assert works(load(digest, never))
    assert {path.suffix for path in home.iterdir()} == {".code", ".note"}
    assert [oct(path.stat().st_mode & 0o777) for path in (home, *home.iterdir())] == ["0o700", "0o600", "0o600"]


def test_machine_code_that_was_copied_is_known_by_its_hash(home: Path) -> None:
    digest, _ = kept(guest(HANDLE))
    shutil.copytree(home, home.with_name("copy"))
    shutil.rmtree(home)
    home.with_name("copy").rename(home)
    assert works(load(digest, never))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def link(path: Path) -> None:
    path.symlink_to(path.rename(path.with_suffix(".other")))


SPOILS: list[Callable[[Path, Path], object]] = [
    lambda file, note: flip(file),
    lambda file, note: file.write_bytes(file.read_bytes()[:100]),
    lambda file, note: file.chmod(0o666),
    lambda file, note: note.write_text("0" * 64),
    lambda file, note: note.write_bytes(b"\xff"),
    lambda file, note: note.unlink(),
    lambda file, note: file.unlink(),
    lambda file, note: link(file),
    lambda file, note: file.parent.chmod(0o777),
]


@pytest.mark.parametrize("spoil", SPOILS)
def test_machine_code_that_may_not_be_ours_is_not_loaded(home: Path, spoil: Callable[[Path, Path], object]) -> None:
    digest, prepared = kept(guest(HANDLE))
    (file,), (note,) = home.glob("*.code"), home.glob("*.note")
    spoil(file, note)
    reads = []
    assert works(load(digest, lambda: reads.append(1) or prepared))  # type: ignore[func-returns-value]
    assert reads == [1]


def test_machine_code_that_somebody_gives_is_refused() -> None:
    module = wasmtime.Module(wasmtime.Engine(), guest(HANDLE))
    with pytest.raises(ModuleError, match="native code"):
        prepare(bytes(module.serialize()), PLAIN)


def test_a_prepared_module_that_is_another_is_refused() -> None:
    prepared = prepare(guest(HANDLE), PLAIN)
    with pytest.raises(ModuleError, match="its hash is not 000000000000"):
        load("0" * 64, lambda: prepared)


def test_a_module_that_was_not_prepared_is_refused() -> None:
    module = guest(HANDLE + "(func $s (loop $l (br $l))) (start $s)")
    with pytest.raises(ModuleError, match="was not prepared"):
        load(hashlib.sha256(module).hexdigest(), lambda: module)


def test_without_a_folder_to_keep_it_in_it_is_compiled_each_time(home: Path) -> None:
    home.write_text("in the way")
    digest, prepared = kept(guest(HANDLE))
    assert works(load(digest, lambda: prepared))


def test_the_oldest_machine_code_goes_when_there_is_too_much(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = kept(guest(HANDLE))
    monkeypatch.setattr(code, "LARGEST_TOTAL", next(home.glob("*.code")).stat().st_size + 10)
    second, _ = kept(guest(HANDLE.replace("7", "8")))
    assert [path.name[:64] for path in home.glob("*.code")] == [second]
    assert first != second
