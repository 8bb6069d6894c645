"""The openvino package itself: missing, broken, old, unknown."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from littoral.errors import DeviceError, MissingExtraError
from littoral.openvino import OpenVINO, library


@pytest.fixture
def forgotten() -> Iterator[None]:
    """The package is looked for anew, and again after the test."""
    library.openvino.cache_clear()
    yield
    library.openvino.cache_clear()


def test_a_missing_package_is_the_pip_command(forgotten: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r'OpenVINO is not installed.*pip install "littoral\[openvino\]"'):
        library.openvino()


@pytest.mark.parametrize("content", ["raise ImportError('libtbb.so.12: cannot open')", "", "get_version = None.x"])
def test_a_broken_package_is_one_error(content: str, tmp_path: Path) -> None:
    """In a process of its own, as the real one may have been imported here."""
    (tmp_path / "openvino.py").write_text(content)
    program = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from littoral.errors import DeviceError
from littoral.openvino import OpenVINO
try:
    OpenVINO()
except DeviceError as error:
    print(error)
"""
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "the installed openvino cannot be used" in child.stdout
    assert 'pip install -U "littoral[openvino]"' in child.stdout


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("2024.6.0-17404-4c0f47d2335", "openvino 2024.6.0 is too old: 2026.2 is the first that works"),
        ("2026.1.0-1-x", "too old"),
        ("custom_build", "openvino is of an unknown version, 'custom_build'"),
        ("", "unknown version"),
    ],
)
def test_old_and_unknown_releases_are_refused(version: str, words: str) -> None:
    with pytest.raises(DeviceError) as caught:
        library.check_version(version)
    assert words in str(caught.value)


@pytest.mark.parametrize("version", ["2026.2.0-1-x", "2026.10.0", "2027.0.0-12"])
def test_later_releases_are_taken(version: str) -> None:
    library.check_version(version)


def test_importing_the_delegate_imports_no_openvino() -> None:
    program = "import sys, littoral.openvino; sys.exit('openvino' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_only_the_cpu_is_looked_at_for_the_cpu(openvino: None, monkeypatch: pytest.MonkeyPatch) -> None:
    class Core:
        available_devices = property(lambda self: pytest.fail("other units were looked for"))

        def get_property(self, unit: str, _: str) -> list[str]:
            assert unit == "CPU"
            return ["FP32"]

    monkeypatch.setattr(library, "core", Core)
    assert str(OpenVINO().options) == "openvino:f32:CPU"
