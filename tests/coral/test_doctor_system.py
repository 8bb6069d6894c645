from __future__ import annotations

from importlib import metadata

import pytest

from littoral.coral.doctor_system import software


def test_this_python() -> None:
    finding = software()
    assert finding.level == "ok"
    assert f"LiteRT {metadata.version('ai-edge-litert')}" in finding.what


@pytest.mark.parametrize("python", [(3, 9), (3, 14)])
def test_another_python(python: tuple[int, int]) -> None:
    finding = software(python)
    assert finding.level == "warning"
    assert "3.10 to 3.13" in finding.what


def test_no_litert(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    finding = software()
    assert (finding.level, finding.remedy) == ("error", "pip install ai-edge-litert")
