"""Our interpreter beside TFLite's own: the same details, the same answers, the same kinds of errors."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from littoral.errors import DeviceError, ModelFileError
from littoral.pycoral.errors import DelegateError, TensorError
from littoral.pycoral.interpreter import Interpreter
from littoral.runtime import memory
from littoral.tflite import read, slice_operators, to_bytes

MODELS = [
    "mobilenet_v1_0.25_128_quant.tflite",
    "movenet_single_pose_lightning_ptq.tflite",
    "keras_lstm_mnist_ptq.tflite",
    "automl_video_ondevice/traffic_model.tflite",
    "tools/split_concat.tflite",
]
SMALL = MODELS[0]


@pytest.fixture(scope="module")
def small(coral: Path) -> Interpreter:
    interpreter = Interpreter(coral / SMALL)
    interpreter.allocate_tensors()
    return interpreter


def tflite(source: Path | bytes) -> Any:
    from ai_edge_litert.interpreter import Interpreter as Theirs

    content = source if isinstance(source, bytes) else source.read_bytes()
    interpreter = Theirs(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


@pytest.mark.parametrize("name", MODELS)
def test_it_says_and_does_what_tflite_does(coral: Path, name: str) -> None:
    ours, theirs = Interpreter(coral / name), tflite(coral / name)
    ours.allocate_tensors()
    random = np.random.default_rng(0)
    for mine, wanted in zip(ours.get_input_details(), theirs.get_input_details(), strict=True):
        same_details(mine, wanted)
        value = random.integers(0, 256, mine["shape"]).astype(mine["dtype"])
        ours.set_tensor(mine["index"], value)
        theirs.set_tensor(wanted["index"], value)
    ours.invoke()
    theirs.invoke()
    for mine, wanted in zip(ours.get_output_details(), theirs.get_output_details(), strict=True):
        same_details(mine, wanted)
        np.testing.assert_array_equal(ours.get_tensor(mine["index"]), theirs.get_tensor(wanted["index"]))


def same_details(mine: dict[str, Any], wanted: dict[str, Any]) -> None:
    for key in ("name", "index", "dtype", "sparsity_parameters"):
        assert mine[key] == wanted[key], key
    for key in ("shape", "shape_signature", "quantization"):
        np.testing.assert_array_equal(mine[key], wanted[key], key)
    for key, value in mine["quantization_parameters"].items():
        np.testing.assert_array_equal(value, wanted["quantization_parameters"][key], key)
        assert np.asarray(value).dtype == np.asarray(wanted["quantization_parameters"][key]).dtype


def test_signatures_are_those_of_tflite(coral: Path) -> None:
    path = coral / "movenet_single_pose_lightning_ptq.tflite"
    ours, theirs = Interpreter(path), tflite(path)
    assert ours.get_signature_list() == theirs.get_signature_list()
    assert ours._get_full_signature_list() == theirs._get_full_signature_list()


def test_tensors_are_the_memory_itself(small: Interpreter) -> None:
    given, taken = (details[0]["index"] for details in (small.get_input_details(), small.get_output_details()))
    view, output = small.tensor(given)(), small.tensor(taken)()
    view[...] = 0
    small.invoke()
    dark, kept = output.copy(), small.get_tensor(taken)
    view[...] = np.random.default_rng(1).integers(0, 256, view.shape)
    small.invoke()
    assert (output != dark).any()
    np.testing.assert_array_equal(kept, dark)
    np.testing.assert_array_equal(small.get_tensor(given), view)


def test_constants_can_be_read_and_what_lies_between_cannot(small: Interpreter, coral: Path) -> None:
    theirs = tflite(coral / SMALL)
    constants = 0
    for index, tensor in enumerate(small._graph.main.tensors):
        if tensor.is_constant:
            np.testing.assert_array_equal(small.get_tensor(index), theirs.get_tensor(index))
            constants += 1
        elif index not in small._shapes:
            with pytest.raises(ValueError, match=f"tensor {index} cannot be read"):
                small.get_tensor(index)
    assert constants


@given(index=st.integers())
def test_any_index_is_answered_or_refused(small: Interpreter, index: int) -> None:
    try:
        tensor = small.tensor(index)()
    except TensorError:
        return
    assert tensor.shape == tuple(small._graph.main.tensors[index].shape)


def test_wrong_values_are_refused(small: Interpreter) -> None:
    given, taken = (details[0]["index"] for details in (small.get_input_details(), small.get_output_details()))
    for value in (np.zeros((1, 128, 128, 3), np.float32), np.zeros((128, 128, 3), np.uint8)):
        with pytest.raises(ValueError, match=r"Cannot set tensor: got .* Give uint8\[1, 128, 128, 3\]"):
            small.set_tensor(given, value)
    with pytest.raises(ValueError, match="it is no input"):
        small.set_tensor(taken, small.get_tensor(taken))


def test_nothing_runs_before_allocation(coral: Path) -> None:
    interpreter = Interpreter(coral / SMALL)
    with pytest.raises(RuntimeError, match="Invoke called on model that is not ready"):
        interpreter.invoke()
    with pytest.raises(ValueError, match=r"not allocated. Call allocate_tensors"):
        interpreter.tensor(interpreter.get_input_details()[0]["index"])


def test_a_size_that_the_file_fixes_stays(small: Interpreter) -> None:
    [details] = small.get_input_details()
    with pytest.raises(ValueError, match="Only sides of -1 can change"):
        small.resize_tensor_input(details["index"], [1, 64, 64, 3])
    small.resize_tensor_input(details["index"], details["shape"])
    small.invoke()  # nothing has changed: it is still allocated
    with pytest.raises(ValueError, match="no input with index 999"):
        small.resize_tensor_input(999, [1])


def test_an_open_size_changes(coral: Path) -> None:
    """A model whose batch size is open, once resized, does what TFLite does."""
    graph = slice_operators(read(coral / SMALL), range(4))
    for index in (*graph.main.inputs, *graph.main.outputs):
        tensor = graph.main.tensors[index]
        graph.main.tensors[index] = tensor.replaced(shape_signature=(-1, *tensor.shape[1:]))
    content = to_bytes(graph)
    ours, theirs = Interpreter(content), tflite(content)
    [details] = ours.get_input_details()
    same_details(details, theirs.get_input_details()[0])
    ours.allocate_tensors()
    ours.resize_tensor_input(details["index"], [2, 128, 128, 3])
    with pytest.raises(RuntimeError, match="not ready"):
        ours.invoke()
    ours.allocate_tensors()
    theirs.resize_tensor_input(details["index"], [2, 128, 128, 3])
    theirs.allocate_tensors()
    value = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), np.uint8)
    for each in (ours, theirs):
        each.set_tensor(details["index"], value)
        each.invoke()
    [mine], [wanted] = ours.get_output_details(), theirs.get_output_details()
    np.testing.assert_array_equal(mine["shape"], wanted["shape"])
    np.testing.assert_array_equal(ours.get_tensor(mine["index"]), theirs.get_tensor(wanted["index"]))


def test_state_is_kept_and_reset(coral: Path) -> None:
    interpreter = Interpreter(coral / "keras_lstm_mnist_ptq.tflite")
    interpreter.allocate_tensors()
    given, taken = (
        details[0]["index"] for details in (interpreter.get_input_details(), interpreter.get_output_details())
    )
    interpreter.tensor(given)()[...] = Image.open(coral / "mnist_nine.bmp").convert("L")
    answers = []
    for _ in range(2):
        interpreter.invoke()
        answers.append(interpreter.get_tensor(taken))
    interpreter.reset_all_variables()
    interpreter.invoke()
    assert (answers[0] != answers[1]).any()
    np.testing.assert_array_equal(interpreter.get_tensor(taken), answers[0])


def test_bytes_are_a_model_file_too(coral: Path, small: Interpreter) -> None:
    interpreter = Interpreter((coral / SMALL).read_bytes())
    assert interpreter.get_input_details()[0]["name"] == small.get_input_details()[0]["name"]


def test_nothing_has_to_be_closed(coral: Path) -> None:
    """Dropped interpreters free their models, without a warning."""
    gc.collect()
    before = memory().models
    interpreter = Interpreter(coral / SMALL)
    assert memory().models == before + 1
    del interpreter
    gc.collect()
    assert memory().models == before


def test_what_is_no_model_file(tmp_path: Path, coral: Path) -> None:
    (tmp_path / "bad.tflite").write_bytes((coral / SMALL).read_bytes()[:1000])
    for path, words in (
        (tmp_path / "bad.tflite", "Could not open"),
        (tmp_path / "none.tflite", "Could not open '.*none"),
    ):
        with pytest.raises(ValueError, match=words) as caught:
            Interpreter(path)
        assert isinstance(caught.value, ModelFileError)


def test_a_compiled_model_needs_a_chip(coral: Path) -> None:
    with pytest.raises(DelegateError, match="compiled for the Edge TPU") as caught:
        Interpreter(coral / "mobilenet_v1_0.25_128_quant_edgetpu.tflite")
    assert isinstance(caught.value, DeviceError)
    assert isinstance(caught.value, ValueError)
