"""Devices in an order: who runs the model, who answers when that fails, and that it is said."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from littoral.errors import DeviceError, InputError
from littoral.runtime import FallbackWarning, load, memory
from littoral.runtime.delegate import Array, Delegate, Kernel, Partition
from littoral.tflite import Graph, Operator, Subgraph

A = np.array([[1, 2, 3, 4]], np.float32)
B = np.array([[10, 20, 30, 40]], np.float32)


class Twice(Delegate):
    """Subtracts, and is wrong by a factor of two, so that one sees who answered. Fails as long as it is told to."""

    name = "twice"
    failing = False
    compiles = True

    def claim(self, subgraph: Subgraph, operator: Operator) -> bool:
        return operator.name == "SUB"

    def compile(self, partition: Partition) -> Kernel:
        if not Twice.compiles:
            raise ValueError("no such chip")

        def kernel(inputs: tuple[Array, ...], outputs: tuple[Array, ...]) -> None:
            if Twice.failing:
                raise OSError("the cable came off")
            outputs[0][...] = 2 * (inputs[0] - inputs[1])

        return kernel


class Apart(Twice):
    """Wants a process of its own."""

    isolated = True


@pytest.fixture(autouse=True)
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The delegates above as devices `twice` and `apart`."""
    package = tmp_path / "acme-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    (package / "entry_points.txt").write_text("[littoral.devices]\ntwice = acme_chip:Twice\napart = acme_chip:Apart\n")
    source = Path(__file__).read_text().split("@pytest.fixture")[0].replace("import pytest\n", "")
    (tmp_path / "acme_chip.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(Twice, "failing", False)
    monkeypatch.setattr(Twice, "compiles", True)
    import sys

    for name in ("Twice", "Apart"):
        monkeypatch.setitem(sys.modules, "acme_chip", sys.modules[__name__])
        assert hasattr(sys.modules["acme_chip"], name)


def test_the_first_device_that_takes_the_model_runs_it(subtract: Graph) -> None:
    with load(subtract, "twice|cpu") as model:
        assert (model.device, model.notes) == ("twice", ())
        np.testing.assert_array_equal(model(A, B), 2 * (A - B))
        assert model.placement.accelerated == 1


def test_an_unknown_device_lists_the_installed_ones(subtract: Graph) -> None:
    with pytest.raises(
        DeviceError, match=r"there is no device 'thrice'. Accepted: cpu, .*gpu:fp16, apart,.* twice.*; and"
    ):
        load(subtract, "thrice|cpu")


def test_a_device_that_does_not_take_it_is_passed_over_and_named(subtract: Graph) -> None:
    Twice.compiles = False
    with pytest.warns(FallbackWarning, match="twice was passed over for cpu: .*no such chip") as told:
        model = load(subtract, "twice|cpu")
    with model:
        assert told[0].filename == __file__
        assert model.device == "cpu"
        assert len(model.notes) == 1
        assert "no such chip" in model.notes[0]
        np.testing.assert_array_equal(model(A, B), A - B)
        assert {place.runner for place in model.placement.operators} == {"cpu"}


def test_without_an_alternative_it_is_an_error(subtract: Graph) -> None:
    Twice.compiles = False
    with pytest.raises(DeviceError, match="no such chip"):
        load(subtract, "twice")
    assert memory().models == 0


def test_when_none_takes_it_all_are_named(counter: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("littoral.runtime.cpu._check_half_precision", lambda: None)
    monkeypatch.setattr("littoral.runtime.litert.gpu._absence", lambda _: "no adapters")
    with pytest.raises(
        DeviceError, match=r"none of the devices takes the model: gpu: .*keeps state.*; cpu:fp16: .*state"
    ):
        load(counter, "gpu|cpu:fp16")


def test_a_call_that_fails_is_answered_by_the_next_device(subtract: Graph) -> None:
    with load(subtract, "twice|cpu") as model:
        np.testing.assert_array_equal(model(A, B), 2 * (A - B))
        Twice.failing = True
        with pytest.warns(FallbackWarning, match="twice failed, and cpu answered: .*the cable came off"):
            np.testing.assert_array_equal(model(A, B), A - B)
        np.testing.assert_array_equal(model(A, B), A - B)  # it is said once
        Twice.failing = False
        np.testing.assert_array_equal(model(A, B), 2 * (A - B))
        assert model.device == "twice"


def test_after_some_failures_in_a_row_the_next_device_stays(subtract: Graph) -> None:
    with load(subtract, "twice|cpu") as model:
        Twice.failing = True
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            for _ in range(5):
                np.testing.assert_array_equal(model(A, B), A - B)
        assert ["from now on" in str(each.message) for each in told] == [False, True]
        Twice.failing = False
        assert model.device == "cpu"
        np.testing.assert_array_equal(model(A, B), A - B)


def test_wrong_input_is_nobodys_failure(subtract: Graph) -> None:
    with load(subtract, "twice|cpu") as model, pytest.raises(InputError):
        model(A[:, :2], B)


def test_a_model_moves_while_threads_use_it(subtract: Graph) -> None:
    stop = threading.Event()
    answers: list[float] = []
    failures: list[BaseException] = []

    def use() -> None:
        try:
            while not stop.is_set():
                result = model(A, B)
                assert isinstance(result, np.ndarray)
                answers.append(float(result[0, 0]))
        except BaseException as error:
            failures.append(error)

    with load(subtract, "cpu", threads=1) as model:
        users = [threading.Thread(target=use) for _ in range(3)]
        for user in users:
            user.start()
        for device in ("twice", "cpu:reference", "cpu", "twice") * 3:
            model.move(device)
            assert model.device == device
            time.sleep(0.005)
        stop.set()
        for user in users:
            user.join(20)
        assert not failures
        assert set(answers) <= {-9.0, -18.0}
        assert len(answers) > 12
        with pytest.raises(DeviceError, match="there is no device"):
            model.move("thrice")
        np.testing.assert_array_equal(model(A, B), 2 * (A - B))
    assert memory().models == 0


def test_a_plugin_may_want_a_process_of_its_own(subtract: Graph) -> None:
    with load(subtract, "apart") as apart, load(subtract, "apart", isolate=False) as here:
        assert (apart.isolated, here.isolated) == (True, False)
        for model in (apart, here):
            np.testing.assert_array_equal(model(A, B), 2 * (A - B))
            assert model.placement.accelerated == 1


Loader = Callable[..., object]


def test_a_device_that_takes_no_operator_is_an_error_and_not_the_processor_in_silence(counter: Graph) -> None:
    with pytest.raises(DeviceError, match=r"twice takes no operator of the model: .* it keeps state"):
        load(counter, "twice")
    with pytest.warns(FallbackWarning, match="twice takes no operator"):
        model = load(counter, "twice|cpu")
    with model:
        assert model.device == "cpu"
