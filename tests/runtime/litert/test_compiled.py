"""The compiled model: what it takes, what it gives, and that it is what the interpreter gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from littoral.devices import survey
from littoral.errors import DeviceError
from littoral.runtime import TensorInfo, load
from littoral.runtime.engine import Source, main_entry, signature_entry
from littoral.runtime.litert.compiled import Compiled, Settings, misfit
from littoral.runtime.litert.interpreter import Interpreted
from littoral.runtime.litert.library import NativeError
from littoral.runtime.tensors import Array
from littoral.tflite import Graph, Tensor, TensorType, read, to_bytes

SETTINGS = Settings("cpu", options={"xnnpack": {"num_threads": 1}})


def source(graph: Graph) -> Source:
    return Source(graph, "the model", None, to_bytes(graph))


def stored(info: TensorInfo, rng: np.random.Generator) -> Array:
    shape = [abs(side) for side in info.shape]
    if info.dtype.kind == "f":
        return rng.normal(size=shape).astype(info.dtype)
    limits = np.iinfo(info.dtype)
    return rng.integers(limits.min, limits.max, shape, dtype=info.dtype, endpoint=True)


def runnable(folder: Path) -> list[Path]:
    custom = ("edgetpu.tflite", "decoder.tflite", "invoking_error.tflite")
    return [file for file in sorted(folder.rglob("*.tflite")) if not file.name.endswith(custom)]


def test_real_models_give_what_the_interpreter_gives_bit_by_bit(shared_data: Path) -> None:
    compared = 0
    for file in runnable(shared_data):
        graph = read(file)
        entry = main_entry(graph)
        values = [stored(info, np.random.default_rng(0)) for info in entry.inputs]
        expected = Interpreted(Source(graph, str(file), file), "cpu", 1).run(entry, values)
        with load(file, threads=1) as model:
            got = model(*values, raw=True)
            results = list(got.values()) if isinstance(got, dict) else [got]
            compiled = not model.notes
        for result, want in zip(results, expected, strict=True):
            np.testing.assert_array_equal(result, want, err_msg=str(file))
        compared += compiled
    assert compared >= 15


def test_signatures_run_in_their_own_order(two_signatures: Graph) -> None:
    assert misfit(two_signatures) == ""
    engine = Compiled(source(two_signatures), SETTINGS)
    a, b = np.full((1, 4), 7, np.float32), np.full((1, 4), 2, np.float32)
    main = main_entry(two_signatures)
    first, second = (signature_entry(two_signatures, entry) for entry in two_signatures.signatures)
    for _ in range(2):
        np.testing.assert_array_equal(engine.run(main, [a, b])[0], a - b)
        np.testing.assert_array_equal(engine.run(first, [a, b])[0], a - b)
        np.testing.assert_array_equal(engine.run(second, [a, b])[0], a * b)
    engine.close()


def test_unknown_sizes_follow_what_is_given(dynamic: Graph) -> None:
    assert misfit(dynamic) == ""
    engine = Compiled(source(dynamic), SETTINGS)
    for rows in (4, 1, 1, 300, 2):
        value = np.random.default_rng(rows).normal(size=(rows, 3)).astype(np.float32)
        [result] = engine.run(main_entry(dynamic), [value])
        np.testing.assert_array_equal(result, -value)
    engine.close()


def test_what_cannot_be_compiled_says_why(
    counter: Graph, reshape: Graph, flex: Graph, subtract: Graph, two_outputs: Graph
) -> None:
    assert misfit(counter) == "it keeps state, which a compiled model cannot set back"
    assert "size of output 'y' is known only while" in misfit(reshape)
    assert "custom operator FlexErf" in misfit(flex)
    assert misfit(subtract) == misfit(two_outputs) == ""
    main = subtract.main
    assert "output 'a' is not computed" in misfit(subtract.replaced(subgraphs=[main.replaced(outputs=(0, 2))]))
    words = [Tensor(name="a", shape=(1,), type=TensorType.STRING), *main.tensors[1:]]
    assert "of a kind that buffers are not" in misfit(subtract.replaced(subgraphs=[main.replaced(tensors=words)]))


def test_what_is_not_compiled_runs_on_the_interpreter_and_says_so(counter: Graph) -> None:
    with load(counter) as model:
        assert model.notes == (
            "cpu runs on LiteRT's interpreter: it keeps state, which a compiled model cannot set back",
        )


def test_one_copy_in_and_one_out(subtract: Graph) -> None:
    engine = Compiled(source(subtract), SETTINGS)
    a = np.ones((1, 4), np.float32)
    entry = main_entry(subtract)
    [first] = engine.run(entry, [a, a])
    [second] = engine.run(entry, [a + 1, a])
    assert not np.shares_memory(first, second)
    assert first.tolist() == [[0, 0, 0, 0]]
    [binding] = engine._bindings.values()
    buffers = [*binding.inputs, *binding._outputs]
    assert all(buffer.ctypes.data % 64 == 0 for buffer in buffers)
    assert engine.nbytes == sum(buffer.nbytes for buffer in buffers) == 3 * 16
    engine.close()
    engine.close()


def test_a_model_that_litert_refuses(subtract: Graph) -> None:
    broken = Source(subtract, "the model", None, to_bytes(subtract)[:64])
    with pytest.raises(NativeError, match=r"\w"):
        Compiled(broken, SETTINGS)
    with pytest.raises(NativeError):
        Compiled(Source(subtract, "the model", Path("/does/not/exist")), SETTINGS)


def test_half_precision_is_close_where_the_processor_has_it(coral: Path, dense: Callable[[], Graph]) -> None:
    graph = dense()
    value = np.random.default_rng(1).normal(size=(1, 512)).astype(np.float32)
    if not survey().processor.half:
        with pytest.raises(DeviceError, match="does not compute in half precision"):
            load(graph, "cpu:fp16")
        return
    with load(graph) as full, load(graph, "cpu:fp16") as half:
        a, b = full(value), half(value)
        assert isinstance(a, np.ndarray)
        assert isinstance(b, np.ndarray)
        assert not np.array_equal(a, b)
        np.testing.assert_allclose(a, b, atol=0.02 * float(np.abs(a).max()))


def test_a_processor_without_half_precision_refuses_it(subtract: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    class Old:
        half = ()
        name = "Old One"

    class Machine:
        processor = Old

    monkeypatch.setattr("littoral.runtime.cpu.survey", Machine)
    with pytest.raises(DeviceError, match=r"\(Old One\) does not compute in half precision.*AVX512-FP16 or Armv8.2"):
        load(subtract, "cpu:fp16")


def test_half_precision_does_not_fall_back_in_silence(counter: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("littoral.runtime.cpu._check_half_precision", lambda: None)
    with pytest.raises(DeviceError, match="does not run on cpu:fp16: it keeps state"):
        load(counter, "cpu:fp16")
