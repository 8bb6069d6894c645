"""What OpenVINO finds, asked in a child process that may die."""

from __future__ import annotations

from pathlib import Path

import pytest

from littoral.errors import DeviceError, MissingExtraError
from littoral.openvino import OpenVINO, Unit, describe, inventory


def test_the_processor_is_found(openvino: None) -> None:
    first = describe()[0]
    assert first.device == "openvino:CPU"
    assert first.name
    assert first.version[:3] == "202"
    assert "FP32" in first.capabilities


def test_tuning_tries_every_precision_of_every_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    units = [
        Unit("openvino:CPU", "a processor", "2026", ("BF16", "FP32", "INT8")),
        Unit("openvino:GPU.1", "a card", "2026", ("FP32", "FP16")),
    ]
    monkeypatch.setattr(inventory, "describe", lambda: units)
    assert OpenVINO.devices() == ["openvino:f32", "openvino:bf16", "openvino:f32:GPU.1", "openvino:f16:GPU.1"]


def test_a_missing_package_is_the_pip_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"littoral\[openvino\]"):
        describe()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("import os; print('driver', file=__import__('sys').stderr, flush=True); os.abort()", "signal 6"),
        ("import time; time.sleep(60)", "did not say in 3 s what it finds"),
        ("get_version = lambda: '2023.0.0-1'", "openvino 2023.0.0 is too old"),
    ],
)
def test_a_crash_a_hang_and_an_old_release_are_errors(
    content: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "openvino.py").write_text(content)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(DeviceError) as caught:
        describe(timeout=3)
    assert words in str(caught.value)
