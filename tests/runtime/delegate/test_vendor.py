"""A vendor's own delegate library: loaded, run, freed, and what becomes of its errors. The vendor is pretended."""

from __future__ import annotations

import ctypes
import gc
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from littoral.devices import parse
from littoral.errors import DeviceError
from littoral.runtime import load
from littoral.runtime.delegate import VendorDelegate, attach, make
from littoral.tflite import Graph, Subgraph, Tensor, write

X = np.array([[1, 2, 3, 4]], np.float32)
ONES = np.ones((1, 4), np.float32)


@pytest.fixture(autouse=True)
def nothing_is_left(acme: ctypes.CDLL) -> object:
    yield
    gc.collect()
    assert acme.vendor_live() == 0
    assert acme.vendor_misused() == 0


def test_its_own_operator_runs_and_placement_says_so(compiled_add: Graph) -> None:
    with load(compiled_add, "acme") as model:
        np.testing.assert_array_equal(model(X), -2 * X)
        assert model.notes == ("acme is only pretended",)
        mine, rest = model.placement.operators
        assert (mine.name, mine.runner, mine.reason) == ("vendor-op", "acme", "")
        assert (rest.name, rest.runner) == ("NEG", "cpu")
        assert rest.reason == "acme left it: XNNPACK"
        assert model.placement.accelerated == 0.5


def test_ordinary_operators_too(add: Graph) -> None:
    with load(add, "acme") as model:
        np.testing.assert_array_equal(model(X, ONES), X + 1)
        assert model.placement.accelerated == 1


def test_from_a_file_by_its_signature(doubled: Graph, tmp_path: Path) -> None:
    write(doubled, tmp_path / "m.tflite")
    with load(tmp_path / "m.tflite", "acme") as model:
        np.testing.assert_array_equal(model.signatures["serving_default"](x=X), -2 * X)


def test_a_model_of_which_it_takes_nothing(subtract: Graph) -> None:
    with pytest.raises(DeviceError, match=r"acme takes no operator of the model\. Compile it for Acme's chip"):
        load(subtract, "acme")


@pytest.mark.parametrize("device", ["cpu", "cpu:reference", "cpu|cpu:reference"])
def test_its_models_are_refused_elsewhere_in_its_words(compiled_add: Graph, device: str) -> None:
    with pytest.raises(DeviceError, match=r"model.* is compiled for Acme's chip and does not run on cpu.* use acme"):
        load(compiled_add, device)


def test_the_reason_for_no_delegate_is_told(compiled_add: Graph) -> None:
    with pytest.raises(DeviceError, match=r"acme gives no delegate: no-chip-3\. Fall back"):
        load(compiled_add, "acme:refuse=no-chip-3")
    with pytest.raises(DeviceError, match=r"acme gives no delegate: /.*libvendor.so does not say why"):
        load(compiled_add, "acme:silent=1")


def test_a_library_that_is_not_there_or_none(compiled_add: Graph, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DeviceError, match=r"the library of acme cannot be loaded: nowhere.so: cannot open"):
        load(compiled_add, "acme:library=nowhere.so")
    with pytest.raises(DeviceError, match=r"libm.so.6 has no delegate in it: it does not export tflite_plugin_create"):
        load(compiled_add, "acme:library=libm.so.6")
    assert "Traceback" not in capfd.readouterr().err  # nothing half-made is left to complain


def test_a_call_that_fails_and_the_next(compiled_add: Graph) -> None:
    with load(compiled_add, "acme:fail=2") as model:
        model(X)
        with pytest.raises(DeviceError, match="the model does not run with acme: the cable came off"):
            model(X)
        np.testing.assert_array_equal(model(X), -2 * X)
        assert model.faults.devices["acme:fail=2"].errors == model.faults.failed == 1


def test_it_has_one_engine_however_many_call(compiled_add: Graph, acme: ctypes.CDLL) -> None:
    with load(compiled_add, "acme", threads=1) as model, ThreadPoolExecutor(4) as threads:
        for scale, result in zip(range(40), threads.map(model, [X * scale for scale in range(40)]), strict=True):
            np.testing.assert_array_equal(result, -2 * scale * X)
        assert acme.vendor_live() == 1


def test_it_is_freed_with_the_session_also_after_an_error(compiled_add: Graph, acme: ctypes.CDLL) -> None:
    vendor = make(*parse("acme:fail=-1"))
    session = attach(compiled_add, vendor)
    with pytest.raises(DeviceError) as kept:
        session.run(X)
    session.close()
    assert acme.vendor_live() == 0
    assert "cable" in str(kept.value)


def test_the_check_of_a_subclass_comes_before_the_library(compiled_add: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(self: VendorDelegate, graph: Graph, name: str) -> None:
        raise DeviceError(f"{name} has {len(graph.main.operators)} operators, and {self.name} takes one")

    make(*parse("acme"))
    monkeypatch.setattr(sys.modules["acme_vendor"].Acme, "check", check)
    with pytest.raises(DeviceError, match="the model has 2 operators, and acme takes one"):
        load(compiled_add, "acme:refuse=later")


def test_in_a_process_of_its_own_pinned(compiled_add: Graph) -> None:
    with load(compiled_add, "apart:any=1") as model:
        assert (model.isolated, model.device) == (True, "apart:any=1")
        assert model.notes == ("apart:any=1 is only pretended",)
        np.testing.assert_array_equal(model(X), -2 * X)
        assert model.placement.operators[0].runner == "acme"


@pytest.mark.parametrize("close", [False, True])
def test_it_is_freed_after_the_interpreter_in_a_cycle_of_garbage(
    compiled_add: Graph, acme: ctypes.CDLL, close: bool
) -> None:
    session = attach(compiled_add, make(*parse("acme")))
    with session.use() as interpreter:
        interpreter.itself, interpreter.session = interpreter, session
    if close:
        session.close()
        assert acme.vendor_live() == 0
    del session, interpreter
    gc.collect()
    assert (acme.vendor_live(), acme.vendor_misused()) == (0, 0)


def test_it_is_freed_when_the_interpreter_cannot_be_made(acme: ctypes.CDLL) -> None:
    class Failing(Interpreter):  # type: ignore[misc] # it has no types
        def __init__(self, **options: object) -> None:
            super().__init__(**options)
            raise ValueError("no memory")

    graph = Graph(
        subgraphs=[Subgraph(tensors=[Tensor(name="x", shape=(1, 4))], inputs=(0,), outputs=(0,), operators=[])],
        metadata=[],
        signatures=[],
    )
    with pytest.raises(DeviceError, match="the model does not run with acme: no memory"):
        attach(graph, make(*parse("acme")), interpreter=Failing)
    assert (acme.vendor_live(), acme.vendor_misused()) == (0, 0)
