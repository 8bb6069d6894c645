"""littoral webnn conformance: the table, the reasons, the exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from littoral.cli import app
from littoral.errors import DataError
from littoral.webnn.errors import NotSupportedError


def write(folder: Path, *expected: float) -> Path:
    """Tests of 1 + 1, each with the answer that it expects, and one of a form that is no more."""
    one = {"data": [1], "descriptor": {"shape": [1], "dataType": "float32"}}
    add = {"name": "add", "arguments": [{"a": "x"}, {"b": "x"}], "outputs": "y"}
    pad = {"name": "pad", "arguments": [{"i": "x"}, {"b": [0]}, {"e": [1]}, {"options": {"mode": "symmetric"}}]}

    def test(name: str, step: dict[str, Any], answer: float) -> dict[str, Any]:
        graph = {"inputs": {"x": one}, "operators": [step], "expectedOutputs": {"y": {**one, "data": [answer]}}}
        return {"name": name, "tolerance": {"metric": "ULP", "value": 0}, "graph": graph}

    tests = [test(f"add {number}", add, answer) for number, answer in enumerate(expected)]
    (folder / "add.json").write_text(json.dumps({"tests": [*tests, test("old", {**pad, "outputs": "y"}, 1)]}))
    return folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["webnn", "conformance", *map(str, arguments)])


def test_all_pass(tmp_path: Path) -> None:
    done = run(write(tmp_path, 2, 2))
    assert done.exit_code == 0, done.output
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["add", "2"] in lines
    assert ["all", "2", "0", "1", "0"] in lines
    assert "other form: add: old: pad: MLPaddingMode has no symmetric" in done.stdout
    assert "cpu: 2 of 2 tests pass (100.00%); no test of abs, argMax," in done.stdout


def test_a_failure_is_told_and_is_exit_code_1(tmp_path: Path) -> None:
    done = run(write(tmp_path, 2, 3), "--device", "cpu:reference")
    assert done.exit_code == 1
    assert "✗ add 1: y: 2.0 for 3.0 at [0]: 4.1943e+06 ULP where 0 are allowed" in done.stdout
    assert "cpu:reference: 1 of 2 tests pass (50.00%)" in done.stdout


def test_for_scripts(tmp_path: Path) -> None:
    done = run(write(tmp_path, 2, 3), "--json")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert (found["device"], found["ok"], found["share"]) == ("cpu", False, 0.5)
    assert found["total"] == {"passed": 1, "failed": 1, "other form": 1}
    assert found["operations"]["add"] == {"passed": 1, "failed": 1}
    assert [test["status"] for test in found["tests"]] == ["passed", "failed", "other form"]
    assert "sub" in found["untested"]


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    """`main` prints it and leaves with 2."""
    assert isinstance(run(tmp_path / "absent").exception, DataError)
    assert isinstance(run(write(tmp_path, 2), "--device", "nowhere").exception, NotSupportedError)
