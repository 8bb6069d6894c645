from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.coral.conftest import Tree

from littoral.coral.doctor import examine
from littoral.coral.report import FORMAT, hardware_report, write_report


@pytest.fixture
def board(tree: Tree) -> Tree:
    """A board with a USB chip, without a library."""
    tree.usb("2-1")
    tree.write("etc", **{"os-release": 'NAME="x"\nPRETTY_NAME="Mendel Linux 5 (Eagle)"'})
    (tree.write("proc/device-tree") / "model").write_bytes(b"Raspberry Pi 5 Model B\0")
    tree.write("sys/bus/usb/devices/usb1", manufacturer="Linux 6.1.0 xhci-hcd")
    tree.write("sys/bus/usb/devices/usb2", manufacturer="Linux 6.1.0 xhci-hcd")
    return tree


def test_what_is_in_it(board: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITTORAL_EDGETPU", "/nowhere/libedgetpu.so.1")
    examination = examine(board.root)
    report = hardware_report(examination, [{"name": "model", "seconds": 0.5}], board.root)
    assert report["format"] == FORMAT
    assert report["system"]["board"] == "Raspberry Pi 5 Model B"
    assert report["system"]["distribution"] == "Mendel Linux 5 (Eagle)"
    assert report["system"]["usb_driver"] == "Linux 6.1.0 xhci-hcd"
    assert {"littoral", "ai-edge-litert"} <= set(report["packages"])
    assert report["runs"] == [{"name": "model", "seconds": 0.5}]
    assert report["chips"] == report["chips_after"] == examination.summary()["chips"]
    assert {key: report[key] for key in examination.summary()} == examination.summary()


def test_it_is_json(board: Tree, tmp_path: Path) -> None:
    report = hardware_report(examine(board.root), root=board.root)
    write_report(report, tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text()) == json.loads(json.dumps(report))


def test_nothing_half_written(board: Tree, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text("before")
    with pytest.raises(ValueError, match="JSON"):
        write_report({"bad": float("nan")}, file)
    assert file.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir() if path.suffix in (".tmp", ".json")] == ["report.json"]
