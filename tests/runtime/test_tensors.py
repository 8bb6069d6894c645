"""Real values, stored values, and what a caller may give."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from littoral.errors import InputError
from littoral.runtime import TensorInfo, load
from littoral.runtime.tensors import fits
from littoral.tflite import Graph, Quantization, Tensor, TensorType


def info(dtype: Any, shape: tuple[int, ...] = (1, 2), scale: float = 0.0, zero_point: int = 0) -> TensorInfo:
    return TensorInfo("x", "tensor", 0, shape, np.dtype(dtype), scale, zero_point)


@given(
    st.sampled_from(["int8", "uint8", "int16"]),
    st.sampled_from([0.5, 0.1, 1 / 255, 0.0078125]),
    st.integers(-20, 20),
)
def test_every_stored_value_survives_being_real(dtype: str, scale: float, zero_point: int) -> None:
    limits = np.iinfo(dtype)
    stored = np.arange(limits.min, limits.max + 1).astype(dtype)
    tensor = info(dtype, scale=scale, zero_point=zero_point)
    np.testing.assert_array_equal(tensor.quantize(tensor.dequantize(stored)), stored)


def test_rounding_is_half_away_from_zero_and_clamped() -> None:
    tensor = info("int8", scale=1.0)
    real = np.array([0.5, 1.5, -0.5, -1.5, 0.49999997, 1000, -1000, np.inf, -np.inf], np.float32)
    assert tensor.quantize(real).tolist() == [1, 2, -1, -2, 0, 127, -128, 127, -128]


def test_scalars() -> None:
    tensor = info("int8", shape=(), scale=0.5, zero_point=1)
    assert tensor.quantize(2.0) == 5  # type: ignore[arg-type]
    assert tensor.accept(2.0).shape == ()
    assert tensor.dequantize(np.array(5, np.int8)) == 2


def test_quantization_is_that_of_the_quantize_operator(quantize: Graph) -> None:
    tensor = info("int8", scale=0.1, zero_point=7)
    rng = np.random.default_rng(0)
    with load(quantize, "cpu:reference") as model:
        for spread in (1, 8, 100):
            real = rng.normal(0, spread, (1, 256)).astype(np.float32)
            np.testing.assert_array_equal(tensor.quantize(real), model(real, raw=True))


def test_quantized_inputs_take_real_values() -> None:
    tensor = info("uint8", scale=0.5, zero_point=10)
    for value in ([[1.0, 2.0]], np.array([1, 2], np.int64), np.array([1, 2], np.float16)):
        assert tensor.accept(value).tolist() == [[12, 14]]
        assert tensor.accept(value).dtype == np.uint8
    stored = np.array([[12, 14]], np.uint8)
    assert tensor.accept(stored, raw=True).tolist() == [[12, 14]]
    np.testing.assert_array_equal(tensor.give(stored), np.array([[1, 2]], np.float32))
    assert tensor.give(stored, raw=True) is stored


@pytest.mark.parametrize(
    ("tensor", "value", "want"),
    [
        (info("float32"), np.array([1, 2], np.uint8), [[1.0, 2.0]]),
        (info("float16"), np.array([1.5, np.nan]), [[1.5, np.nan]]),
        (info("int32"), np.array([1, 2], np.uint8), [[1, 2]]),
        (info("int64"), [[1, -2]], [[1, -2]]),
        (info("uint8"), np.array([[1.4, 254.6]]), [[1, 255]]),
        (info("int8"), [[-128, 127]], [[-128, 127]]),
        (info("bool"), [True, False], [[True, False]]),
        (info("float32", (-1, 2)), np.zeros((3, 2)), [[0, 0]] * 3),
        (info("float32", ()), 5, 5),
    ],
)
def test_what_an_input_takes(tensor: TensorInfo, value: Any, want: Any) -> None:
    got = tensor.accept(value)
    assert got.dtype == tensor.dtype
    assert got.flags.c_contiguous
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(
    ("tensor", "value", "raw", "message"),
    [
        (info("float32"), np.zeros(3), False, r"'x' \(float32\[1, 2\]\) got shape \[3\]\. Accepted: \[1, 2\]"),
        (info("float32", (-1, 2)), np.zeros((0, 2)), False, "where -1 is any size"),
        (info("float32"), ["a", "b"], False, "values of type <U1. Accepted: numbers"),
        (info("float32"), np.zeros(2, complex), False, "complex128"),
        (info("float32"), np.zeros(2), True, r"float64. Accepted: float32 \(the stored type\)"),
        (info("int32"), np.zeros(2), False, "float64. Accepted: int32"),
        (info("int32"), [2**31, 0], False, "values of 0 to 2147483648"),
        (info("uint8"), [-1, 0], False, "values of -1 to 0. Accepted: 0 to 255"),
        (info("uint8"), [256.0, 0], False, "Accepted: 0 to 255"),
        (info("uint8"), [np.nan, 0], False, "nan"),
        (info("bool"), [0, 1], False, "Accepted: bool"),
        (info("uint8", scale=0.5), np.zeros(2, np.uint8), False, "real or stored values.*raw=True"),
        (info("uint8", scale=0.5), [np.nan, 1], False, "quantized and got NaN"),
        (info(object), ["a", "b"], False, "takes strings"),
    ],
)
def test_what_an_input_refuses(tensor: TensorInfo, value: Any, raw: bool, message: str) -> None:
    with pytest.raises(InputError, match=message):
        tensor.accept(value, raw)


def test_tensors_of_a_graph() -> None:
    scales: npt.NDArray[np.float32] = np.ones(2, np.float32)
    by_channel = Quantization(scale=scales, zero_point=np.zeros(2, np.int64))
    assert not TensorInfo.of(Tensor(type=TensorType.INT8, quantization=by_channel), 0, "x").is_quantized
    unquantized = TensorInfo.of(Tensor(type=TensorType.UINT8, quantization=Quantization()), 0, "x")
    assert not unquantized.is_quantized
    assert TensorInfo.of(Tensor(type=TensorType.STRING), 0, "x").dtype == np.dtype(object)
    assert TensorInfo.of(Tensor(shape=(1, 3), shape_signature=(-1, 3)), 0, "x").shape == (-1, 3)


def test_shapes_that_fit() -> None:
    assert fits((2, 3), (2, 3))
    assert fits((5, 3), (-1, 3))
    assert not fits((0, 3), (-1, 3))
    assert not fits((2, 3), (2, 3, 1))
    assert fits((0, 3), (0, 3))
