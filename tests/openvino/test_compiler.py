"""From a partition to a kernel."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.openvino.cases import Case, floats

from littoral.openvino import OpenVINO, cache, compiler, library
from littoral.openvino.options import Options
from littoral.runtime.delegate import Partition, RefusalError, attach
from littoral.tflite import Graph, OperatorCode
from littoral.tflite.options.dense import FullyConnectedOptions

PRODUCT = Case("FULLY_CONNECTED", ((3, 8), floats(6, 8)), FullyConnectedOptions())


def open_model(shape: tuple[int, ...] = (2, 3)) -> Graph:
    """y = exp(x), whose first size is not known."""
    graph = Case("EXP", (shape,)).graph()
    tensors = [each.replaced(shape_signature=(-1, 3)) for each in graph.main.tensors]
    return graph.replaced(subgraphs=[graph.main.replaced(tensors=tensors)])


def test_no_file_is_left(openvino: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "_MEMORY_DISK", tmp_path)
    monkeypatch.setenv("LITTORAL_HOME", str(tmp_path / "home"))
    seen = []
    core = library.core()

    class Watched:
        def __getattr__(self, name: str) -> Any:
            return getattr(core, name)

        def read_model(self, path: Path) -> Any:
            seen.append(path)
            assert path.parent == tmp_path
            return core.read_model(path)

    monkeypatch.setattr(library, "core", Watched)
    attach(PRODUCT.graph(), OpenVINO()).close()
    assert len(seen) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_what_openvino_refuses_is_refused_in_its_words(openvino: None) -> None:
    graph = Case("CEIL", ((2, 3),)).graph()
    lstm = graph.main.operators[0].replaced(code=OperatorCode.of("LSTM"))
    broken = graph.replaced(subgraphs=[graph.main.replaced(operators=[lstm])])
    with pytest.raises(RefusalError) as caught:
        compiler.compile_partition(Partition(broken, 0, (0,)), Options("f32", "CPU"))
    assert caught.value.reason.startswith("OpenVINO refuses it: ")
    assert "\n" not in caught.value.reason


def test_it_follows_a_resize(openvino: None) -> None:
    with attach(open_model(), OpenVINO(), 1) as session:
        for rows in (2, 5, 1, 5):
            session.resize({0: (rows, 3)})
            x = np.random.default_rng(rows).standard_normal((rows, 3)).astype(np.float32)
            for _ in range(2):
                np.testing.assert_allclose(session.run(x)[0], np.exp(x), rtol=1e-5)
        assert session.placement.operators[0].runner == "openvino"


def test_threads_are_passed_on(openvino: None, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    settings = compiler._settings

    def watched(options: Options, threads: int | None) -> dict[str, Any]:
        asked.append(settings(options, threads))
        return asked[-1]

    monkeypatch.setattr(compiler, "_settings", watched)
    for threads in (1, 2, None):
        attach(PRODUCT.graph(), OpenVINO(), threads).close()
    assert [each.get("INFERENCE_NUM_THREADS") for each in asked] == [1, 2, None]
    assert {each["NUM_STREAMS"] for each in asked} == {1}


def test_the_second_load_comes_from_the_disk(openvino: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITTORAL_HOME", str(tmp_path))
    x = np.ones((3, 8), np.float32)
    with attach(PRODUCT.graph(), OpenVINO()) as session:
        first = session.run(x)[0]
    monkeypatch.setattr(compiler, "_compile", lambda *_: pytest.fail("it was compiled again"))
    with attach(PRODUCT.graph(), OpenVINO()) as session:
        assert np.array_equal(session.run(x)[0], first)


def test_what_the_disk_holds_and_openvino_does_not_take_back_is_compiled(
    openvino: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITTORAL_HOME", str(tmp_path))
    monkeypatch.setattr(cache, "get", lambda _: b"of another release")
    with attach(PRODUCT.graph(), OpenVINO()) as session:
        assert session.run(np.ones((3, 8), np.float32))[0].shape == (3, 6)


def test_inputs_are_not_written_to(openvino: None) -> None:
    array = np.ndarray((2,), np.float32, buffer=bytearray(8))
    array.flags.writeable = False
    compiler._writable(array)[0] = 1
    assert not array.flags.writeable
    with attach(open_model(), OpenVINO()) as session:
        x = np.ones((2, 3), np.float32)
        session.run(x)
        with session.use() as interpreter:
            assert np.array_equal(interpreter.get_tensor(0), x)
    gc.collect()
