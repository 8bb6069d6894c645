"""The device `coral`: which chip, which library, which options; on the stand-in library."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.coral.standin.board import Board
from tests.coral.standin.build import build
from tests.coral.standin_fixtures import Pair, board, mobilenet, standin

from littoral.coral import device
from littoral.coral.chips import Chip, Node
from littoral.coral.device import Coral
from littoral.coral.library import Trial
from littoral.coral.lock import ChipLock
from littoral.errors import DeviceError
from littoral.runtime import load
from littoral.runtime.places import candidates

__all__ = ["board", "mobilenet", "standin"]

X = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3), dtype=np.uint8)
USB = Chip(
    "usb", 0, "2-1", "/sys/bus/usb/devices/2-1", "ready", Node("/dev/bus/usb/002/002", True, usable=True), speed=5000
)
OTHER = replace(USB, index=1, identity="1-4", path="/sys/bus/usb/devices/1-4")
PCI = Chip("pci", 0, "0000:01:00.0", "/dev/apex_0", "ready", Node("/dev/apex_0", True, usable=True))

_SHARE = """import gc, sys
import numpy as np
from littoral.coral.lock import ChipLock
from littoral.runtime import load
x = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3), dtype=np.uint8)
with load(sys.argv[1], "coral", isolate=False) as a, load(sys.argv[1], "coral:usb:2-1", isolate=False) as b:
    same = bool((a(x, raw=True) == b(x, raw=True)).all())
    probe = ChipLock("usb", "2-1")
    held = probe.shared
