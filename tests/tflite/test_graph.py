"""The graph's own conveniences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from littoral.tflite import Buffer, Graph, OperatorCode, Quantization, Tensor, TensorType, read
from littoral.tflite.options.convolution import Conv2DOptions


def constant(kind: TensorType, shape: tuple[int, ...], data: bytes) -> Tensor:
    return Tensor(shape=shape, type=kind, buffer=Buffer(data=data))


def test_data_is_a_read_only_view_on_the_file(adder: Graph) -> None:
    data = np.arange(6, dtype="<i4").tobytes()
    tensor = constant(TensorType.INT32, (2, 3), data)
    assert tensor.data is not None
    assert tensor.data.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert not tensor.data.flags.writeable
    assert not tensor.data.flags.owndata
    assert adder.main.tensors[0].data is None


@pytest.mark.parametrize(
    ("kind", "packed", "values"),
    [
        (TensorType.INT4, b"\x2f\x08", [-1, 2, -8]),
        (TensorType.UINT4, b"\x2f\x08", [15, 2, 8]),
        (TensorType.INT2, b"\x1e", [-2, -1, 1]),
    ],
)
def test_small_types_are_unpacked_lowest_bits_first(kind: TensorType, packed: bytes, values: list[int]) -> None:
    data = constant(kind, (3,), packed).data
    assert data is not None
    assert data.tolist() == values


def test_strings_and_types_that_numpy_lacks_are_raw() -> None:
    text = constant(TensorType.STRING, (1,), b"\1\0\0\0\x0c\0\0\0\x0d\0\0\0a").data
    assert text is not None
    assert text.shape == (13,)
    brain = constant(TensorType.BFLOAT16, (1,), b"\x80\x3f").data
    assert brain is not None
    assert brain.tolist() == [0x3F80]


@pytest.mark.parametrize(
    ("name", "old", "number"), [("CONV_2D", 3, 3), ("GELU", 127, 150), ("edgetpu-custom-op", 32, 32)]
)
def test_operator_codes_by_name(name: str, old: int, number: int) -> None:
    code = OperatorCode.of(name, 2)
    assert (code.name, code.version, code.number) == (name, 2, number)
    assert code.deprecated_builtin_code == old


def test_the_larger_of_the_two_code_fields_counts() -> None:
    assert OperatorCode(deprecated_builtin_code=3).name == "CONV_2D"
    assert OperatorCode(builtin_code=150).name == "GELU"
    assert OperatorCode(builtin_code=9999).name == "BUILTIN_9999"


def test_metadata_is_replaced_by_name(adder: Graph) -> None:
    assert adder.metadata_entry("littoral") is None
    adder.set_metadata("littoral", b"old")
    adder.set_metadata("other", b"this")
    adder.set_metadata("littoral", b"new")
    assert [entry.name for entry in adder.metadata] == ["other", "littoral"]
    assert bytes(adder.metadata_entry("littoral") or b"") == b"new"


def test_empty_quantization_is_none() -> None:
    assert not Tensor(quantization=Quantization()).is_quantized
    assert Tensor(quantization=Quantization(scale=np.ones(1, "<f4"))).is_quantized


def test_tables_are_given_by_keyword_and_compared_by_value() -> None:
    assert Conv2DOptions(stride_w=2) == Conv2DOptions(stride_w=2)
    assert Conv2DOptions(stride_w=2) != Conv2DOptions(stride_w=1)
    assert Conv2DOptions(stride_w=2).replaced(stride_h=3) == Conv2DOptions(stride_w=2, stride_h=3)
    with pytest.raises(TypeError, match="has no stride"):
        Conv2DOptions(stride=2)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="needs subgraphs"):
        Graph(metadata=[], signatures=[])  # type: ignore[call-arg]


def test_quantized_weights_of_a_real_model(coral: Path) -> None:
    graph = read(coral / "tf2_mobilenet_v2_1.0_224_ptq.tflite")
    conv = next(operator for operator in graph.main.operators if operator.name == "CONV_2D")
    weights = graph.main.tensors[conv.inputs[1]]
    assert weights.quantization is not None
    assert weights.dtype == np.int8
    assert weights.data is not None
    assert weights.data.shape == weights.shape == (32, 3, 3, 3)
    assert weights.quantization.scale.shape == weights.quantization.zero_point.shape == (32,)
    assert weights.quantization.quantized_dimension == 0
