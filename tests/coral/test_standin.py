"""The stand-in does what libedgetpu's sources say that libedgetpu does.

A real library is asked the same where LITTORAL_EDGETPU names one; what needs a chip runs on the stand-in alone.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.coral.standin.board import Board
from tests.coral.standin.twin import OPERATOR, least_runtime
from tests.coral.standin_fixtures import Pair, board, mobilenet, standin

from littoral.coral.compiled import read_compiled
from littoral.coral.library import VARIABLE, probe, try_open
from littoral.runtime import load
from littoral.tflite import read

__all__ = ["board", "mobilenet", "standin"]

REAL = os.environ.get(VARIABLE)  # before any fixture changes it

_KEEP = """import sys
from pathlib import Path
from tests.coral.test_standin import opened
print(opened(Path(sys.argv[1]), {"device": "usb:0"}, keep=True), flush=True)
sys.stdin.read()
"""
PAIRS = [
    "deeplabv3_mnv2_pascal_quant",
    "keras_lstm_mnist_ptq",
    "mobilenet_v1_0.5_160_quant",
    "movenet_single_pose_lightning_ptq",
    "tools/split_concat",
]


@pytest.fixture(params=["stand-in", "real"])
def library(request: pytest.FixtureRequest, board: Board) -> Path:
    """The stand-in, and the vendor's library where LITTORAL_EDGETPU names one."""
    if request.param == "stand-in":
        return Path(os.environ[VARIABLE])
    if not REAL:
        pytest.skip(f"{VARIABLE} names no real library")
    return Path(REAL)


def test_it_is_called_what_it_is() -> None:
    source = Path(__file__).parent / "standin" / "edgetpu_standin.c"
    assert "stand-in" in source.read_text().splitlines()[0]


def test_version_and_functions(library: Path) -> None:
    found = probe(library)
    assert found.runtime_version == 14
    assert found.build


@pytest.mark.parametrize("device", ["", ":0", "usb", "usb:0", "pci", "pci:0", "pci:7", "nonsense", "usb:x", "usb:-1"])
def test_without_a_chip_nothing_opens_and_nothing_crashes(library: Path, device: str) -> None:
    trial = try_open(library, device)
    assert (trial.opened, trial.death) == (False, "")


def test_the_plugin_gives_no_reason(library: Path) -> None:
    with pytest.raises(AssertionError, match="no delegate"):
        opened(library, {"device": "usb:0"})


@pytest.mark.parametrize(
    ("device", "chip"),
    [
        ("", "0000:01:00.0"),
        (":0", "0000:01:00.0"),
        (":1", "1-2"),
        (":2", "2-1"),
        ("pci", "0000:01:00.0"),
        ("usb", "1-2"),
        ("usb:0", "1-2"),
        ("usb:1", "2-1"),
    ],
)
def test_devices_in_the_vendors_order(board: Board, standin: Path, device: str, chip: str) -> None:
    board.plug("usb", "2-1")
    board.plug("usb", "1-2", dfu=True)
    board.plug("pci", "0000:01:00.0")
    assert [unit.port for unit in board.listed()] == ["0000:01:00.0", "1-2", "2-1"]
    assert opened(standin, {"device": device} if device else {}) == chip_of(board, chip)


def test_options_count_only_with_an_index(board: Board, standin: Path) -> None:
    board.plug("usb", "2-1")
    wrong = {"Performance": "Fastest"}
    assert opened(standin, wrong)
    assert opened(standin, {"device": "usb", **wrong})
    for name, value in [*wrong.items(), ("Usb.AlwaysDfu", "yes"), ("Usb.MaxBulkInQueueLength", "257")]:
        with pytest.raises(AssertionError, match="no delegate"):
            opened(standin, {"device": "usb:0", name: value})
    assert opened(standin, {"device": "usb:0", "Performance": "Low", "Usb.MaxBulkInQueueLength": "256"})


def test_firmware_is_loaded_at_first_use_and_changes_the_index(board: Board, standin: Path) -> None:
    board.plug("usb", "2-1")
    board.plug("usb", "1-2", dfu=True)
    assert [unit.port for unit in board.listed()] == ["1-2", "2-1"]
    opened(standin, {"device": "usb:0"})
    assert [(unit.port, unit.dfu) for unit in board.listed()] == [("2-1", False), ("1-2", False)]


def test_one_process_has_a_chip(board: Board, standin: Path) -> None:
    board.plug("usb", "2-1")
    with subprocess.Popen(
        [sys.executable, "-c", _KEEP, str(standin)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as other:
        assert other.stdout is not None
        assert b"2-1" in other.stdout.readline()
        assert not try_open(standin, "usb:0").opened
        other.kill()
    assert try_open(standin, "usb:0").opened


@pytest.mark.parametrize("name", PAIRS)
def test_chips_answer_as_the_cpu_twin(board: Board, coral: Path, name: str) -> None:
    pair = Pair(coral / f"{name}_edgetpu.tflite", coral / f"{name}.tflite")
    board.plug("usb", "2-1")
    board.teach(pair.compiled, pair.cpu)
    rng = np.random.default_rng(0)
    with load(pair.compiled, "coral:usb:0", threads=1) as chip, load(pair.cpu, threads=1) as cpu:
        for _ in range(2):
            x = [rng.integers(0, 100, info.shape).astype(info.dtype) for info in chip.inputs]
            ours, theirs = chip(*x, raw=True), cpu(*x, raw=True)
            np.testing.assert_equal(ours, theirs)
    assert board.calls == 2 * sum(operator.name == OPERATOR for operator in read(pair.compiled).main.operators)


def test_the_least_runtime_is_what_the_reader_finds(coral: Path) -> None:
    for file in [*coral.rglob("*_edgetpu.tflite")]:
        graph = read(file)
        found = [least_runtime(bytes(o.custom_options or b"")) for o in graph.main.operators if o.name == OPERATOR]
        assert found == [segment.min_runtime_version for segment in read_compiled(graph).segments], file.name


def opened(library: Path, options: dict[str, str], keep: bool = False) -> str:
    """The path of the chip that the library opens. It is closed again unless it is to be kept."""
    native = ctypes.CDLL(str(library))
    create, destroy = native.tflite_plugin_create_delegate, native.tflite_plugin_destroy_delegate
    create.restype, destroy.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    strings = ctypes.c_char_p * len(options)
    keys, values = strings(*map(str.encode, options)), strings(*(value.encode() for value in options.values()))
    delegate = create(keys, values, ctypes.c_size_t(len(options)), None)
    assert delegate, "no delegate"
    chip = ctypes.cast(delegate, ctypes.POINTER(ctypes.c_void_p))[0]
    path = ctypes.string_at(int(chip or 0) + 4).decode()  # Chip.path, behind Chip.kind
    if not keep:
        destroy(delegate)
    return path


def chip_of(board: Board, port: str) -> str:
    return next(unit.path for unit in board.listed() if unit.port == port)
