"""What is said of operators that do not map, and of those that compute otherwise than LiteRT."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.webnn.from_model.conftest import Given, Result, known, model

from littoral.tflite import Graph, TensorType, read
from littoral.tflite.enums import ActivationFunction
from littoral.tflite.options import elementwise, recurrent, shape
from littoral.webnn import NotSupportedError, from_model
from littoral.webnn.limits import Limits, Support, load, own_limits


def one(graph: Graph, limits: Limits | None = None) -> from_model.Mapped:
    (found,) = from_model.explain(graph, limits or load("chromium"))
    return found


def test_post_processing_is_left_to_the_processor(coral: Path) -> None:
    graph = read(coral / "automl_video_ondevice" / "traffic_model.tflite")
    refused = [found for found in from_model.explain(graph, load("chromium")) if found.reason]
    assert [(found.operator, found.name) for found in refused] == [(184, "TFLite_Detection_PostProcess")]
    assert "the device webnn runs what lies before it" in refused[0].remedy
    with pytest.raises(NotSupportedError, match="184 TFLite_Detection_PostProcess"):
        from_model.lower(graph)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("TOPK_V2", "post-processing"),
        ("NON_MAX_SUPPRESSION_V5", "post-processing"),
        ("WHERE", "known only while it runs"),
        ("FlexErf", "without select TensorFlow operators"),
        ("edgetpu-custom-op", "before the Edge TPU compiler"),
        ("ATAN2", "leave it to the processor"),
    ],
)
def test_what_would_help(name: str, remedy: str) -> None:
    graph = model(name, (Given((2, 3)),), (Result(),))
    found = one(graph)
    assert not found.calls
    assert remedy in found.remedy


def test_a_shape_that_only_a_run_knows() -> None:
    graph = model("TILE", (Given((2, 3)), Given((2,), TensorType.INT32)), (Result(),), shape.TileOptions())
    assert one(graph).reason == "its repetitions is computed while it runs"


def test_sixteen_bits() -> None:
    graph = model("ADD", (Given((2, 3), TensorType.INT16, scale=(0.1,)),) * 2, (Result(),), elementwise.AddOptions())
    assert one(graph).reason == "'x0' is int16"
    assert "quantize activations to int8" in one(graph).remedy


def test_an_index_that_is_not_there() -> None:
    graph = model("CONCATENATION", (Given((2, 3)),) * 2, (Result(),), shape.ConcatenationOptions(axis=5))
    assert one(graph).reason == "axis 5 is not one of 2"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"operations": {}}, "small has no add"),
        ({"operations": {"add": {"a": Support(("float16",))}}}, "small: a of add is float32"),
        ({"operations": {"add": {"output": Support(("float32",), 0, 1)}}}, "small: output of add is of rank 2"),
        ({"max_tensor_bytes": 23}, "small: add has a tensor of 24 bytes"),
    ],
)
def test_limits_decide(changed: dict[str, Any], reason: str) -> None:
    graph = model("ADD", (Given((2, 3)), Given((2, 3))), (Result(),), elementwise.AddOptions())
    limits = replace(own_limits(), name="small")
    assert not one(graph, limits).reason
    assert one(graph, replace(limits, **changed)).reason == reason


def test_weights_alone_in_8_bits_are_noted(flowers: Path) -> None:
    found = from_model.explain(read(flowers / "models" / "model_8bit.tflite"), load("chromium"))
    noted = [operator.name for operator in found if "LiteRT rounds its inputs" in operator.note]
    assert noted == ["CONV_2D", "CONV_2D", "FULLY_CONNECTED"]


def test_state_is_noted(coral: Path) -> None:
    found = from_model.explain(read(coral / "keras_lstm_mnist_ptq.tflite"), load("chromium"))
    assert found[1].note == "its state is fresh at each run"


def test_a_low_clip_of_cells_is_refused() -> None:
    """The output of a cell is made before it could be clipped."""
    weights = [known(np.zeros((4, 3), np.float32))] * 4 + [known(np.zeros((4, 4), np.float32))] * 4
    bias, state = [known(np.zeros(4, np.float32))] * 4, [Given((1, 4), variable=True)] * 2
    inputs = (Given((1, 12, 3)), *weights, *(None,) * 3, *bias, None, None, *state, *(None,) * 4)
    options = recurrent.UnidirectionalSequenceLSTMOptions(
        fused_activation_function=ActivationFunction.TANH, cell_clip=2.0
    )
    assert one(model("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, (Result(),), options)).reason == "it clips its cells at 2"
