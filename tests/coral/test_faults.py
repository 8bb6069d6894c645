"""Chips that go wrong, on the stand-in: each request has an answer or an error, each fault is counted."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tests.coral.standin.board import Board, Fault
from tests.coral.standin_fixtures import Pair, board, mobilenet, standin

from littoral.coral.canary import Canary
from littoral.errors import DeviceError
from littoral.runtime import Isolation, Model, load
from littoral.runtime.faults import DeviceFaults
from littoral.runtime.tensors import Array

__all__ = ["board", "mobilenet", "standin"]

_USE = """import sys
from littoral.runtime import load
with load(sys.argv[1], "coral") as model:
    model.warm_up()
    print("runs", flush=True)
    input()
"""
QUICK = Isolation(timeout=1.0, silence=1.0, start=20, wait=0.01, longest_wait=0.05)
rng = np.random.default_rng(0)
INPUTS = [rng.integers(0, 256, (1, 128, 128, 3), dtype=np.uint8) for _ in range(3)]


@pytest.fixture
def answers(mobilenet: Pair) -> list[Array]:
    """What the CPU twin says to the inputs."""
    with load(mobilenet.cpu, threads=1) as cpu:
        return [np.asarray(cpu(x, raw=True)) for x in INPUTS]


def call(model: Model, answers: list[Array], number: int = 0) -> None:
    """Calls the model and checks the answer."""
    np.testing.assert_array_equal(model(INPUTS[number % 3], raw=True), answers[number % 3])


def until_it_answers(model: Model, answers: list[Array]) -> list[DeviceError]:
    """Calls until there is an answer; the errors before it."""
    errors: list[DeviceError] = []
    while True:
        try:
            call(model, answers)
        except DeviceError as error:
            errors.append(error)
            assert len(errors) < 200
            threading.Event().wait(0.02)
        else:
            return errors


@pytest.mark.parametrize(
    ("fault", "words", "counted"),
    [
        ("crash", r"died \(SIGSEGV\)", DeviceFaults(crashes=1, restarts=1)),
        ("hang", r"hung \(no answer in 1 s\)", DeviceFaults(hangs=1, restarts=1)),
        ("fail", r"USB transfer error 2 \[LibUsbDataOutCallback\]", DeviceFaults(errors=1, restarts=1)),
    ],
)
def test_a_fault_is_an_error_and_the_next_call_is_answered(
    board: Board, mobilenet: Pair, answers: list[Array], fault: Fault, words: str, counted: DeviceFaults
) -> None:
    board.plug("usb", "2-1")
    with load(mobilenet.compiled, "coral", isolate=QUICK) as model:
        call(model, answers)
        board.trouble = lambda number: fault if number == 1 else None
        with pytest.raises(DeviceError, match=words):
            model(INPUTS[0], raw=True)
        call(model, answers)
        assert model.faults.devices == {"coral": counted}
        assert (model.faults.failed, model.faults.rescued) == (1, 0)
    assert board.faults == {fault: 1}


@pytest.mark.parametrize("dfu", [True, False])
def test_unplugged_in_mid_inference_and_back(board: Board, mobilenet: Pair, answers: list[Array], dfu: bool) -> None:
    board.plug("usb", "2-1")
    with load(mobilenet.compiled, "coral:usb:0", isolate=QUICK) as model:
        board.trouble = lambda number: "unplug" if number == 1 else None
        call(model, answers)
        with pytest.raises(DeviceError, match=r"died \(SIGABRT\); its last words: .*USB transfer error 5"):
            model(INPUTS[0], raw=True)
        with pytest.raises(DeviceError, match=r"there is no device coral:usb:2-1.*littoral doctor"):
            model(INPUTS[0], raw=True)
        with pytest.raises(DeviceError):  # while it waits, or tries again
            model(INPUTS[0], raw=True)
        board.plug("usb", "2-1", dfu=dfu)
        until_it_answers(model, answers)
        assert [(unit.port, unit.dfu) for unit in board.listed()] == [("2-1", False)]
        counted = model.faults.devices["coral:usb:0"]
        assert (counted.crashes, counted.hangs, counted.restarts) == (1, 0, 1)
        assert counted.errors >= 1


def test_the_same_chip_after_its_index_changed(board: Board, mobilenet: Pair, answers: list[Array]) -> None:
    board.plug("usb", "2-1")
    board.plug("usb", "1-4", dfu=True)
    with load(mobilenet.compiled, "coral:usb:0", isolate=QUICK) as model:
        call(model, answers)
        assert [(unit.port, unit.user is not None) for unit in board.listed()] == [("2-1", False), ("1-4", True)]
        board.trouble = lambda number: "crash" if number == 1 else None
        with pytest.raises(DeviceError):
            model(INPUTS[0], raw=True)
        call(model, answers)
        assert [(unit.port, unit.user is not None) for unit in board.listed()] == [("2-1", False), ("1-4", True)]


def test_a_chip_that_dies_every_few_calls(board: Board, mobilenet: Pair, answers: list[Array]) -> None:
    board.plug("usb", "2-1")
    board.trouble = lambda number: "crash" if number % 5 == 4 else None
    outcomes: Counter[str] = Counter()
    with load(mobilenet.compiled, "coral", isolate=QUICK) as model:
        for number in range(20):
            try:
                call(model, answers, number)
                outcomes["answered"] += 1
            except DeviceError:
                outcomes["failed"] += 1
        faults = model.faults
    assert outcomes == {"answered": 16, "failed": 4}
    assert board.faults == {"crash": 4}
    assert faults.devices == {"coral": DeviceFaults(crashes=4, restarts=3)}  # the last one died at the last call
    assert faults.failed == 4


@pytest.mark.filterwarnings("ignore:coral failed, and cpu answered:littoral.runtime.FallbackWarning")
def test_the_cpu_twin_answers_instead(board: Board, mobilenet: Pair, answers: list[Array]) -> None:
    board.plug("usb", "2-1")
    kinds: list[Fault] = ["crash", "hang", "fail"]
    board.trouble = lambda number: kinds[number // 4 % 3] if number % 4 == 3 else None
    with load(mobilenet.files, "coral|cpu", isolate=QUICK) as model:
        for number in range(24):
            call(model, answers, number)
        assert model.device == "coral"
        counted, rescued = model.faults.devices["coral"], model.faults.rescued
    assert board.faults == {"crash": counted.crashes, "hang": counted.hangs, "fail": counted.errors}
    assert rescued == sum(board.faults.values()) >= 5
    assert model.faults.failed == 0


@pytest.mark.filterwarnings("ignore:coral failed, and cpu answered:littoral.runtime.FallbackWarning")
def test_a_chip_that_is_gone_for_a_while(board: Board, mobilenet: Pair, answers: list[Array]) -> None:
    board.plug("usb", "2-1")
    with load(mobilenet.files, "coral|cpu", isolate=QUICK) as model:
        call(model, answers)
        board.unplug("2-1")
        for number in range(10):
            call(model, answers, number)
        before = board.calls
        assert model.faults.rescued == 10
        board.plug("usb", "2-1", dfu=True)
        for number in range(100):
            call(model, answers, number)
            threading.Event().wait(0.01)
        assert board.calls > before, "the chip is used again"


@pytest.mark.filterwarnings("ignore:coral was passed over for cpu:littoral.runtime.FallbackWarning")
def test_without_a_chip_the_twin_runs_from_the_start(board: Board, mobilenet: Pair, answers: list[Array]) -> None:
    with load(mobilenet.files, "coral|cpu") as model:
        assert model.device == "cpu"
        assert "coral was passed over for cpu: there is no device coral" in model.notes[0]
        call(model, answers)


def test_files_that_are_no_twins_do_not_stand_in_for_each_other(board: Board, mobilenet: Pair, coral: Path) -> None:
    board.plug("usb", "2-1")
    other = coral / "mobilenet_v1_0.5_160_quant.tflite"
    with pytest.raises(DeviceError, match=r"are not twins: input 'input' has shape \[1, 128, 128, 3\], and \[1, 160"):
        load({"coral": mobilenet.compiled, "cpu": other}, "coral|cpu")


def test_two_processes_on_one_chip(board: Board, mobilenet: Pair, answers: list[Array]) -> None:
    board.plug("usb", "2-1")
    with subprocess.Popen(
        [sys.executable, "-c", _USE, str(mobilenet.compiled)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "runs\n"
        with pytest.raises(DeviceError, match=r"chip usb 2-1 is in use by process \d+\. End that process or choose"):
            load(mobilenet.compiled, "coral:usb:0")
        other.communicate("\n")
        assert other.returncode == 0
    with load(mobilenet.compiled, "coral:usb:0") as model:
        call(model, answers)


def test_threads_lose_no_request(board: Board, mobilenet: Pair, answers: list[Array]) -> None:
    board.plug("usb", "2-1")
    board.trouble = lambda number: "crash" if number % 11 == 10 else "fail" if number % 7 == 6 else None

    def request(number: int) -> str:
        try:
            call(model, answers, number)
        except DeviceError:
            return "failed"
        return "answered"

    with load(mobilenet.compiled, "coral", isolate=QUICK) as model, ThreadPoolExecutor(4) as threads:
        outcomes = Counter(threads.map(request, range(60)))
        faults = model.faults
    counted = faults.devices["coral"]
    assert outcomes["failed"] == faults.failed
    assert sum(outcomes.values()) == 60
    assert counted.crashes == board.faults["crash"] > 0
    assert counted.errors == board.faults["fail"] > 0
    assert board.calls == outcomes["answered"] + counted.crashes + counted.errors


def test_a_lie_is_seen_by_nobody_but_the_canary(board: Board, mobilenet: Pair, answers: list[Array]) -> None:
    board.plug("usb", "2-1")
    with load(mobilenet.compiled, "coral") as model, load(mobilenet.cpu) as cpu:
        watched = Canary(model, cpu, every=5)
        for _ in range(7):
            np.testing.assert_array_equal(watched(INPUTS[0], raw=True), answers[0])
        assert board.calls == 9
        board.trouble = lambda _: "lie"
        wrong = 0
        for _ in range(3):
            wrong += not np.array_equal(watched(INPUTS[0], raw=True), answers[0])
        assert wrong == 3, "until the next question"
        with pytest.raises(DeviceError, match=r"coral gives another '.*' for the same input than at first"):
            watched(INPUTS[0], raw=True)
        assert model.faults.failed == 0


def test_a_liar_from_the_start_is_not_like_its_twin(board: Board, mobilenet: Pair) -> None:
    """So is a compiled model whose parameters were altered: the file has no checksum of them."""
    board.plug("usb", "2-1")
    board.trouble = lambda _: "lie"
    with load(mobilenet.compiled, "coral") as model, load(mobilenet.cpu) as cpu:
        watched = Canary(model, cpu)
        with pytest.raises(DeviceError, match=r"coral gives '.*' [\d,]+% off its CPU twin\. Up to 10% may be rounding"):
            watched(INPUTS[0], raw=True)
        assert board.calls == 1, "the call was not made"


def test_a_model_with_state_has_no_canary(board: Board, coral: Path) -> None:
    pair = Pair(coral / "keras_lstm_mnist_ptq_edgetpu.tflite", coral / "keras_lstm_mnist_ptq.tflite")
    with load(pair.cpu) as cpu, pytest.raises(DeviceError, match="keeps state"):
        Canary(cpu, cpu)
