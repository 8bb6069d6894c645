"""littoral function: the life of a function on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.functions.conftest import guest
from tests.functions.test_deploy import ECHO

LITTORAL = Path(sys.executable).with_name("littoral")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "echo"
    folder.mkdir()
    (folder / "echo.wasm").write_bytes(guest(ECHO))
    (folder / "function.toml").write_text('name = "echo"\n[[self_test]]\n')
    return folder


def littoral(tmp_path: Path, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {"LITTORAL_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin", "PYTHONWARNINGS": "error"}
    command = [str(LITTORAL), "function", *arguments]
    return subprocess.run(command, cwd=tmp_path, env=environment, input=stdin, capture_output=True, check=False)


def test_the_life_of_a_function(tmp_path: Path, place: Path) -> None:
    def done(*arguments: str, stdin: bytes = b"") -> bytes:
        result = littoral(tmp_path, *arguments, stdin=stdin)
        assert result.returncode == 0, result.stderr
        return result.stdout

    assert b"no functions are deployed yet" in done("list")
    assert done("deploy", str(place)) == b"echo: version 1 answers\n"
    assert json.loads(done("deploy", str(place), "--json"))["number"] == 2
    assert [each["version"] for each in json.loads(done("list", "--json"))] == [2]
    answered = littoral(tmp_path, "invoke", "echo", "--data", "-", stdin=b"hi")
    assert (answered.returncode, answered.stdout) == (1, b"hi")  # its status is the size of what it read
    assert b"status 2" in answered.stderr
    assert done("invoke", "echo") == b""
    measured = json.loads(done("bench", "echo", "--seconds", "0.2", "--json"))
    assert measured["calls"] > 0
    assert 0 < measured["instance"]["p50"] < measured["total"]["p50"] <= measured["total"]["p99"]
    assert done("rollback", "echo") == b"echo: version 1 answers\n"
    assert json.loads(done("show", "echo", "--json"))["current"] == 1
    assert done("logs", "echo") == b""
    assert b"echo: removed" in done("remove", "echo")
    assert json.loads(done("list", "--json")) == []


def test_errors_are_one_line_and_exit_code_2(tmp_path: Path, place: Path) -> None:
    (place / "function.toml").write_text('name = "echo"\ncolour = 3\n')
    for arguments, words in (
        (("invoke", "echo"), b"there is no function 'echo'. Deployed: none yet"),
        (("deploy", str(place)), b"colour"),
        (("deploy", str(tmp_path / "nothing")), b"cannot be read"),
        (("rollback", "echo"), b"there is no function 'echo'"),
        (("deploy", str(place), "--model", "m"), b"is not NAME=FILE"),
    ):
        result = littoral(tmp_path, *arguments)
        assert result.returncode == 2
        assert words in result.stderr
        assert b"Traceback" not in result.stderr
