from __future__ import annotations

from pathlib import Path

import pytest

from littoral.check.start import start


def test_a_start_has_time_and_memory(models: Path) -> None:
    found = start(models / "model.tflite", "cpu", 1)
    assert found is not None
    assert 0 < found.first < found.load + 60
    assert found.memory is not None
    assert 1_000_000 < found.memory < 1_000_000_000


@pytest.mark.parametrize(("device", "timeout"), [("warp", 60.0), ("cpu", 0.01)])
def test_what_does_not_start_has_none(models: Path, device: str, timeout: float) -> None:
    assert start(models / "model.tflite", device, 1, timeout) is None
