from __future__ import annotations

from pathlib import Path

from littoral.devices import survey, usable_cores


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_this_machine() -> None:
    machine = survey()
    assert machine.processor.cores == usable_cores() >= 1
    assert machine.processor.memory > 0
    assert machine.processor.name


def test_arm_with_half_precision(tmp_path: Path) -> None:
    _write(tmp_path / "proc/cpuinfo", "processor\t: 0\nFeatures\t: fp asimd asimdhp asimddp\n\nModel\t: Pi 5\n")
    _write(tmp_path / "proc/meminfo", "MemFree: 1 kB\nMemTotal:        4096 kB\n")
    processor = survey(tmp_path).processor
    assert processor.name == "Pi 5"
    assert processor.memory == 4096 * 1024
    assert processor.half == ("Armv8.2 half precision",)
    assert processor.integer == ("dot product",)


def test_nothing_readable(tmp_path: Path) -> None:
    assert survey(tmp_path).processor.memory == 0
