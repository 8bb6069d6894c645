"""Packed weights on disk."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from littoral.runtime import load
from littoral.runtime.litert import weights
from littoral.runtime.tensors import Array
from littoral.tflite import Buffer, Graph, Operator, OperatorCode, Tensor, write
from littoral.tflite.options.shape import ConcatenationOptions

X = np.random.default_rng(3).normal(size=(1, 512)).astype(np.float32)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LITTORAL_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def file(tmp_path: Path, dense: Callable[[], Graph]) -> Path:
    path = tmp_path / "dense.tflite"
    write(dense(), path)
    os.utime(path, (1, 1))
    return path


@pytest.fixture
def expected(dense: Callable[[], Graph], monkeypatch: pytest.MonkeyPatch) -> Array:
    with load(dense()) as model:
        return answer(model)


def answer(model: Callable[[Array], object]) -> Array:
    result = model(X)
    assert isinstance(result, np.ndarray)
    return result


def run(file: Path) -> Array:
    with load(file) as model:
        assert model.notes == ()
        return answer(model)


def entries(home: Path) -> list[Path]:
    return sorted(path.parent for path in home.glob("weights/*/*/packed"))


def test_they_are_written_once_and_used_again(home: Path, file: Path, expected: Array) -> None:
    np.testing.assert_array_equal(run(file), expected)
    [entry] = entries(home)
    assert len(entry.name) == 64
    written = (entry / "packed").stat()
    assert written.st_size > 2 << 20
    assert sorted(path.name for path in entry.iterdir()) == ["check", "packed"]
    np.testing.assert_array_equal(run(file), expected)
    again = (entry / "packed").stat()
    assert (again.st_ino, again.st_mtime_ns) == (written.st_ino, written.st_mtime_ns)
    assert not list(home.glob("weights/*/.new-*"))


def test_half_precision_keeps_none(home: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("littoral.runtime.cpu._check_half_precision", lambda: None)
    with load(file, "cpu:fp16") as model:  # with a file for packed weights XNNPACK would abort here
        answer(model)
    assert not home.exists()


@pytest.mark.parametrize("damage", ["cut", "empty", "overwritten", "no check", "check of another"])
def test_damaged_ones_are_made_again(home: Path, file: Path, expected: Array, damage: str) -> None:
    run(file)
    [entry] = entries(home)
    packed, check = entry / "packed", entry / "check"
    content = packed.read_bytes()
    if damage == "cut":
        packed.write_bytes(content[: len(content) // 2])
    elif damage == "empty":
        packed.write_bytes(b"")
    elif damage == "overwritten":
        packed.write_bytes(os.urandom(len(content)))
    elif damage == "no check":
        check.unlink()
    else:
        check.write_text("{")
    np.testing.assert_array_equal(run(file), expected)
    [entry] = entries(home)
    assert (entry / "packed").stat().st_size == len(content)
    assert weights._whole(entry)


def test_a_file_that_changes_has_others(home: Path, file: Path, dense: Callable[[], Graph]) -> None:
    before = run(file)
    graph = dense()
    graph.main.tensors[2] = graph.main.tensors[2].replaced(buffer=Buffer(data=bytes(4096)))
    write(graph, file)
    assert not np.array_equal(run(file), before)
    assert len(entries(home)) == 2


def test_a_home_that_cannot_be_written_is_no_reason_to_fail(tmp_path: Path, file: Path, expected: Array) -> None:
    (tmp_path / "home").write_text("a file is in the way")
    np.testing.assert_array_equal(run(file), expected)


def test_a_path_that_litert_cannot_take_is_left_alone(
    tmp_path: Path, file: Path, expected: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITTORAL_HOME", str(tmp_path / 'ho"me'))
    np.testing.assert_array_equal(run(file), expected)


def test_small_models_have_none(home: Path, subtract: Graph, tmp_path: Path) -> None:
    write(subtract, tmp_path / "small.tflite")
    with load(tmp_path / "small.tflite"):
        assert not home.exists()


def test_the_oldest_go_when_there_are_too_many(home: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(file)
    [entry] = entries(home)
    old = entry.parent / ("0" * 64)
    old.mkdir()
    (old / "packed").write_bytes(bytes(100))
    os.utime(old, (1, 1))
    abandoned = entry.parent / ".new-abandoned"
    abandoned.mkdir()
    os.utime(abandoned, (1, 1))
    monkeypatch.setattr(weights, "LARGEST_TOTAL", (entry / "packed").stat().st_size)
    weights._sweep(entry.parent)
    assert entries(home) == [entry]
    assert not abandoned.exists()


@pytest.mark.slow
def test_processes_that_start_together_agree(home: Path, file: Path, expected: Array) -> None:
    code = f"""
import numpy as np
from littoral.runtime import load
x = np.random.default_rng(3).normal(size=(1, 512)).astype(np.float32)
for _ in range(5):
    with load({str(file)!r}) as model:
        print(float(model(x).sum()))
"""
    processes = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(6)]
    told = {line for process in processes for line in process.communicate()[0].splitlines()}
    assert [process.returncode for process in processes] == [0] * 6
    assert told == {str(float(expected.sum()))}
    assert len(entries(home)) == 1
    assert not list(home.glob("weights/*/.new-*"))


@pytest.mark.parametrize("in_memory", [False, True])
def test_instances_share_them(home: Path, file: Path, dense: Callable[[], Graph], in_memory: bool) -> None:
    source = dense() if in_memory else file
    with load(source, threads=1) as model:
        place = model._running.chain.place
        first = answer(model)
        more = [place._open() for _ in range(3)]
        mapped = Path("/proc/self/maps").read_text().splitlines()
        name = "littoral-weights" if in_memory else "/packed"
        inodes = {line.split()[4] for line in mapped if name in line and " 00:00 0" not in line}
        count = sum(name in line for line in mapped)
        assert len(inodes) == 1, mapped
        assert count >= 4
        for engine in more:
            np.testing.assert_array_equal(engine.run(model._main._entry, [X])[0], first)
            engine.close()


@pytest.mark.parametrize("name", ["ADD", "SUB", "MUL", "CONCATENATION"])
def test_constants_of_other_operators(
    home: Path, dense: Callable[[], Graph], tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What XNNPACK does not pack is no trouble, and what was not tried is not kept."""
    graph = dense()
    main = graph.main
    constant = Tensor(name="c", shape=(1, 1024), buffer=Buffer(data=np.arange(1024, dtype=np.float32).tobytes()))
    result = Tensor(name="z", shape=(1, 2048 if name == "CONCATENATION" else 1024))
    after = Operator(code=OperatorCode.of(name), inputs=(3, 4), outputs=(5,))
    if name == "CONCATENATION":
        after = after.replaced(options=ConcatenationOptions(axis=1))
    whole = main.replaced(tensors=[*main.tensors, constant, result], outputs=(5,), operators=[*main.operators, after])
    write(graph.replaced(subgraphs=[whole]), tmp_path / "m.tflite")
    first, second = run(tmp_path / "m.tflite"), run(tmp_path / "m.tflite")
    np.testing.assert_array_equal(first, second)
    assert len(entries(home)) == (name != "CONCATENATION")
