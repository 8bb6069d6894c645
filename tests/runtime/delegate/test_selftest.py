"""A runtime is proven once, in a child process; one that is not as we think is an error and not a crash."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.runtime.delegate.conftest import Scripted, arithmetic, sums

from littoral.errors import DeviceError
from littoral.runtime.delegate import attach, check_runtime, selftest

Make = Callable[[str], type[Any]]


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is proven yet."""
    monkeypatch.setenv("LITTORAL_HOME", str(tmp_path / "home"))
    selftest._prove.cache_clear()
    yield
    selftest._prove.cache_clear()


@pytest.fixture
def make_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """A runtime of the given source, importable here and in the child."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(source: str) -> type[Any]:
        (tmp_path / "odd_runtime.py").write_text(f'__version__ = "1.2"\n{source}\n')
        from importlib import import_module

        cls: type[Any] = import_module("odd_runtime").Interpreter
        return cls

    yield make
    sys.modules.pop("odd_runtime", None)


def proofs(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "home").rglob("*.json"))


def litert() -> type[Any]:
    from ai_edge_litert.interpreter import Interpreter

    cls: type[Any] = Interpreter
    return cls


def test_it_is_remembered_by_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_runtime(litert())
    (proof,) = proofs(tmp_path)
    assert proof.name.startswith("ai_edge_litert-")
    assert json.loads(proof.read_text())["delegates"] == "work"
    selftest._prove.cache_clear()
    monkeypatch.setattr(selftest, "_run", None)  # would fail if it were run again
    check_runtime(litert())


def test_another_version_is_proven_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_runtime(litert())
    selftest._prove.cache_clear()
    monkeypatch.setattr(selftest, "_version", lambda _: "99.0")
    check_runtime(litert())
    assert len(proofs(tmp_path)) == 2


def test_a_home_that_cannot_be_written_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LITTORAL_HOME", str(tmp_path / "file"))
    check_runtime(litert())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "its test ended with signal 11"),
        ("raise ValueError('unknown keyword')", "does not run with probe: unknown keyword"),
        ("import sys; sys.exit(1)", "it said nothing"),
        ("import ctypes; ctypes.string_at(0)", "its test ended with signal 11"),
        ("pass", "subgraphs \\[\\] were offered"),
    ],
)
def test_a_runtime_that_fails_is_an_error(make_runtime: Make, tmp_path: Path, body: str, words: str) -> None:
    runtime = make_runtime(f"class Interpreter:\n    def __init__(self, **_):\n        {body}")
    with pytest.raises(DeviceError, match=f"odd_runtime 1.2 does not run delegates written in Python: .*{words}"):
        check_runtime(runtime)
    assert not proofs(tmp_path)


def test_a_runtime_that_hangs_is_ended(make_runtime: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "_SECONDS", 2)
    runtime = make_runtime("class Interpreter:\n    def __init__(self, **_):\n        import time; time.sleep(60)")
    with pytest.raises(DeviceError, match="did not finish the test of delegates in 2 s"):
        check_runtime(runtime)


def test_a_layout_that_is_another_is_noticed(make_runtime: Make) -> None:
    """LiteRT itself, but our idea of a tensor has lost a field."""
    runtime = make_runtime(
        "import ctypes\n"
        "from littoral.runtime.delegate import structs\n"
        "class Tensor(ctypes.Structure):\n"
        "    _fields_ = structs.Tensor._fields_[:-1]\n"
        "if __name__ != '__main__':\n"
        "    import sys\n"
        "    if 'littoral.runtime.delegate.probe' in ' '.join(sys.orig_argv):\n"
        "        structs.Tensor, structs.TENSOR_SIZE = Tensor, ctypes.sizeof(Tensor)\n"
        "from ai_edge_litert.interpreter import Interpreter as Native\n"
        "class Interpreter:\n"
        "    def __init__(self, **model):\n"
        "        self.native = Native(**model)\n"
        "    def __getattr__(self, name):\n"
        "        return getattr(self.native, name)"
    )
    with pytest.raises(DeviceError, match="does not run delegates written in Python") as caught:
        check_runtime(runtime)
    assert (
        "signal 11" in str(caught.value) or "is said to be" in str(caught.value) or "another model" in str(caught.value)
    )


def test_a_subclass_is_as_good_as_its_runtime(tmp_path: Path) -> None:
    class Interpreter(litert()):  # type: ignore[misc] # its class is not known to the type checker
        pass

    check_runtime(Interpreter)
    assert proofs(tmp_path)[0].name.startswith("ai_edge_litert-")


def test_failures_are_not_remembered(make_runtime: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = make_runtime("class Interpreter:\n    def __init__(self, **_):\n        raise ValueError")
    outcomes = iter([DeviceError("no memory for a child"), None])

    def run(*_: str) -> None:
        if outcome := next(outcomes):
            raise outcome

    monkeypatch.setattr(selftest, "_run", run)
    with pytest.raises(DeviceError, match="no memory"):
        check_runtime(runtime)
    check_runtime(runtime)


def test_no_delegate_is_attached_to_a_runtime_that_fails(make_runtime: Make) -> None:
    runtime = make_runtime("class Interpreter:\n    def __init__(self, **_):\n        raise ValueError('broken')")
    with pytest.raises(DeviceError, match="broken"):
        attach(sums(1), Scripted(arithmetic), interpreter=runtime)


def test_a_python_that_cannot_start_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "sys", SimpleNamespace(**{**vars(sys), "executable": "/no/such/python"}))
    with pytest.raises(DeviceError, match="did not start"):
        check_runtime(litert())
