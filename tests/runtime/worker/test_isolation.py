"""Models in processes of their own: the same answers, and what becomes of crashes and hangs."""

from __future__ import annotations

import gc
import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from littoral.errors import DeviceError, LittoralError
from littoral.runtime import FallbackWarning, Isolation, Model, load, memory
from littoral.runtime.worker.engine import Isolated
from littoral.runtime.worker.process import WorkerError
from littoral.tflite import Graph, write

A = np.array([[1, 2, 3, 4]], np.float32)
B = np.array([[10, 20, 30, 40]], np.float32)
FILES = Path("/proc/self/fd")
QUICK = Isolation(timeout=20, silence=0.4)


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    files = descriptors()
    yield
    assert memory().workers == memory().models == 0
    gc.collect()  # a graph keeps its file mapped
    assert set(descriptors()) <= set(files), (files, descriptors())
    assert not children(), "processes are left"


def descriptors() -> dict[str, str]:
    """The open files of this process."""
    found = {}
    for path in FILES.iterdir():
        with suppress(OSError):
            found[path.name] = str(path.readlink())
    return found


def children() -> list[str]:
    listed = subprocess.run(
        ["ps", "--ppid", str(os.getpid()), "-o", "args="], capture_output=True, text=True, check=False
    )
    return [line for line in listed.stdout.splitlines() if "littoral" in line or "defunct" in line]


def pid(model: Model) -> int:
    [engine] = model._running.chain.place.engines
    assert isinstance(engine, Isolated)
    assert engine.pid is not None
    return engine.pid


def test_answers_are_those_of_this_process(coral: Path) -> None:
    file = coral / "mobilenet_v1_0.25_128_quant.tflite"
    x = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3), dtype=np.uint8)
    with load(file, threads=1) as here, load(file, threads=1, isolate=True) as there:
        assert there.isolated
        assert memory().workers == 1
        for _ in range(3):
            np.testing.assert_array_equal(there(x, raw=True), here(x, raw=True))
        assert there.placement == here.placement


def test_signatures_sizes_and_state_go_through(
    two_signatures: Graph, dynamic: Graph, counter: Graph, two_outputs: Graph
) -> None:
    with load(two_signatures, isolate=True) as model:
        np.testing.assert_array_equal(model(A, B), A - B)
        np.testing.assert_array_equal(model.signatures["second"](x=A, y=B), A * B)
    with load(dynamic, isolate=True) as model:
        for rows in (1, 3, 40_000, 2):  # both arenas have to grow
            x = np.random.default_rng(rows).normal(size=(rows, 3)).astype(np.float32)
            np.testing.assert_array_equal(model(x), -x)
    with load(counter, isolate=True) as model:
        assert "keeps state" in model.notes[0]
        assert [float(np.asarray(model([[[1.0]]])).item()) for _ in range(3)] == [1, 2, 3]
        model.reset()
        assert float(np.asarray(model([[[1.0]]])).item()) == 1
    with load(two_outputs, isolate=True) as model:
        assert set(model([[1, -2, 3]])) == {"minus", "output_1"}


def test_results_belong_to_the_caller(subtract: Graph) -> None:
    with load(subtract, isolate=True) as model:
        first = model(A, B)
        model(B, A)
        np.testing.assert_array_equal(first, A - B)


def test_errors_come_back_as_they_are(reshape: Graph, subtract: Graph, tmp_path: Path) -> None:
    with load(reshape, isolate=True) as model:
        value = np.arange(4, dtype=np.float32)
        with pytest.raises(DeviceError, match="LiteRT cannot run the model on cpu: "):
            model(value, [3, 3])
        assert np.asarray(model(value, [2, 2])).shape == (2, 2)
    with pytest.raises(DeviceError, match="there is no device"):
        load(subtract, "thrice", isolate=True)
    file = tmp_path / "m.tflite"
    write(subtract, file)
    with load(file, isolate=True) as model:
        file.unlink()
        os.kill(pid(model), signal.SIGKILL)
        time.sleep(0.1)
        with pytest.raises(LittoralError, match=r"m.tflite cannot be read"):
            model(A, B)


def crash(process: int, how: signal.Signals) -> None:
    os.kill(process, how)
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGCONT)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_a_crash_is_an_error_and_the_next_call_starts_another(subtract: Graph, how: signal.Signals) -> None:
    with load(subtract, isolate=QUICK) as model:
        np.testing.assert_array_equal(model(A, B), A - B)
        first = pid(model)
        os.kill(first, signal.SIGSTOP)  # so that the call is under way when it crashes
        killer = threading.Timer(0.05, crash, (first, how))
        killer.start()
        with pytest.raises(WorkerError, match=rf"the worker of the model on cpu died \({how.name}\).*starts another"):
            model(A, B)
        killer.join()
        np.testing.assert_array_equal(model(A, B), A - B)
        assert pid(model) != first