probe.release()
gc.collect()
print(same, held, ChipLock("usb", "2-1").shared)
"""
Show = Callable[..., None]


@pytest.fixture
def show(board: Board, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Show:
    """Gives this process chips to find. Nothing opens them."""
    monkeypatch.setenv("LITTORAL_HOME", str(tmp_path / "home"))

    def show(*chips: Chip) -> None:
        monkeypatch.setattr(device, "find", lambda: chips)

    return show


def test_a_compiled_model_runs(board: Board, mobilenet: Pair) -> None:
    board.plug("usb", "2-1")
    with load(mobilenet.compiled, "coral") as model, load(mobilenet.cpu, threads=1) as cpu:
        np.testing.assert_array_equal(model(X, raw=True), cpu(X, raw=True))
        assert model.isolated
        assert model.placement.accelerated == 1
        assert [place.runner for place in model.placement.operators] == ["coral"]
        assert model.notes == ()


@pytest.mark.parametrize("name", ["coral", "coral:0", "coral:usb", "coral:usb:0", "coral:usb:2-1"])
def test_device_strings_lead_to_the_chip(board: Board, mobilenet: Pair, name: str) -> None:
    board.plug("usb", "2-1")
    with load(mobilenet.compiled, name) as model:
        assert model.device == name
        model.warm_up()
    assert board.calls > 0


def test_the_part_on_the_processor_runs_there(board: Board, coral: Path) -> None:
    compiled = coral / "movenet_single_pose_lightning_ptq_edgetpu.tflite"
    board.teach(compiled, coral / "movenet_single_pose_lightning_ptq.tflite")
    board.plug("pci", "0000:01:00.0")
    with load(compiled, "coral:pci:0") as model:
        runners = [(place.name, place.runner) for place in model.placement.operators]
    assert [name for name, runner in runners if runner == "coral"] == ["edgetpu-custom-op"]
    assert ("ARG_MAX", "cpu") in runners


def test_two_models_of_one_process_share_a_chip_without_isolation(board: Board, mobilenet: Pair) -> None:
    board.plug("usb", "2-1")
    file = str(mobilenet.compiled)
    ran = subprocess.run([sys.executable, "-c", _SHARE, file], capture_output=True, text=True, check=False)
    assert ran.stdout == "True True False\n", ran.stderr


def test_two_isolated_models_take_a_chip_each(board: Board, mobilenet: Pair) -> None:
    board.plug("usb", "2-1")
    board.plug("usb", "1-4")
    with load(mobilenet.compiled, "coral") as first, load(mobilenet.compiled, "coral") as second:
        np.testing.assert_array_equal(first(X, raw=True), second(X, raw=True))
        assert {unit.port for unit in board.listed() if unit.user} == {"2-1", "1-4"}
        with pytest.raises(DeviceError, match=r"chip usb (2-1|1-4) is in use by process \d+\. End that process"):
            load(mobilenet.compiled, "coral")


def test_another_process_is_named(show: Show) -> None:
    show(USB)
    program = "from littoral.coral.lock import ChipLock; lock = ChipLock('usb', '2-1'); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(DeviceError, match=f"chip usb 2-1 is in use by process {other.pid}"):
            Coral("usb", "0")
        show(USB, OTHER)
        assert Coral().chip == OTHER
        other.communicate("\n")


def test_a_chip_that_the_kernel_shows_in_use(show: Show) -> None:
    show(replace(PCI, user="process 77"))
    with pytest.raises(DeviceError, match=r"chip pci 0000:01:00.0 is in use by process 77\."):
        Coral()
    assert free("pci", "0000:01:00.0")


@pytest.mark.parametrize(
    ("chip", "words"),
    [
        (
            replace(USB, node=Node("/dev/bus/usb/002/002", True, "root", "plugdev", 0o660)),
            "USB port 2-1 cannot be opened: this user may not open /dev/bus/usb/002/002",
        ),
        (replace(USB, node=Node("/dev/bus/usb/002/002")), "/dev/bus/usb/002/002 is not there"),
        (replace(PCI, state="dead"), "/dev/apex_0 cannot be opened: the driver says that it is dead"),
    ],
)
def test_chips_that_cannot_be_opened(show: Show, chip: Chip, words: str) -> None:
    show(chip)
    with pytest.raises(DeviceError) as caught:
        Coral()
    assert words in caught.value.cause
    assert caught.value.remedy.startswith("Run littoral doctor")


def test_heat_and_slow_ports_are_noted(board: Board, mobilenet: Pair) -> None:
    board.plug("pci", "0000:01:00.0")
    board.plug("usb", "2-1", speed=480)
    board.heat("0000:01:00.0", 91)
    with load(mobilenet.compiled, "coral:pci:0") as hot, load(mobilenet.compiled, "coral:usb:0") as slow:
        assert hot.notes == ("coral:pci:0 91.0 °C: slowed to 1/4 of its clock",)
        assert slow.notes == ("coral:usb:0 on a USB 2 connection (480 Mbit/s), which makes it slow",)


def test_no_library(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    show(USB)
    monkeypatch.setenv("LITTORAL_EDGETPU", "/nowhere/libedgetpu.so.1")
    with pytest.raises(DeviceError, match=r"LITTORAL_EDGETPU names /nowhere/libedgetpu.so.1, which is not a file"):
        Coral()
    assert free("usb", "2-1")


def test_a_library_for_a_lower_clock(show: Show, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    show(USB, PCI)
    library = build(tmp_path, extra=b"\0PERFORMANCE=THROTTLED\0")
    monkeypatch.setenv("LITTORAL_EDGETPU", str(library))
    with pytest.raises(DeviceError, match=r"performance=max does nothing with .*Install libedgetpu1-max"):
        Coral("usb", "0", "performance=max")
    assert Coral("usb", "0", "performance=high").options == {"device": "usb:0", "Performance": "High"}
    assert Coral("pci", "0", "performance=max").options == {"device": "pci:0", "Performance": "Max"}
    monkeypatch.setenv("LITTORAL_EDGETPU", str(build(tmp_path, extra=b"\0PERFORMANCE=DIRECT\0")))
    assert Coral("usb", "0", "performance=max").options == {"device": "usb:0", "Performance": "Max"}


def test_why_it_cannot_be_opened_comes_from_the_library(show: Show, board: Board, mobilenet: Pair) -> None:
    """The plug-in gives no reason; the library writes one at a high verbosity."""
    show(USB)
    with pytest.raises(DeviceError) as caught:
        load(mobilenet.compiled, "coral", isolate=False)
    assert "cannot open Coral Edge TPU at USB port 2-1: the library says: No device is available" in caught.value.cause
    assert caught.value.remedy
    assert free("usb", "2-1")


def test_what_the_library_says_itself_is_not_asked_again(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    show(USB)
    assert Coral().failed("its own words").cause.endswith("cannot open Coral Edge TPU at USB port 2-1: its own words")
    monkeypatch.setattr(device, "try_open", lambda *_: Trial(True, ""))
    assert str(Coral().failed("")).endswith("at a second try it opens: another program may have had it. Try again")


def test_an_index_is_pinned_to_its_chip(show: Show) -> None:
    show(PCI, USB, OTHER)
    assert Coral.pin("usb", "1", "performance=low") == ("usb", "1-4", "performance=low")
    assert Coral.pin("0") == Coral.pin("pci", "0") == ("pci", "0000", "01", "00.0")
    assert Coral.pin("2") == Coral.pin("usb", "1-4") == ("usb", "1-4")
    assert Coral.pin() == ()
    assert Coral.pin("usb", "performance=low") == ("usb", "performance=low")
    for options in [("usb", "0"), ("pci", "0000", "01", "00.0")]:
        assert Coral(*Coral.pin(*options)).chip == Coral(*options).chip
    with pytest.raises(DeviceError, match="there is no device coral:usb:7"):
        Coral.pin("usb", "7")


def test_tuning_tries_the_chips_that_can_be_used(show: Show) -> None:
    show(PCI, USB, replace(OTHER, user="another process"))
    assert Coral.devices() == ["coral:pci:0000:01:00.0", "coral:usb:2-1"]
    assert set(Coral.devices()) <= set(candidates())
    show()
    assert not [name for name in candidates() if name.startswith("coral")]


def free(kind: str, identity: str) -> bool:
    """Whether this process has let go of a chip."""
    lock = ChipLock(kind, identity)
    lock.release()
    return not lock.shared
