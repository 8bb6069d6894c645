from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.coral.conftest import LIBRARY, Build, Tree
from tests.coral.standin.board import Board
from tests.coral.standin_fixtures import Pair, board, mobilenet, standin

from littoral.coral.doctor import Examination, examine
from littoral.coral.finding import Finding
from littoral.coral.library import VARIABLE
from littoral.coral.report import FORMAT

__all__ = ["board", "mobilenet", "standin"]

OPENS = LIBRARY.replace("/* OPEN */", "return &verbosity;")
FAILED = 'fprintf(stderr, "I x.cc:9] Failed to open device [Apex (USB)] at [/sys/x]: {}\\n");'


@pytest.fixture
def works(build: Build, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library that opens every device."""
    path = build(OPENS)
    monkeypatch.setenv(VARIABLE, str(path))
    return path


def _wrong(examination: Examination) -> list[Finding]:
    return [finding for finding in examination.findings if finding.level in ("warning", "error")]


def _only(examination: Examination) -> Finding:
    (finding,) = _wrong(examination)
    assert finding.remedy
    return finding


def test_all_is_well(tree: Tree, works: Path) -> None:
    tree.usb("2-1.3")
    tree.pci(
        "0000:01:00.0", "apex_0", temp=45000, trip_point0_temp=85000, driver_version="1.2", framework_version="1.1.4"
    )
    found = examine(tree.root)
    assert [chip.stable for chip in found.working] == ["coral:pci:0000:01:00.0", "coral:usb:2-1.3"]
    assert _wrong(found) == []
    assert found.next_step == ""
    said = [finding.what for finding in found.findings]
    assert said[0].startswith("Python 3.")
    assert "LiteRT" in said[0]
    assert said[1].endswith("PCI address 0000:01:00.0, /dev/apex_0 (apex 1.2, gasket 1.1.4, 45 °C)")
    assert said[2].endswith("USB port 2-1.3 (5000 Mbit/s)")
    assert said[3] == f"{works}, runtime version 14 (COMPILER=12.3.0,DATE=redacted,TIME=redacted)"
    assert said[4:] == [
        "coral:pci:0000:01:00.0 works: the library opened it",
        "coral:usb:2-1.3 works: the library opened it",
    ]


def test_no_device(tree: Tree, works: Path) -> None:
    found = examine(tree.root)
    assert _only(found).what == "no Edge TPU is on USB or PCIe"
    assert "lsusb" in found.next_step
    assert found.working == ()


def test_no_device_in_a_container(tree: Tree, works: Path) -> None:
    tree.write("", **{".dockerenv": ""})
    finding = _only(examine(tree.root))
    assert finding.what == "no Edge TPU is on USB or PCIe, as seen in this Docker container"
    assert "docker run -v /dev/bus/usb:/dev/bus/usb --device-cgroup-rule='c 189:* rmw'" in finding.remedy


def test_usb_2(tree: Tree, works: Path) -> None:
    tree.usb("1-1", speed=480)
    found = examine(tree.root)
    assert _only(found).what == "coral:usb:1-1 is on USB 2 (480 Mbit/s), which makes it slow"
    assert len(found.working) == 1


def test_before_firmware_is_normal(tree: Tree, works: Path) -> None:
    tree.usb("2-1", dfu=True)
    found = examine(tree.root)
    assert _wrong(found) == []
    assert (
        Finding("note", "coral:usb:2-1 has no firmware yet, which is normal: the library loads it at first use")
        in found.findings
    )


def test_no_permission_and_no_rule(tree: Tree, works: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    tree.usb("2-1")
    found = examine(tree.root)
    finding = _only(found)
    assert finding.what.startswith("this user may not open /dev/bus/usb/002/007 (root:root, mode 0")
    for vendor, product in (("1a6e", "089a"), ("18d1", "9302")):
        device = f'ATTRS{{idVendor}}=="{vendor}", ATTRS{{idProduct}}=="{product}"'
        assert f'\'SUBSYSTEM=="usb", {device}, MODE="0664", GROUP="plugdev"\'' in finding.remedy
    assert "sudo udevadm control --reload-rules && sudo udevadm trigger" in finding.remedy
    assert found.tried == ()


def test_no_permission_for_pci(tree: Tree, works: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    tree.pci("0000:01:00.0", "apex_0")
    remedy = _only(examine(tree.root)).remedy
    assert '\'SUBSYSTEM=="apex", MODE="0660", GROUP="apex"\' | sudo tee /etc/udev/rules.d/60-edgetpu.rules' in remedy
    assert "sudo groupadd -f apex && sudo usermod -aG apex $USER" in remedy


def test_not_in_the_group(tree: Tree, works: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr("littoral.coral.chips._names_of", lambda *_: ("root", "plugdev"))
    tree.usb("2-1")
    assert _only(examine(tree.root)).remedy == "sudo usermod -aG plugdev $USER, then log in again"


def test_no_permission_in_a_container(tree: Tree, works: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    tree.write("run", **{".containerenv": ""})
    tree.usb("2-1")
    assert "docker run --group-add $(stat -c %g /dev/bus/usb/002/007)" in _only(examine(tree.root)).remedy


@pytest.mark.parametrize(
    ("module", "installed", "what", "remedy"),
    [
        (False, False, "has no driver: gasket and apex are not installed", "gasket-dkms"),
        (False, True, "waits for its driver, which is installed but not loaded", "sudo modprobe apex"),
        (True, True, "is not taken by the apex driver, which is loaded", "sudo dmesg | grep -i apex"),
    ],
)
def test_no_driver(module: bool, installed: bool, what: str, remedy: str, tree: Tree, works: Path) -> None:
    tree.pci("0000:01:00.0", driver="")
    if module:
        tree.write("sys/module/apex")
    if installed:
        tree.write(
            f"lib/modules/{os.uname().release}", **{"modules.dep": "updates/dkms/apex.ko.xz: updates/dkms/gasket.ko.xz"}
        )
    finding = _only(examine(tree.root))
    assert finding.what == f"the Edge TPU at PCI address 0000:01:00.0 {what}"
    assert remedy in finding.remedy


def test_another_driver_has_it(tree: Tree, works: Path) -> None:
    tree.pci("0000:01:00.0", driver="vfio-pci")
    assert "is given to the driver vfio-pci, not to apex" in _only(examine(tree.root)).what


def test_no_device_file(tree: Tree, works: Path) -> None:
    tree.pci("0000:01:00.0", "apex_0", node=False)
    tree.usb("2-1", node=False)
    usb, pci = _wrong(examine(tree.root))
    assert usb.what == "coral:usb:2-1 has no device file /dev/bus/usb/002/007"
    assert pci.what == "the Edge TPU at PCI address 0000:01:00.0 has no device file /dev/apex_0"
    assert "sudo udevadm trigger" in usb.remedy
    assert "sudo udevadm trigger" in pci.remedy


def test_a_container_without_the_device(tree: Tree, works: Path) -> None:
    tree.write("proc/1", cgroup="12:devices:/docker/4f2a")
    tree.pci("0000:01:00.0", "apex_0", node=False)
    tree.usb("2-1", node=False)
    usb, pci = _wrong(examine(tree.root))
    assert usb.what.endswith("has no device file /dev/bus/usb/002/007 in this Docker container")
    assert usb.remedy == "docker run -v /dev/bus/usb:/dev/bus/usb --device-cgroup-rule='c 189:* rmw' ..."
    assert pci.remedy == "docker run --device /dev/apex_0 ..."


@pytest.mark.parametrize(
    ("cgroup", "name"),
    [
        ("0::/kubepods/pod1", "Kubernetes"),
        ("0::/lxc.payload.a", "LXC"),
        ("0::/system.slice/containerd.service", "containerd"),
    ],
)
def test_kinds_of_containers(cgroup: str, name: str, tree: Tree, works: Path) -> None:
    tree.write("proc/1", cgroup=cgroup)
    assert examine(tree.root).container == name


def test_heat_and_death(tree: Tree, works: Path) -> None:
    tree.pci("0000:01:00.0", "apex_0", temp=86000, trip_point0_temp=85000)
    tree.pci("0000:02:00.0", "apex_1", status="DEAD")
    found = examine(tree.root)
    assert {finding.what for finding in _wrong(found)} == {
        "coral:pci:0000:01:00.0 is at 86 °C: it runs at 1/2 of its clock",
        "coral:pci:0000:02:00.0 was given up by its driver",
    }
    assert [chip.identity for chip in found.working] == ["0000:01:00.0"]
    assert "poweroff" in found.next_step  # the error comes before the warning


def test_in_use(tree: Tree, works: Path) -> None:
    tree.pci("0000:01:00.0", "apex_0", is_device_owned=1, device_owner=4711)
    tree.usb("2-1", claimed=True)
    found = examine(tree.root)
    pci, usb = _wrong(found)
    assert pci.what == "coral:pci:0000:01:00.0 is in use by process 4711, so that it was not tried"
    assert pci.remedy == "Which it is: ps 4711"
    assert usb.remedy == "Which it is: sudo fuser -v /dev/bus/usb/002/007"
    assert found.tried == ()


def test_no_library(tree: Tree, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "gone.so"))
    tree.usb("2-1")
    found = examine(tree.root)
    assert _only(found).what.endswith("gone.so, which is not a file")
    assert found.library is None


def test_a_library_that_crashes(tree: Tree, build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(build(LIBRARY + "__attribute__((constructor)) static void s(void) { abort(); }")))
    tree.usb("2-1")
    assert "crashes (SIGABRT) when it is loaded" in _only(examine(tree.root)).what


def test_the_build_of_2021(tree: Tree, build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(build(OPENS.replace("12.3.0", "6.3.0 20170516"))))
    tree.usb("2-1")
    finding = _only(examine(tree.root))
    assert finding.level == "warning"
    assert "looks like the vendor's build of 2021: it crashes in TensorFlow Lite 2.12 and newer" in finding.what
    assert "feranick/libedgetpu" in finding.remedy


def test_the_real_reason(tree: Tree, build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    source = LIBRARY.replace("/* OPEN */", FAILED.format("Deadline exceeded: USB error -6 [ClaimInterface]"))
    monkeypatch.setenv(VARIABLE, str(build(source)))
    tree.usb("2-1")
    assert _only(examine(tree.root)).what == (
        "coral:usb:2-1 cannot be opened: another process holds it (Deadline exceeded: USB error -6 [ClaimInterface])"
    )


def test_a_denial_that_only_the_library_meets(tree: Tree, build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    source = LIBRARY.replace("/* OPEN */", FAILED.format("Permission denied: USB error -3 [OpenDevice]"))
    monkeypatch.setenv(VARIABLE, str(build(source)))
    tree.usb("2-1")
    assert "60-edgetpu.rules" in _only(examine(tree.root)).remedy


def test_a_library_that_crashes_over_a_chip(tree: Tree, build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(build(LIBRARY.replace("/* OPEN */", "abort();"))))
    tree.usb("2-1")
    assert "the library crashes (SIGABRT) when it opens it" in _only(examine(tree.root)).what


def test_json_has_all_of_it(tree: Tree, works: Path) -> None:
    tree.usb("2-1", speed=480)
    tree.pci("0000:01:00.0", driver="")
    summary = json.loads(json.dumps(examine(tree.root).summary()))
    assert summary["usable"] == ["coral:usb:2-1"]
    assert summary["chips"][0]["node"]["path"] == "/dev/bus/usb/002/007"
    assert summary["hidden"] == [{"identity": "0000:01:00.0", "driver": "", "node": ""}]
    assert summary["library"]["runtime_version"] == 14
    assert summary["tried"][0]["opened"] is True
    assert {finding["level"] for finding in summary["findings"]} == {"ok", "warning", "error"}


def _littoral(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from littoral.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def test_the_command_without_a_chip(board: Board) -> None:
    done = _littoral("doctor")
    assert done.returncode == 1
    assert "✗ no Edge TPU is on USB or PCIe" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("No chip works. Next: ")


def test_the_command_with_chips(board: Board) -> None:
    board.plug("usb", "1-4", dfu=True, speed=480)
    board.plug("pci", "0000:01:00.0")
    done = _littoral("doctor")
    assert done.returncode == 0, done.stderr
    assert "! coral:usb:1-4 is on USB 2 (480 Mbit/s), which makes it slow\n  → Plug it" in done.stdout
    assert done.stdout.splitlines()[-1] == "Ready: coral:pci:0000:01:00.0, coral:usb:1-4"


def test_the_command_writes_a_hardware_report(board: Board, mobilenet: Pair, tmp_path: Path) -> None:
    board.plug("usb", "2-1")
    file = tmp_path / "report.json"
    done = _littoral("doctor", mobilenet.compiled, "--hardware-report", file, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["usable"] == ["coral:usb:2-1"]
    report = json.loads(file.read_text())
    assert report["format"] == FORMAT
    (run,) = report["runs"]
    assert run["refused"] == ""
    assert run["device"] == "coral:usb:2-1"
    assert 0 < run["latency"]["p50"] < 60
    assert report["chips_after"][0]["stable"] == "coral:usb:2-1"
    assert [path.name for path in tmp_path.glob(".report*")] == []


def test_models_without_a_report_are_a_mistake(board: Board) -> None:
    done = _littoral("doctor", "model.tflite")
    assert done.returncode == 2
    assert "--hardware-report FILE" in done.stderr


def test_a_report_that_cannot_be_written(board: Board, tmp_path: Path) -> None:
    done = _littoral("doctor", "--hardware-report", tmp_path / "nowhere" / "report.json")
    assert done.returncode == 2
    assert "nowhere" in done.stderr
