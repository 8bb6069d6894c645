from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from littoral.check import report as module
from littoral.check.report import Report, write_report
from littoral.errors import DataError, MissingExtraError


def test_a_report_survives_json(report: Report) -> None:
    assert Report.from_json(report.to_json()) == report
    assert Report.from_json(report.to_json()).to_json() == report.to_json()


def test_json_is_exact_and_says_what_scripts_need(report: Report) -> None:
    found = json.loads(report.to_json())
    assert found["schema"] == 1
    assert found["ok"] is False
    assert [one["bytes"] for one in found["measurements"]] == [4_000_000, 2_000_000, 1_000_000, 500_000]
    assert found["measurements"][0]["runs"][0]["errors"][0]["sqnr_db"] == "Infinity"
    accuracy = found["measurements"][2]["runs"][0]["accuracy"]
    assert (accuracy["hits"], accuracy["total"], accuracy["value"]) == (95, 100, 0.95)
    assert accuracy["low"] < 0.95 < accuracy["high"]
    assert found["measurements"][2]["latency"][0]["p50"] == 0.004
    assert found["measurements"][3]["ok"] is False
    assert found["chosen"]["recipe"] == "int8"


def test_ok_is_no_failure_and_a_choice_that_holds(report: Report) -> None:
    assert not report.ok
    good = replace(report, measurements=report.measurements[:3])
    assert good.ok
    assert good.chosen is not None
    assert not replace(good, chosen=replace(good.chosen, recipe=None)).ok
    assert replace(good, chosen=None).ok


def test_another_version_is_refused(report: Report) -> None:
    with pytest.raises(DataError, match=r"report\.json has version 2.*reads version 1"):
        Report.from_json(replace(report, schema=2).to_json(), "report.json")


def test_both_files_are_written_and_nothing_else(report: Report, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    write_report(report, folder)
    assert sorted(file.name for file in folder.iterdir()) == ["report.html", "report.json"]
    assert Report.from_json((folder / "report.json").read_text(encoding="utf-8")) == report
    assert (folder / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert all(stat.S_IMODE(file.stat().st_mode) & 0o400 for file in folder.iterdir())


def test_a_failing_write_leaves_what_was_there(report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_report(report, tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    def full(self: Path, text: str, **_: object) -> int:
        with self.open("w") as stream:
            stream.write(text[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        write_report(replace(report, source="other"), tmp_path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_names_that_are_not_unicode_can_be_written(report: Report, tmp_path: Path) -> None:
    odd = replace(report, source="photo\udcff.h5")
    write_report(odd, tmp_path)
    assert Report.from_json((tmp_path / "report.json").read_text(encoding="utf-8")) == odd


def test_without_matplotlib_the_json_is_written_and_the_error_is_the_pip_command(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"pip install \"littoral\[plots\]\""):
        write_report(report, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]


def test_without_jinja2_the_error_is_the_pip_command(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match="jinja2"):
        write_report(report, tmp_path)


def test_the_version_is_pinned() -> None:
    assert module.SCHEMA == 1
