"""A short run of the benchmark that simulates 24 hours of faults, with faults twenty times as often."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.coral.standin_fixtures import standin

__all__ = ["standin"]


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The benchmark."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2])
    return importlib.import_module("benchmarks.coral_faults")


@pytest.mark.slow
@pytest.mark.parametrize("alone", [False, True])
def test_no_request_is_lost(program: Any, standin: Path, shared_data: Path, alone: bool) -> None:
    result = program.simulate(shared_data, 0.2, alone=alone, seed=3, scale=20)
    assert result.complaints == []
    assert sum(result.injected.values()) >= 2
    assert (result.used.rescued == 0, result.used.failed == 0) == (alone, not alone)


@pytest.mark.slow
def test_a_liar_is_seen(program: Any, standin: Path, shared_data: Path) -> None:
    assert all(0 < wrong <= program.EVERY for wrong in program.lies(shared_data, 3))


def test_what_must_hold(program: Any) -> None:
    counted = {"crashes": 5, "hangs": 2, "errors": 9, "restarts": 10}
    used = program.Used(calls=100, late=0, wrong=0, errors=0, longest=0.1, counted=counted, failed=0, rescued=20)
    good = program.Simulated(
        injected={"crash": 1, "hang": 2, "fail": 3, "unplug": 4}, answered=80, seconds=1.0, used=used
    )
    assert good.complaints == []
    for change in ({"late": 1}, {"wrong": 1}, {"errors": 1}, {"rescued": 19}):
        assert len(replace(good, used=replace(used, **change)).complaints) == 1, change
    for name, count in [("crashes", 4), ("hangs", 3), ("errors", 2)]:
        changed = replace(used, counted={**counted, name: count})
        assert len(replace(good, used=changed).complaints) == 1, name
