"""Deploying: the whole way from a folder to answers, and every way in which it fails and leaves the old version."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.functions.conftest import guest

from littoral.errors import LittoralError, ModelFileError
from littoral.functions.deploy import deploy
from littoral.functions.errors import DeployError, ManifestError, ModuleError
from littoral.functions.shelf import Shelf
from littoral.functions.store import Store

ECHO = """
  (func (export "handle") (result i32)
    (local $size i32)
    (local.set $size (call $body (i32.const 1024) (i32.const 4096)))
    (call $say (i32.const 1) (i32.const 1024) (local.get $size))
    (local.get $size))
"""
TRAP = '(func (export "handle") (result i32) unreachable)'
GRUMBLER = """
  (data (i32.const 64) "reading\\0ano labels\\0a")
  (func (export "init") (call $say (i32.const 2) (i32.const 64) (i32.const 18)) unreachable)
  (func (export "handle") (result i32) (i32.const 0))
"""
MODEL = "mobilenet_v1_0.25_128_quant.tflite"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def folder(tmp_path: Path, code: str, lines: str = "") -> Path:
    """A function's folder."""
    place = tmp_path / "echo"
    place.mkdir(exist_ok=True)
    (place / "echo.wasm").write_bytes(guest(code))
    (place / "function.toml").write_text(f'name = "echo"\n{lines}\n')
    (place / "body.txt").write_text("abc")
    return place


def answer(store: Store, body: bytes) -> tuple[int, bytes]:
    shelf = Shelf(store)
    with shelf.lease("echo") as lease:
        given = lease.function.invoke(body)
    shelf.close()
    return given.status, given.body


def test_a_function_is_deployed_and_answers(store: Store, tmp_path: Path) -> None:
    steps: list[str] = []
    test = '[[self_test]]\nbody = "body.txt"\nstatus = 3\ncontains = "bc"'
    version = deploy(store, folder(tmp_path, ECHO, test), told=steps.append)
    assert (version.number, version.route, version.models) == (1, "echo", {})
    assert steps == ["compiling and initialising", "self-test 1 of 1", "storing"]
    assert answer(store, b"hello") == (5, b"hello")


BROKEN = [
    (ECHO, '[[self_test]]\nbody = "body.txt"', DeployError, "self-test 1 of echo gave status 3, not 0: abc"),
    (ECHO, '[[self_test]]\ncontains = "x"', DeployError, "self-test 1 of echo was answered without 'x'"),
    (TRAP, "[[self_test]]", DeployError, "self-test 1 of echo failed: "),
    (ECHO, '[[self_test]]\nbody = "nothing"', ManifestError, "nothing cannot be read"),
    (ECHO, '[files]\na = "nothing"', ManifestError, "nothing cannot be read"),
    (ECHO, "colour = 3", ManifestError, "colour"),
    (GRUMBLER, "", DeployError, "the initialisation of echo failed: "),
    (GRUMBLER, "", DeployError, "; its last words: no labels"),
    (ECHO, "[models.m]", DeployError, "echo needs the model 'm'. Give it: --model m=FILE.tflite"),
    (ECHO, '[models.m]\nfile = "body.txt"', ModelFileError, "is not a model file"),
    ('(func (export "handle") (param i32))', "", LittoralError, "exports no function 'handle'"),
]


@pytest.mark.parametrize(("code", "lines", "error", "words"), BROKEN)
def test_what_fails_leaves_the_old_version(
    store: Store, tmp_path: Path, code: str, lines: str, error: type[LittoralError], words: str
) -> None:
    deploy(store, folder(tmp_path, ECHO))
    with pytest.raises(error) as caught:
        deploy(store, folder(tmp_path, code, lines))
    assert words in str(caught.value)
    assert [version.number for version in store.record("echo").versions] == [1]
    assert answer(store, b"old") == (3, b"old")


def test_a_module_that_is_none_is_refused(store: Store, tmp_path: Path) -> None:
    place = folder(tmp_path, ECHO)
    (place / "echo.wasm").write_bytes(b"\x7fELF")
    with pytest.raises(ModuleError):
        deploy(store, place)
    assert store.names() == []


def test_models_are_kept_and_described_for_the_guest(store: Store, tmp_path: Path, coral: Path) -> None:
    place = folder(tmp_path, ECHO, "[models.m]")
    version = deploy(store, place, {"m": coral / MODEL})
    assert store.objects.read(version.models["m"]) == (coral / MODEL).read_bytes()
    assert b"macaw" in store.objects.read(version.files["models/m.json"])
    assert answer(store, b"x") == (1, b"x")
    with pytest.raises(DeployError, match="echo has no model 'n'"):
        deploy(store, place, {"m": coral / MODEL, "n": coral / MODEL})


def test_a_rollback_answers_as_before(store: Store, tmp_path: Path) -> None:
    deploy(store, folder(tmp_path, ECHO))
    shelf = Shelf(store)
    with shelf.lease("echo") as lease:
        assert lease.function.invoke(b"one").body == b"one"
    deploy(store, folder(tmp_path, '(func (export "handle") (result i32) (i32.const 7))'))
    with shelf.lease("echo") as lease:
        assert (lease.version.number, lease.function.invoke(b"two").status) == (2, 7)
    store.rollback("echo")
    with shelf.lease("echo") as lease:
        assert (lease.version.number, lease.function.invoke(b"one").body) == (1, b"one")
    shelf.close()
