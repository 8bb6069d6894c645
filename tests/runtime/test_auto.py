"""Device auto: answers at once on the processor, and moves to the tuned device while threads call."""

from __future__ import annotations

import gc
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from littoral.errors import ClosedError, DeviceError
from littoral.runtime import FallbackWarning, Model, load, memory, scope
from littoral.runtime.choices import Winner, fingerprint, remember
from littoral.runtime.delegate import Array, Delegate, Kernel, Partition, plugins
from littoral.runtime.places import candidates
from littoral.tflite import Graph, Operator, Subgraph, to_bytes

A = np.array([[1, 2, 3, 4]], np.float32)
B = np.array([[10, 20, 30, 40]], np.float32)
SHORT = 1e-6  # what the kernel is off by, so that one sees who answered


class Slow(Delegate):
    """Subtracts almost; compiles only when it may."""

    name = "slow"
    may_compile = threading.Event()
    compiling = threading.Event()
    failure: Exception | None = None
    failing_calls = False

    def claim(self, subgraph: Subgraph, operator: Operator) -> bool:
        return operator.name == "SUB"

    def compile(self, partition: Partition) -> Kernel:
        Slow.compiling.set()
        assert Slow.may_compile.wait(30)
        if Slow.failure:
            raise Slow.failure

        def kernel(inputs: tuple[Array, ...], outputs: tuple[Array, ...]) -> None:
            if Slow.failing_calls:
                raise OSError("the cable came off")
            outputs[0][...] = (inputs[0] - inputs[1]) * (1 + SHORT)

        return kernel