def test_a_death_in_its_sleep_is_not_noticed(subtract: Graph) -> None:
    with load(subtract, isolate=QUICK) as model:
        os.kill(pid(model), signal.SIGKILL)
        time.sleep(0.05)
        np.testing.assert_array_equal(model(A, B), A - B)


def test_a_hang_is_an_error(subtract: Graph) -> None:
    with load(subtract, isolate=QUICK) as model:
        os.kill(pid(model), signal.SIGSTOP)
        with pytest.raises(WorkerError, match=r"hung \(no sign of life for 0.4 s\)"):
            model(A, B)
        np.testing.assert_array_equal(model(A, B), A - B)


def test_a_call_that_takes_too_long_is_an_error(coral: Path) -> None:
    file = coral / "deeplabv3_mnv2_pascal_quant.tflite"
    with load(file, threads=1, isolate=Isolation(timeout=0.001)) as model:
        info = model.inputs[0]
        with pytest.raises(WorkerError, match=r"hung \(no answer in 0.001 s\)"):
            model(np.zeros(info.shape, info.dtype), raw=True)


def test_the_next_device_answers(subtract: Graph) -> None:
    with load(subtract, "cpu|cpu:reference", isolate=QUICK) as model:
        os.kill(pid(model), signal.SIGSTOP)
        with pytest.warns(FallbackWarning, match=r"cpu failed, and cpu:reference answered: .*hung"):
            np.testing.assert_array_equal(model(A, B), A - B)
        np.testing.assert_array_equal(model(A, B), A - B)
        assert model.device == "cpu"


def test_last_words(subtract: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "acme-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    (package / "entry_points.txt").write_text("[littoral.devices]\nacme = acme_crash:Crash\n")
    (tmp_path / "acme_crash.py").write_text(
        "import os, sys\n"
        "from littoral.runtime.delegate import Delegate\n"
        "class Crash(Delegate):\n"
        "    name = 'acme'\n"
        "    isolated = True\n"
        "    def claim(self, subgraph, operator): return True\n"
        "    def compile(self, partition):\n"
        "        def kernel(inputs, outputs):\n"
        "            sys.stderr.write('chip 3: over temperature\\n')\n"
        "            sys.stderr.flush()\n"
        "            os.abort()\n"
        "        return kernel\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with load(subtract, "acme") as model:
        assert model.isolated
        for _ in range(2):
            with pytest.raises(WorkerError, match=r"died \(SIGABRT\); its last words: chip 3: over temperature"):
                model(A, B)
    with load(subtract, "acme|cpu") as model, pytest.warns(FallbackWarning, match="over temperature"):
        np.testing.assert_array_equal(model(A, B), A - B)


def test_the_worker_dies_with_its_owner(tmp_path: Path, subtract: Graph) -> None:
    file = tmp_path / "m.tflite"
    write(subtract, file)
    for stopped in (False, True):
        code = f"""
import os, signal
from littoral.runtime import load
model = load({str(file)!r}, isolate=True)
worker = model._running.chain.place.engines[0].pid
if {stopped}:
    os.kill(worker, signal.SIGSTOP)
print(worker, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
        child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        status = Path(f"/proc/{int(child.stdout)}/status")
        deadline = time.monotonic() + 20
        while status.exists() and "State:\tZ" not in status.read_text():
            assert time.monotonic() < deadline, "the worker outlived its owner"
            time.sleep(0.02)


@pytest.mark.slow
def test_every_call_is_answered_or_fails_with_a_name_under_fire(subtract: Graph) -> None:
    """Threads call without pause while the worker is killed, crashed and stopped, twelve times."""
    stop = threading.Event()
    outcomes: list[str] = []

    def use(model: Model) -> None:
        while not stop.is_set():
            try:
                result = model(A, B)
            except WorkerError as error:
                outcomes.append(str(error))
            else:
                np.testing.assert_array_equal(result, A - B)
                outcomes.append("")

    rng = random.Random(0)
    with load(subtract, threads=1, isolate=QUICK) as model, ThreadPoolExecutor(2) as threads:
        users = [threads.submit(use, model) for _ in range(2)]
        for how in (signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP) * 4:
            time.sleep(rng.uniform(0.3, 0.6))
            for engine in model._running.chain.place.engines:
                victim = engine.pid if isinstance(engine, Isolated) else None
                if victim:
                    os.kill(victim, how)
        stop.set()
        for user in users:
            user.result(30)
    assert outcomes.count("") > 100
    failed = [words for words in outcomes if words]
    assert failed
    assert all("died (SIG" in words or "hung (no sign of life" in words for words in failed), set(failed)


def test_dropping_an_isolated_model_ends_its_worker(subtract: Graph) -> None:
    model = load(subtract, isolate=True)
    worker = pid(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        del model
    assert not Path(f"/proc/{worker}").exists()
