"""What the delegate claims, OpenVINO computes as LiteRT does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.openvino.cases import CASES, Array, Case, F, floats, ints

from littoral.openvino import OpenVINO
from littoral.openvino.claims import UNDERSTOOD, objection
from littoral.runtime.delegate import attach
from littoral.tflite import (
    Buffer,
    Graph,
    Operator,
    OperatorCode,
    Quantization,
    Subgraph,
    Tensor,
    TensorType,
    to_bytes,
)
from littoral.tflite.enums import ActivationFunction
from littoral.tflite.graph import BlockwiseQuantization, Sparsity
from littoral.tflite.operators import BUILTIN_CODES
from littoral.tflite.options.convolution import Conv2DOptions
from littoral.tflite.options.shape import ResizeNearestNeighborOptions


def samples(graph: Graph, positive: bool) -> list[Array]:
    random = np.random.default_rng(1)
    inputs = []
    for tensor in (graph.main.tensors[index] for index in graph.main.inputs):
        if tensor.dtype.kind == "f":
            values = random.normal(0, 3, tensor.shape).astype(np.float32)
            inputs.append(np.abs(values) if positive else values)
        else:
            inputs.append(random.integers(0, 2, tensor.shape).astype(tensor.dtype))
    return inputs


def litert(graph: Graph, inputs: list[Array]) -> list[Array]:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_content=to_bytes(graph), experimental_op_resolver_type=plain)
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_what_is_claimed_is_computed_alike(case: Case, openvino: None) -> None:
    graph = case.graph()
    inputs = samples(graph, case.note == "positive")
    with attach(graph, OpenVINO("f32"), 1) as session:
        assert [place.runner for place in session.placement.operators] == ["openvino"]
        for got, expected in zip(session.run(*inputs), litert(graph, inputs), strict=True):
            if expected.dtype.kind == "f":
                np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5 * max(1, np.abs(expected).max()))
            else:
                assert got.dtype == expected.dtype
                assert got.tolist() == expected.tolist()


def test_every_claim_has_a_case() -> None:
    quantized = {"QUANTIZE", "DEQUANTIZE"}  # in every quantized real model: see test_delegate
    assert {case.name for case in CASES} | quantized == UNDERSTOOD
    assert set(BUILTIN_CODES) >= UNDERSTOOD


def asked(name: str, *tensors: Tensor, options: Any = None) -> str:
    operator = Operator(
        code=OperatorCode.of(name), inputs=tuple(range(len(tensors) - 1)), outputs=(len(tensors) - 1,), options=options
    )
    return objection(Subgraph(tensors=list(tensors), operators=[operator]), operator)


def constant(**more: Any) -> Tensor:
    return Tensor(name="w", shape=(2, 2), buffer=Buffer(data=bytes(16)), **more)


X = Tensor(name="x", shape=(2, 2))


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (asked("TFLite_Detection_PostProcess", X, X), "custom operator TFLite_Detection_PostProcess"),
        (asked("LSTM", X, X), "does not know LSTM"),
        (
            asked("CONV_2D", X, X, X, options=Conv2DOptions(fused_activation_function=ActivationFunction.TANH)),
            "fuses TANH otherwise",
        ),
        (
            asked("RESIZE_NEAREST_NEIGHBOR", X, X, options=ResizeNearestNeighborOptions(half_pixel_centers=True)),
            "half pixels",
        ),
        (asked("ADD", X.replaced(type=TensorType.INT16), X), "int16"),
        (asked("ADD", X.replaced(type=TensorType.FLOAT64), X), "takes no FLOAT64 here"),
        (asked("ADD", X.replaced(type=TensorType.FLOAT16), X), "takes no FLOAT16 here"),
        (asked("FULLY_CONNECTED", X, constant(sparsity=Sparsity(dim_metadata=[])), X), "sparse"),
        (
            asked("FULLY_CONNECTED", X, constant(quantization=Quantization(details=BlockwiseQuantization())), X),
            "quantization of 'w'",
        ),
    ],
)
def test_objections_are_in_words(words: str, reason: str) -> None:
    assert reason in words


def test_small_constants_are_fine() -> None:
    for kind in (TensorType.FLOAT16, TensorType.INT4):
        assert asked("DEQUANTIZE", constant(type=kind), X) == ""


def test_what_is_left_out_is_really_otherwise(openvino: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a release of OpenVINO mends these, they can be claimed."""
    from littoral.openvino import compiler, delegate

    monkeypatch.setattr(delegate, "objection", lambda *_: "")
    monkeypatch.setattr(compiler, "garbage", lambda *_: "")
    half = ResizeNearestNeighborOptions(half_pixel_centers=True)
    tanh = Conv2DOptions(stride_w=1, stride_h=1, fused_activation_function=ActivationFunction.TANH)
    for case in (
        Case("RESIZE_NEAREST_NEIGHBOR", ((1, 5, 4, 2), ints(8, 10)), half, outputs=(F,)),
        Case("CONV_2D", ((1, 4, 4, 4), floats(5, 1, 1, 4), floats(5)), tanh),
    ):
        graph = case.graph()
        inputs = samples(graph, positive=False)
        with attach(graph, OpenVINO(), 1) as session:
            assert not np.allclose(session.run(*inputs)[0], litert(graph, inputs)[0], atol=0.01)
