"""Models: how they are called, what they answer, how they end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from littoral.data import Contract
from littoral.errors import ClosedError, DeviceError, InputError, ModelFileError
from littoral.runtime import embed, load
from littoral.runtime.signature import Result
from littoral.runtime.tensors import Array
from littoral.tflite import Graph, Operator, OperatorCode, Subgraph, Tensor, read, to_bytes, write
from littoral.tflite.options.elementwise import SubOptions

A = np.array([[1, 2, 3, 4]], np.float32)
B = np.array([[10, 20, 30, 40]], np.float32)
devices = pytest.mark.parametrize("device", ["cpu", "cpu:reference"])


def array(result: Result) -> Array:
    assert isinstance(result, np.ndarray)
    return result


def number(result: Result) -> float:
    return float(array(result).item())


@devices
def test_scalars_stay_scalars(device: str) -> None:
    tensors = [Tensor(name=name) for name in ("a", "b", "difference")]
    code, options = OperatorCode.of("SUB"), SubOptions()
    subtract = Operator(code=code, inputs=(0, 1), outputs=(2,), options=options)
    main = Subgraph(name="main", tensors=tensors, operators=[subtract], inputs=(0, 1), outputs=(2,))
    with load(Graph(subgraphs=[main], metadata=[], signatures=[]), device) as model:
        assert [info.shape for info in (*model.inputs, *model.outputs)] == [(), (), ()]
        result = array(model(3.5, np.float32(2), raw=False))
        assert (result.shape, result.dtype.name, float(result)) == ((), "float32", 1.5)


@devices
def test_inputs_by_position_by_name_and_in_a_dict(subtract: Graph, device: str) -> None:
    with load(subtract, device) as model:
        assert [info.name for info in model.inputs] == ["a", "b"]
        for result in (model(A, B), model(b=B, a=A), model(A, b=B), model({"b": B, "a": A}), model(A[0], B[0])):
            np.testing.assert_array_equal(result, A - B)


def test_inputs_that_do_not_fit(subtract: Graph) -> None:
    with load(subtract) as model:
        cases: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
            ((A,), {}, r"input 'b' is missing. Accepted: 'a' \(float32\[1, 4\]\), 'b'"),
            ((A, B, A), {}, "has 2 inputs and got 3"),
            ((A, B), {"a": A}, "input 'a' is given twice"),
            ((A, B), {"z": A}, "has no input 'z'"),
            ((A,), {"": B}, "has no input ''"),
            ((A[:, :2], B), {}, r"got shape \[1, 2\]"),
        ]
        for args, named, message in cases:
            with pytest.raises(InputError, match=message):
                model(*args, **named)
        np.testing.assert_array_equal(model(A, B), A - B)


def test_the_empty_name_is_the_only_input(relu_int8: Graph) -> None:
    with load(relu_int8) as model:
        assert array(model({"": [[1.0, -1, 0, 2]]})).tolist() == [[1, 0, 0, 2]]


@devices
def test_quantized_models_take_and_give_real_values(relu_int8: Graph, device: str) -> None:
    with load(relu_int8, device) as model:
        got = array(model([[1.26, -1, 0, 2]]))
        assert got.dtype == np.float32
        assert got.tolist() == [[1.5, 0, 0, 2]]
        raw = array(model(np.array([[0, -5, -3, 1]], np.int8), raw=True))
        assert raw.dtype == np.int8
        assert raw.tolist() == [[0, -3, -3, 1]]


def test_several_outputs_come_by_name(two_outputs: Graph) -> None:
    with load(two_outputs) as model:
        got = model([[1, -2, 3]])
        assert isinstance(got, dict)
        assert {name: value.tolist() for name, value in got.items()} == {
            "minus": [[-1, 2, -3]],
            "output_1": [[1, 2, 3]],
        }


def test_results_belong_to_the_caller(subtract: Graph) -> None:
    with load(subtract) as model:
        first = model(A, B)
        model(B, A)
        np.testing.assert_array_equal(first, A - B)
    np.testing.assert_array_equal(first, A - B)


@devices
def test_signatures_name_inputs_and_run_other_subgraphs(two_signatures: Graph, device: str) -> None:
    with load(two_signatures, device) as model:
        assert [info.name for info in model.inputs] == ["x", "y"]
        assert [info.tensor for info in model.inputs] == ["a", "b"]
        for _ in range(2):  # each leaves the other as it was
            np.testing.assert_array_equal(model(A, B), A - B)
            np.testing.assert_array_equal(model(b=B, a=A), A - B)
            np.testing.assert_array_equal(model.signatures["first"](y=B, x=A), A - B)
            np.testing.assert_array_equal(model.signatures["second"](x=A, y=B), A * B)
        assert [info.name for info in model.signatures["second"].outputs] == ["product"]


@devices
def test_unknown_sizes_are_set_by_what_is_given(dynamic: Graph, device: str) -> None:
    with load(dynamic, device) as model:
        for rows in (2, 5, 5, 1):
            value = np.random.default_rng(rows).normal(size=(rows, 3)).astype(np.float32)
            np.testing.assert_array_equal(model(value), -value)
        model.warm_up()
        with pytest.raises(InputError, match=r"Accepted: \[-1, 3\], where -1 is any size"):
            model(np.zeros((2, 4)))


@devices
def test_state_lives_between_calls_and_is_reset(counter: Graph, device: str) -> None:
    with load(counter, device) as model:
        assert [number(model([[[1.0]]])) for _ in range(3)] == [1, 2, 3]
        model.reset()
        assert number(model([[[1.0]]])) == 1
        model.warm_up()
        assert number(model([[[1.0]]])) == 1


def test_a_native_failure_is_ours_and_the_model_lives_on(reshape: Graph) -> None:
    with load(reshape) as model:
        value = np.arange(4, dtype=np.float32)
        assert array(model(value, [4, 1])).shape == (4, 1)
        with pytest.raises(DeviceError, match="LiteRT cannot run the model on cpu: "):
            model(value, [3, 3])
        assert array(model(value, [2, 2])).shape == (2, 2)


def test_closing_is_final_and_may_be_repeated(subtract: Graph) -> None:
    model = load(subtract)
    model.close()
    model.close()
    for use in (lambda: model(A, B), model.warm_up, model.reset):
        with pytest.raises(ClosedError, match="the model on cpu is closed"):
            use()


def test_threads_share_a_model(subtract: Graph) -> None:
    with load(subtract) as model, ThreadPoolExecutor(4) as pool:
        values = [np.full((1, 4), value, np.float32) for value in range(200)]
        results = pool.map(lambda value: model(value, A), values)
        for value, result in zip(values, results, strict=True):
            np.testing.assert_array_equal(result, value - A)


def test_sources(subtract: Graph, tmp_path: Path) -> None:
    file = tmp_path / "m.tflite"
    write(subtract, file)
    for source in (file, str(file), to_bytes(subtract), bytearray(to_bytes(subtract)), subtract, read(file)):
        with load(source, threads=1) as model:
            assert model.threads == 1
            np.testing.assert_array_equal(model(A, B), A - B)


def test_what_is_no_model_is_refused(tmp_path: Path, subtract: Graph) -> None:
    file = tmp_path / "m.tflite"
    file.write_bytes(to_bytes(subtract)[:100])
    for source in (file, tmp_path / "absent.tflite", b"", b"hello"):
        with pytest.raises(ModelFileError):
            load(source)
    for threads in (0, -1):
        with pytest.raises(DeviceError, match=f"threads is {threads}"):
            load(subtract, threads=threads)


def test_tensorflow_operators_are_refused_before_native_code(flex: Graph) -> None:
    with pytest.raises(DeviceError, match="needs TensorFlow's kernels for FlexErf"):
        load(flex)


def test_compiled_and_custom_models_are_refused(coral: Path) -> None:
    with pytest.raises(DeviceError, match=r"_edgetpu\.tflite is compiled for the Edge TPU"):
        load(coral / "mobilenet_v1_0.25_128_quant_edgetpu.tflite")
    with pytest.raises(DeviceError, match="unresolved custom op: fake-op-double"):
        load(coral / "invalid_models" / "model_invoking_error.tflite")


def test_a_contract_may_be_given(subtract: Graph) -> None:
    given = Contract(labels=("cat", "dog"))
    with load(subtract, contract=given) as model:
        assert model.contract is given
        assert not model.contract_derived
    embed(subtract, given)
    with load(subtract) as model:
        assert model.contract == given
        assert not model.contract_derived


def runnable(folder: Path) -> list[Path]:
    custom = ("edgetpu.tflite", "decoder.tflite", "invoking_error.tflite")
    return [file for file in sorted(folder.rglob("*.tflite")) if not file.name.endswith(custom)]


@devices
def test_every_real_model_runs(shared_data: Path, device: str) -> None:
    files = [*runnable(shared_data / "coral"), *runnable(shared_data / "flowers")]
    assert len(files) == 18
    rng = np.random.default_rng(0)
    for file in files:
        with load(file, device) as model:
            inputs: list[Any] = []
            for info in model.inputs:
                limits = np.iinfo(info.dtype) if info.dtype.kind in "iu" else None
                low, high = (limits.min, limits.max) if limits else (0, 1)
                stored = rng.uniform(low, high, info.shape).astype(info.dtype)
                inputs.append(info.dequantize(stored) if info.is_quantized else stored)
            result = model(*inputs)
            for output in result.values() if isinstance(result, dict) else [result]:
                assert np.isfinite(output).all(), file