@pytest.fixture(autouse=True)
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The delegate above as device `slow`, and a home of this test."""

    class Point(EntryPoint):
        def load(self) -> Any:
            return Slow

    monkeypatch.setenv("LITTORAL_HOME", str(tmp_path))
    monkeypatch.setattr(plugins, "entry_points", lambda group: [Point("slow", "package:name", group)])
    monkeypatch.setattr(Slow, "failure", None)
    monkeypatch.setattr(Slow, "failing_calls", False)
    Slow.may_compile.clear()
    Slow.compiling.clear()
    yield
    Slow.may_compile.set()
    for thread in threading.enumerate():
        if thread.name.startswith("littoral "):  # those of `continued`
            thread.join(30)


@pytest.fixture
def tuned(subtract: Graph) -> Graph:
    """A model for which `slow` has won."""
    remember(fingerprint(to_bytes(subtract)), Winner("slow", 1))
    return subtract


def wait(until: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not until():
        assert time.monotonic() < end
        time.sleep(0.002)


def settled(graph: Graph) -> Model:
    """The model on auto, when it is known where it stays."""
    model = load(graph, "auto", threads=1)
    model.warm_up()
    return model


def test_it_answers_at_once_and_moves_when_the_device_is_ready(tuned: Graph) -> None:
    with load(tuned, "auto", threads=1) as model:
        assert Slow.compiling.wait(30)
        np.testing.assert_array_equal(model(A, B), A - B)
        assert model.device == "cpu"
        assert model.placement.accelerated == 0
        Slow.may_compile.set()
        model.warm_up()
        assert model.device == "slow"
        assert model.placement.accelerated == 1
        assert model.notes == ("auto: slow was the fastest that held, threads: 1",)
        np.testing.assert_array_equal(model(A, B), (A - B) * np.float32(1 + SHORT))
        assert memory().models == 1
    assert memory().models == memory().kernels == 0


def test_every_call_is_answered_during_the_swap(tuned: Graph) -> None:
    stop = threading.Event()
    answers: list[Any] = []
    failures: list[BaseException] = []

    def use() -> None:
        try:
            while not stop.is_set():
                answers.append(model(A, B))
        except BaseException as error:
            failures.append(error)

    with load(tuned, "auto", threads=1) as model:
        users = [threading.Thread(target=use) for _ in range(4)]
        for user in users:
            user.start()
        assert Slow.compiling.wait(30)
        wait(lambda: len(answers) > 20)
        Slow.may_compile.set()
        wait(lambda: model.device == "slow")
        after = len(answers)
        wait(lambda: len(answers) > after + 20)
        stop.set()
        for user in users:
            user.join(30)
    assert not failures
    np.testing.assert_allclose(np.concatenate(answers), np.repeat(A - B, len(answers), 0), rtol=1e-5)
    assert {bool((one == A - B).all()) for one in answers} == {True, False}


def test_no_call_compiles_after_the_swap(tuned: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("littoral.runtime.places.usable_cores", lambda: 2)
    with load(tuned, "auto", threads=1) as model:
        assert Slow.compiling.wait(30)
        inside = threading.Barrier(2)
        run = type(model._running.chain.place.engines[0]).run

        def together(*args: Any) -> Any:
            inside.wait(30)
            return run(*args)

        with monkeypatch.context() as patch:
            patch.setattr(type(model._running.chain.place.engines[0]), "run", together)
            users = [threading.Thread(target=model, args=(A, B)) for _ in range(2)]
            for user in users:
                user.start()
            for user in users:
                user.join(30)
        assert memory().engines == 2
        Slow.may_compile.set()
        model.warm_up()
        assert (model.device, memory().engines) == ("slow", 2)


def test_what_was_never_tuned_stays_on_cpu_and_says_so(subtract: Graph) -> None:
    with load(subtract, " AUTO ", threads=1) as model:
        model.warm_up()
        assert model.device == "cpu"
        assert len(model.notes) == 1
        assert "was not tuned on this machine and runs on cpu: littoral tune" in model.notes[0]


def test_where_cpu_won_it_stays(subtract: Graph) -> None:
    remember(fingerprint(to_bytes(subtract)), Winner("cpu", 1))
    with load(subtract, "auto", threads=1) as model:
        model.warm_up()
        assert (model.device, model.notes) == ("cpu", ("auto: cpu was the fastest that held, threads: 1",))


def test_a_device_that_fails_to_compile_is_passed_over(tuned: Graph) -> None:
    Slow.failure = ValueError("no such chip")
    Slow.may_compile.set()
    with pytest.warns(FallbackWarning, match="slow was passed over for cpu: .*no such chip") as told:
        model = settled(tuned)
    with model:
        assert told[0].filename == __file__
        assert model.device == "cpu"
        assert "no such chip" in " ".join(model.notes)
        np.testing.assert_array_equal(model(A, B), A - B)


def test_a_device_that_fails_its_first_call_is_passed_over(tuned: Graph) -> None:
    Slow.failing_calls = True
    Slow.may_compile.set()
    with pytest.warns(FallbackWarning, match="auto stays on cpu: .*the cable came off") as told:
        model = settled(tuned)
    with model:
        assert told[0].filename == __file__
        assert model.device == "cpu"
        assert "the cable came off" in model.notes[0]
        np.testing.assert_array_equal(model(A, B), A - B)
    gc.collect()  # the error has led through the kernel
    assert memory().kernels == 0


def test_a_device_that_is_gone_is_passed_over(subtract: Graph) -> None:
    remember(fingerprint(to_bytes(subtract)), Winner("gone", 1))
    with pytest.warns(FallbackWarning, match="auto stays on cpu: there is no device 'gone'"):
        model = settled(subtract)
    with model:
        assert model.device == "cpu"


def test_one_that_fails_later_is_answered_by_the_processor(tuned: Graph) -> None:
    Slow.may_compile.set()
    with load(tuned, "auto", threads=1) as model:
        model.warm_up()
        Slow.failing_calls = True
        with pytest.warns(FallbackWarning, match="slow failed, and cpu answered"):
            np.testing.assert_array_equal(model(A, B), A - B)


def close(model: Any) -> None:
    model.close()
    with pytest.raises(ClosedError):
        model(A, B)


def drop(model: Any) -> None:
    pass


@pytest.mark.parametrize("end", [close, drop])
def test_a_model_may_end_while_its_device_compiles(tuned: Graph, end: Callable[[Any], None]) -> None:
    with scope():
        model = load(tuned, "auto", threads=1)
        settled = model._running.switch.settled
        assert Slow.compiling.wait(30)
        end(model)
        del model
        gc.collect()
        assert memory().models == 0  # nobody waited for the compiler
        Slow.may_compile.set()
        assert settled.wait(30)
    assert memory().models == memory().kernels == 0


def test_a_scope_ends_while_the_device_compiles(tuned: Graph) -> None:
    with scope():
        model = load(tuned, "auto", threads=1)
        assert Slow.compiling.wait(30)
    Slow.may_compile.set()
    assert model._running.switch.settled.wait(30)
    assert memory().kernels == 0
    with pytest.raises(ClosedError):
        model(A, B)
    with pytest.raises(ClosedError):
        model.move("cpu:reference")


def test_who_moves_it_by_hand_has_the_last_word(tuned: Graph) -> None:
    with load(tuned, "auto", threads=1) as model:
        assert Slow.compiling.wait(30)
        model.move("cpu:reference")
        Slow.may_compile.set()
        model.warm_up()
        assert (model.device, model.notes) == ("cpu:reference", ())


def test_a_model_that_keeps_state_stays_where_it_is(counter: Graph) -> None:
    remember(fingerprint(to_bytes(counter)), Winner("slow", 1))
    with load(counter, "auto", threads=1) as model:
        assert "keeps state" in model.notes[0]
        model.warm_up()
        assert model.device == "cpu"


@pytest.mark.parametrize("device", ["auto|cpu", "cpu|auto", "auto:fast"])
def test_auto_stands_alone(subtract: Graph, device: str) -> None:
    with pytest.raises(DeviceError, match="auto stands alone"):
        load(subtract, device)


def test_an_unknown_device_names_auto_too(subtract: Graph) -> None:
    with pytest.raises(DeviceError, match="to fall back; or auto"):
        load(subtract, "warp")


def test_candidates_are_what_plugins_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert candidates() == ["cpu", "cpu:fp16", "gpu", "gpu:fp16", "slow"]
    monkeypatch.setattr(Slow, "devices", staticmethod(lambda: ["slow:f32", "slow:bf16"]), raising=False)
    assert candidates()[-2:] == ["slow:f32", "slow:bf16"]

    def fails() -> list[str]:
        raise OSError("the driver crashed")

    monkeypatch.setattr(Slow, "devices", staticmethod(fails))
    assert candidates()[-1] == "slow"


def test_warnings_as_errors_do_not_leave_anyone_waiting(tuned: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[type[BaseException]] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.append(args.exc_type))
    Slow.failing_calls = True
    Slow.may_compile.set()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with load(tuned, "auto", threads=1) as model:
            model.warm_up()
            assert model.device == "cpu"
            for thread in threading.enumerate():
                if thread.name.startswith("littoral "):  # those of `continued`
                    thread.join(30)
    assert seen == [FallbackWarning]
