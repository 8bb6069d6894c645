"""Faults of devices: counted once each, answered or told, and workers started again with growing waits."""

from __future__ import annotations

import ctypes
import os
import signal
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from littoral.errors import DeviceError
from littoral.runtime import FallbackWarning, Isolation, Model, load, memory
from littoral.runtime.faults import DeviceFaults, Faults
from littoral.runtime.ledger import Ledger
from littoral.runtime.worker.isolation import DownError
from littoral.runtime.worker.process import WorkerError
from littoral.tflite import Graph, write

X = np.array([[1, 2, 3, 4]], np.float32)
QUICK = Isolation(timeout=0.5, silence=20, wait=1000, longest_wait=5000)
PATIENT = Isolation(timeout=20, wait=0)


def test_nothing_went_wrong(subtract: Graph) -> None:
    with load(subtract) as model:
        model(X, X)
        assert model.faults == Faults({}, 0, 0)


def test_counts_of_many_threads_add_up() -> None:
    ledger = Ledger()

    def work(device: str) -> None:
        for _ in range(500):
            ledger.count(device, "errors")
            ledger.end("rescued")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, ["a", "b", "a", "a"]))
    assert ledger.read() == Faults({"a": DeviceFaults(errors=1500), "b": DeviceFaults(errors=500)}, 0, 2000)


@pytest.mark.usefixtures("acme")
def test_a_crash_a_hang_and_an_error(compiled_add: Graph) -> None:
    for fault, counted, words in (
        ("crash=2", DeviceFaults(crashes=1, restarts=1), r"died \(SIGABRT\)"),
        ("hang=2", DeviceFaults(hangs=1, restarts=1), r"hung \(no answer in 0.5 s\)"),
        ("fail=2", DeviceFaults(errors=1, restarts=1), "the cable came off"),
    ):
        with load(compiled_add, f"apart:{fault}", isolate=QUICK) as model:
            model(X)
            with pytest.raises(DownError, match=words):
                model(X)
            np.testing.assert_array_equal(model(X), -2 * X)  # started again at once, and opened anew
            assert model.faults == Faults({f"apart:{fault}": counted}, failed=1, rescued=0)


@pytest.mark.usefixtures("acme")
def test_the_second_failure_in_a_row_waits_and_a_call_fails_at_once(compiled_add: Graph) -> None:
    with load(compiled_add, "apart:crash=1", isolate=QUICK) as model:
        for _ in range(2):
            with pytest.raises(WorkerError):
                model(X)
        for _ in range(50):
            with pytest.raises(DownError, match=r"failed 2 times in a row\. It is started again by the first call in "):
                model(X)
        assert model.faults.devices["apart:crash=1"] == DeviceFaults(crashes=2, restarts=1)
        assert model.faults.failed == 52
        assert memory().workers == 0


@pytest.mark.usefixtures("acme")
def test_an_answer_forgets_failures(compiled_add: Graph) -> None:
    """A device that dies at every other call is started again each time, as it answers in between."""
    with load(compiled_add, "apart:crash=2", isolate=QUICK) as model:
        for _ in range(4):
            np.testing.assert_array_equal(model(X), -2 * X)
            with pytest.raises(WorkerError, match="SIGABRT"):
                model(X)
        assert model.faults == Faults({"apart:crash=2": DeviceFaults(crashes=4, restarts=3)}, failed=4)


@pytest.mark.usefixtures("acme")
def test_the_next_device_answers_meanwhile_and_the_first_comes_back(
    compiled_add: Graph, doubled: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("littoral.runtime.worker.engine.monotonic", lambda: now[0])
    isolation = Isolation(timeout=20, wait=1000, longest_wait=5000)
    files = {"apart": compiled_add, "cpu": doubled}
    with load(files, "apart:crash=2|cpu", isolate=isolation) as model:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FallbackWarning)
            kill(model)
            assert model.placement.accelerated  # it finds the worker dead, and starts another
            kill(model)
            for _ in range(10):
                np.testing.assert_array_equal(model(X), -2 * X)
        assert model.faults.devices["apart:crash=2"] == DeviceFaults(crashes=2, restarts=1)
        assert (model.faults.failed, model.faults.rescued) == (0, 10)
        assert model.device == "apart:crash=2"  # not given up, as it is supervised
        now[0] = 2000.0
        np.testing.assert_array_equal(model(X), -2 * X)
        assert model.faults.devices["apart:crash=2"].restarts == 2
        assert model.faults.rescued == 10


def kill(model: Model) -> None:
    [engine, *_] = model._running.chain.place.engines
    if engine.pid:
        os.kill(engine.pid, signal.SIGKILL)
        time.sleep(0.1)


@pytest.mark.usefixtures("acme")
def test_a_device_that_is_gone_when_it_is_to_be_opened_again(
    compiled_add: Graph, tmp_path: Path, vendor_library: Path
) -> None:
    library = tmp_path / "libgone.so"
    library.write_bytes(vendor_library.read_bytes())
    device = f"apart:library={library}:fail=2"
    with load(compiled_add, device, isolate=PATIENT) as model:
        model(X)
        library.rename(tmp_path / "elsewhere.so")
        for words in ("the cable came off", "cannot be loaded", "cannot be loaded"):
            with pytest.raises(DownError, match=words):
                model(X)
        (tmp_path / "elsewhere.so").rename(library)
        np.testing.assert_array_equal(model(X), -2 * X)
        assert model.faults == Faults({device: DeviceFaults(errors=3, restarts=1)}, failed=3)


@pytest.mark.usefixtures("acme")
def test_faults_outlive_a_move(compiled_add: Graph, doubled: Graph) -> None:
    with load({"acme": compiled_add, "cpu": doubled}, "acme:fail=1", threads=1) as model:
        with pytest.raises(DeviceError):
            model(X)
        model.move("cpu")
        assert model.faults == Faults({"acme:fail=1": DeviceFaults(errors=1)}, failed=1)


def test_an_error_in_this_process_is_one_too(reshape: Graph) -> None:
    with load(reshape) as model:
        with pytest.raises(DeviceError):
            model(np.arange(4, dtype=np.float32), [3, 3])
        assert model.faults == Faults({"cpu": DeviceFaults(errors=1)}, failed=1)


def test_no_call_is_lost_when_devices_die_under_many_threads(
    compiled_add: Graph, doubled: Graph, tmp_path: Path, acme: ctypes.CDLL
) -> None:
    write(compiled_add, tmp_path / "c.tflite")
    files: dict[str, Path | Graph] = {"apart": tmp_path / "c.tflite", "cpu": doubled}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        with (
            load(files, "apart:crash=7|cpu", threads=1, isolate=PATIENT) as model,
            ThreadPoolExecutor(4) as threads,
        ):
            for scale, result in zip(range(60), threads.map(model, [X * s for s in range(60)]), strict=True):
                np.testing.assert_array_equal(result, -2 * scale * X)
            faults = model.faults
    assert faults.failed == 0
    assert faults.rescued == faults.devices["apart:crash=7"].crashes == 60 // 7
    assert faults.devices["apart:crash=7"].restarts in (faults.rescued, faults.rescued - 1)
