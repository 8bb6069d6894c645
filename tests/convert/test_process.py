from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from littoral.convert import process
from littoral.convert.process import one_line, run_child
from littoral.errors import DataError, MissingExtraError, SourceError

Program = Callable[[str], str]


def run(module: str, work: Path, **options: Any) -> dict[str, Any]:
    return run_child(module, {"name": "m.keras", "n": 20}, work=work, **options)


def test_a_result_and_the_progress_come_back(program: Program, tmp_path: Path) -> None:
    said: list[str] = []
    module = program(
        "say('one')\nprint('noise')\nos.write(2, b'more noise')\nsay('two')\nreturn {'twice': request['n'] * 2}"
    )
    assert run(module, tmp_path, progress=said.append) == {"twice": 40}
    assert said == ["one", "two"]


def test_temporary_files_go_to_the_work_folder(program: Program, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    module = program("import tempfile\nreturn {'at': tempfile.gettempdir()}")
    assert run(module, work) == {"at": str(work)}


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ("raise RefusalError('no such layer', 'Give it')", SourceError, "no such layer. Give it"),
        ("raise RefusalError('no samples', kind='data')", DataError, "no samples"),
        ("raise RefusalError('tf-keras', kind='missing')", MissingExtraError, 'pip install "littoral[convert]"'),
        (
            "raise ValueError('deep\\n  inside')",
            SourceError,
            "could not convert m.keras: ValueError: deep inside. Try a hint",
        ),
        (
            "os.kill(os.getpid(), signal.SIGSEGV)",
            SourceError,
            "crashed (SIGSEGV) while it worked on m.keras. Try a hint",
        ),
        ("os.kill(os.getpid(), signal.SIGKILL)", SourceError, "memory runs out"),
        ("os._exit(3)", SourceError, "ended with code 3"),
    ],
)
def test_what_goes_wrong_is_one_clear_error(
    program: Program, tmp_path: Path, body: str, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind) as caught:
        run(program(body), tmp_path, hint="Try a hint")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_last_words_are_told_where_there_is_no_hint(program: Program, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="Its last words: bad alloc"):
        run(program("os.write(2, b'first\\nbad alloc\\n')\nos._exit(1)"), tmp_path)


def test_a_program_that_cannot_even_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="ended with code 1"):
        run("littoral.convert.child.no_such_program", tmp_path)


def test_a_child_that_takes_too_long_is_ended(program: Program, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    module = program(f"open({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)")
    with pytest.raises(SourceError, match=r"did not finish with m\.keras within 2 s"):
        run(module, tmp_path, timeout=2)
    assert gone(int(pid.read_text()))


def test_an_interrupt_ends_the_child_too(program: Program, tmp_path: Path) -> None:
    pids: list[int] = []

    def interrupt(words: str) -> None:
        pids.append(int(words))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(program("say(str(os.getpid()))\ntime.sleep(600)"), tmp_path, progress=interrupt)
    assert gone(pids[0])


@pytest.mark.parametrize(
    "busy", ["time.sleep(600)", "ctypes.PyDLL(None).sleep(600)"], ids=["idle", "holds the interpreter"]
)
def test_a_child_dies_with_its_parent(program: Program, tmp_path: Path, busy: str) -> None:
    module = program(f"say(str(os.getpid()))\n{busy}")
    script = (
        "from pathlib import Path; from littoral.convert.process import run_child\n"
        f"run_child({module!r}, {{'name': 'm'}}, work=Path({str(tmp_path)!r}), progress=lambda w: print(w, flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    assert gone(child)


def test_tensorflow_missing_is_the_pip_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(process, "find_spec", lambda name: None if name == "tensorflow" else found(name))
    with pytest.raises(MissingExtraError, match=r'TensorFlow is not installed.*pip install "littoral\[convert\]"'):
        run("littoral.convert.child.to_float", tmp_path)


def test_one_line() -> None:
    assert one_line(" a\n  b\t") == "a b"
    assert one_line("x" * 500) == "x" * 297 + "..."


def gone(pid: int) -> bool:
    """Whether a process ends within a minute."""
    for _ in range(600):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.1)
    os.kill(pid, 9)
    return False
