"""Journals: lines by function, cut when they are long, read past damage."""

from __future__ import annotations

from pathlib import Path

import pytest

from littoral.functions import journal as module
from littoral.functions.journal import Journal


def test_entries_come_back_in_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "logs")
    assert journal.read("f", 10) == []
    for number in range(5):
        journal.write("f", {"event": "request", "number": number, "said": "zwölf\nlines"})
    journal.write("g", {"event": "other"})
    assert [entry["number"] for entry in journal.read("f", 3)] == [2, 3, 4]
    assert journal.read("f", 1)[0]["said"] == "zwölf\nlines"
    journal.remove("f")
    assert journal.read("f", 10) == []
    assert journal.read("g", 10) == [{"event": "other"}]


def test_long_journals_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LONGEST", 1000)
    journal = Journal(tmp_path)
    for number in range(200):
        journal.write("f", {"number": number})
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 2200
    numbers = [entry["number"] for entry in journal.read("f", 1000)]
    assert numbers == list(range(numbers[0], 200))
    assert len(numbers) > 40


def test_a_damaged_line_is_left_out(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write("f", {"number": 1})
    with (tmp_path / "f.jsonl").open("ab") as file:
        file.write(b'{"number": \xff\n')
    journal.write("f", {"number": 2})
    assert [entry["number"] for entry in journal.read("f", 10)] == [1, 2]


def test_what_cannot_be_written_is_lost_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    Journal(tmp_path / "file").write("f", {"number": 1})
