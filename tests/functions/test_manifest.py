"""Manifests, and errors that name the line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from littoral.functions import manifest
from littoral.functions.errors import ManifestError
from littoral.functions.limits import Limits, parse_size, show_size
from littoral.functions.manifest import ModelUse, SelfTest


def sample() -> str:
    """The one in the documentation of the module."""
    text = manifest.__doc__ or ""
    return text.partition("\n\n")[2].rpartition('"macaw"')[0] + '"macaw"\n'


def test_the_documented_manifest_is_one() -> None:
    read = manifest.parse(sample())
    assert (read.name, read.module, read.entry, read.route) == ("classify", "classify.wasm", "handle", "classify")
    assert read.models == {"classifier": ModelUse("mobilenet.tflite", "cpu", 1)}
    assert read.files == {"labels.txt": "labels.txt"}
    assert read.limits == Limits()
    assert (read.environment.arguments, read.environment.variables) == (("--fast",), {"LANGUAGE": "en"})
    assert (read.environment.clock, read.environment.random) == (None, None)
    assert (read.host_calls, read.load_models) == (("lookup",), False)
    assert read.self_test == (SelfTest("parrot.bmp", 0, "macaw"),)


def test_all_but_the_name_has_a_value_of_its_own() -> None:
    read = manifest.parse('name = "a"')
    assert (read.module, read.entry, read.route, read.limits) == ("a.wasm", "handle", "a", Limits())


def test_a_fixed_clock_and_fixed_random_numbers() -> None:
    read = manifest.parse('name = "a"\n[environment]\nclock = 12.5\nrandom = 7')
    assert (read.environment.clock, read.environment.random) == (12.5, 7)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: name: it is missing"),
        ('name = "a"\n\nname = "b"', "line 3: it is not TOML"),
        ('name = "a', "line 1: it is not TOML"),
        ('name = "a b"', "line 1: name: 'a b' is no name"),
        ("name = 3", "line 1: name: it is a number"),
        ('# x\nname = "a"\nnmae = "b"', "line 3: nmae: there is no such key. Accepted: entry, environment"),
        ('name = "a"\n[limits]\ntime = "1 s"', "line 3: limits.time: it is '1 s'"),
        ('name = "a"\n[limits]\ntime = 0', "line 3: limits.time: it is 0. Accepted: a number from 0.001"),
        ('name = "a"\n[limits]\n\nmemory = "many"', "line 4: limits.memory: 'many' is no size"),
        ('name = "a"\n[limits]\noutput = true', "line 3: limits.output: True is no size"),
        ('name = "a"\n[limits]\nconcurrency = 0', "line 3: limits.concurrency"),
        ('name = "a"\nlimits = { speed = 1 }', "line 2: limits.speed: there is no such key"),
        ('name = "a"\n[models.m]\ndevise = "cpu"', "line 3: models.m.devise: there is no such key"),
        ('name = "a"\n[models]\nm = "file"', "line 3: models.m: it is a string. Accepted: a table"),
        ('name = "a"\n[models."b.c"]\nthreads = -1', "line 3: models.b.c.threads"),
        ('name = "a"\nmodule = "../a.wasm"', "line 2: module: '../a.wasm' leads out"),
        ('name = "a"\n[files]\n"a/../b" = "b"', "line 3: files.a/../b: 'a/../b' is no path"),
        ('name = "a"\n[files]\n"a" = "b"\n"a/b" = "c"', "line 4: files.a/b: 'a/b' is a file and a folder"),
        ('name = "a"\n[environment]\nclock = "now"', "line 3: environment.clock: 'now' is no clock"),
        ('name = "a"\n[environment]\nrandom = 1.5', "line 3: environment.random"),
        ('name = "a"\n[environment.variables]\nA = 1', "line 3: environment.variables.A: it is a number"),
        ('name = "a"\nhost_calls = "x"', "line 2: host_calls: it is a string. Accepted: a list of strings"),
        ('name = "a"\nload_models = 1', "line 2: load_models"),
        ('name = "a"\n[[self_test]]\nstatus = 0\n[[self_test]]\nstatus = "0"', "line 5: self_test.status"),
        ('name = "a"\n[self_test]\nstatus = 0', "line 2: self_test: it is a table. Accepted: tables: "),
        ('name = "a"\ncreated = 2020-01-01\nentry = 2020-01-01', "line 3: entry: it is a date"),
    ],
)
def test_mistakes_are_named_with_their_line(text: str, says: str) -> None:
    with pytest.raises(ManifestError) as caught:
        manifest.parse(text, "function.toml")
    assert f"function.toml, {says}" in str(caught.value)


@given(st.text())
def test_any_text_is_a_manifest_or_an_error(text: str) -> None:
    for start in ("", 'name = "a"\n'):
        try:
            manifest.parse(start + text)
        except ManifestError as error:
            assert "line" in error.cause  # noqa: PT017


def test_files_are_read_from_the_manifests_folder_only(tmp_path: Path) -> None:
    folder = tmp_path / "function"
    folder.mkdir()
    (folder / "labels.txt").write_text("cat")
    (tmp_path / "secret").write_text("no")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "function.toml").write_text('name = "a"\n[files]\n"in/labels" = "labels.txt"')
    assert manifest.read(folder / "function.toml").read_files(folder) == {"in/labels": b"cat"}
    with pytest.raises(ManifestError, match="link is not in the folder"):
        manifest.parse('name = "a"\n[files]\nl = "link"').read_files(folder)
    with pytest.raises(ManifestError, match=r"none.txt cannot be read: No such file"):
        manifest.parse('name = "a"\n[files]\nl = "none.txt"').read_files(folder)


def test_a_manifest_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"function.toml cannot be read"):
        manifest.read(tmp_path / "function.toml")
    (tmp_path / "function.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ManifestError, match="not text in UTF-8"):
        manifest.read(tmp_path / "function.toml")


@pytest.mark.parametrize(
    ("text", "size"),
    [("64 MiB", 64 << 20), ("1.5kB", 1500), ("7", 7), ("2 GB", 2 * 10**9), ("x", None), ("1 mile", None), ("", None)],
)
def test_sizes(text: str, size: int | None) -> None:
    assert parse_size(text) == size


def test_sizes_are_shown_so_that_they_can_be_read() -> None:
    assert [show_size(size) for size in (12, 2048, 3 << 20, 5 << 29)] == ["12 bytes", "2 KiB", "3 MiB", "2.5 GiB"]
