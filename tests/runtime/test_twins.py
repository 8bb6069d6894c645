"""A model file for each device: which one runs, and what makes two files twins."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from littoral.errors import ClosedError, DeviceError
from littoral.runtime import FallbackWarning, load
from littoral.tflite import Graph, TensorType, read, write

X = np.array([[1, 2, 3, 4]], np.float32)


@pytest.mark.usefixtures("acme")
def test_each_device_runs_its_own(compiled_add: Graph, doubled: Graph, tmp_path: Path) -> None:
    write(doubled, tmp_path / "m.tflite")
    with load({"acme": compiled_add, "cpu": tmp_path / "m.tflite"}, "acme|cpu") as model:
        assert model.graph is compiled_add
        assert model.device == "acme"
        np.testing.assert_array_equal(model(X), -2 * X)
        model.move("cpu")
        assert model.placement.operators[0].name == "ADD"
        np.testing.assert_array_equal(model(X), -2 * X)
        with pytest.raises(DeviceError, match=r"no model file is given for device 'apart'.* for: acme, cpu"):
            model.move("apart")
    with pytest.raises(ClosedError):
        model(X)


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize("isolate", [False, True])
def test_the_twin_answers_when_a_call_fails(compiled_add: Graph, doubled: Graph, isolate: bool) -> None:
    with load({"acme": compiled_add, "cpu": doubled}, "acme:fail=2|cpu", isolate=isolate) as model:
        np.testing.assert_array_equal(model(X), -2 * X)
        with pytest.warns(FallbackWarning, match="acme:fail=2 failed, and cpu answered: .*the cable came off"):
            np.testing.assert_array_equal(model(X), -2 * X)
        assert model.device == "acme:fail=2"
        assert model.faults.rescued == 1


@pytest.mark.usefixtures("acme")
def test_the_twin_runs_when_the_first_is_not_there(compiled_add: Graph, doubled: Graph) -> None:
    with pytest.warns(FallbackWarning, match="was passed over for cpu: acme gives no delegate: gone"):
        model = load({"acme": compiled_add, "cpu": doubled}, "acme:refuse=gone|cpu")
    with model:
        assert model.graph is doubled
        assert [info.name for info in model.inputs] == ["x"]
        np.testing.assert_array_equal(model(X), -2 * X)


@pytest.mark.usefixtures("acme")
def test_signatures_that_the_compiled_file_has_lost(compiled_add: Graph, doubled: Graph) -> None:
    with load({"cpu": doubled, "acme": compiled_add}, "cpu|acme") as model:
        model.move("acme")
        np.testing.assert_array_equal(model.signatures["serving_default"](x=X), -2 * X)
        np.testing.assert_array_equal(model({"in:0": X}), -2 * X)


def test_signatures_of_several_subgraphs_and_other_orders(two_signatures: Graph, subtract: Graph) -> None:
    for tensor, name in zip(subtract.main.tensors, "abc", strict=True):
        tensor.name = name
    with load({"cpu": two_signatures, "cpu:reference": subtract}, "cpu") as model:
        model.move("cpu:reference")
        np.testing.assert_array_equal(model.signatures["first"](x=X, y=2 * X), -X)
        with pytest.raises(DeviceError, match="has no signature 'second'"):
            model.signatures["second"](x=X, y=X)


def test_whole_device_strings_come_first(subtract: Graph, add: Graph) -> None:
    with load({"cpu": subtract, "cpu:reference": add}, "cpu:reference|cpu") as model:
        np.testing.assert_array_equal(model(X, X), 2 * X)
        model.move("cpu")
        np.testing.assert_array_equal(model(X, X), 0 * X)


@pytest.mark.parametrize(
    ("files", "device", "words"),
    [
        ({}, "cpu", "no model file is given"),
        ({"cpu": None}, "cpu|gpu", "no model file is given for device 'gpu'. There are files for: cpu"),
        ({"cpu|gpu": None}, "cpu", "the key 'cpu|gpu' is not one device for one model file"),
        ({"cpu": None, "CPU": None}, "cpu", "the key 'CPU' is not one device for one model file"),
        ({"the cpu": None}, "cpu", "'the cpu' is not a device string"),
        ({"cpu": None}, "auto", "auto runs one model file"),
    ],
)
def test_keys_that_are_wrong(subtract: Graph, files: dict[str, None], device: str, words: str) -> None:
    with pytest.raises(DeviceError, match=re.escape(words)):
        load(dict.fromkeys(files, subtract), device)


def test_files_that_are_not_twins(subtract: Graph, add: Graph, two_outputs: Graph, relu_int8: Graph) -> None:
    def refused(other: Graph, words: str, first: Graph = subtract) -> None:
        with pytest.raises(DeviceError, match=rf"the model for cpu and the model for gpu are not twins: {words}"):
            load({"cpu": first, "gpu": other}, "cpu")

    refused(two_outputs, "2 inputs and 1")
    swapped = add.replaced(subgraphs=[add.main.replaced(inputs=(1, 0))])
    refused(swapped, "the inputs are in another order: a, b, and b, a")
    tensors = [tensor.replaced(shape=(2, 4)) for tensor in add.main.tensors]
    refused(add.replaced(subgraphs=[add.main.replaced(tensors=tensors)]), r"input 'a' has shape \[1, 4\], and \[2, 4\]")
    tensors = [*add.main.tensors[:2], add.main.tensors[2].replaced(type=TensorType.INT32)]
    refused(add.replaced(subgraphs=[add.main.replaced(tensors=tensors)]), "output 'c' has type float32, and int32")
    x, y = relu_int8.main.tensors
    other = relu_int8.replaced(subgraphs=[relu_int8.main.replaced(tensors=[x, y.replaced(quantization=None)])])
    refused(other, r"output 'y' has quantization 0.5 \* \(stored - -3\), and none", relu_int8)


def test_real_pairs(coral: Path) -> None:
    from littoral.runtime.engine import Source
    from littoral.runtime.twins import check_twins

    checked = 0
    for file in sorted(coral.rglob("*_edgetpu.tflite")):
        original = file.with_name(file.name.replace("_edgetpu", ""))
        if not original.exists():
            continue
        pair = [Source(read(path), path.name, path) for path in (original, file)]
        checked += 1
        if "bodypix" in file.name:
            with pytest.raises(DeviceError, match=r"not twins: output 'float_part_heatmaps' has quantization 0.0801"):
                check_twins(pair)
        else:
            check_twins(pair)
    assert checked >= 9
