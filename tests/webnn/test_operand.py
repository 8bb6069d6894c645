"""Descriptors and buffers: what the standard takes, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from littoral.webnn import Descriptor, OperandError
from littoral.webnn.operand import bytes_as, read_descriptor, writable_as

PAIR = Descriptor("float32", (1, 2))


@pytest.mark.parametrize(
    "given",
    [
        {"dataType": "float32", "shape": [1, 2]},
        {"data_type": "float32", "shape": (1, np.int64(2)), "readable": True},
        Descriptor("float32", [1, 2]),  # type: ignore[arg-type]
    ],
)
def test_descriptors_may_be_written_in_several_ways(given: Any) -> None:
    assert read_descriptor(given, "here") == PAIR


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"shape": []}, "here: the descriptor has no data_type"),
        ({}, "here: the descriptor has no data_type and no shape"),
        ("float32", "here: the descriptor is of type str, and must be a mapping"),
        ({"dataType": "float64", "shape": []}, "the data type is 'float64'. Accepted: float32, float16, int32"),
        ({"dataType": np.float32, "shape": []}, "the data type is of type type. Accepted: float32"),
        ({"dataType": "int8", "shape": 3}, "the shape is of type int, and must be a sequence"),
        ({"dataType": "int8", "shape": [2.0]}, "the shape[0] is 2.0, and must be an integer"),
        ({"dataType": "int8", "shape": [-1]}, "the shape[0] is -1, and must be 0 to 4294967295"),
        ({"dataType": "int8", "shape": [0]}, "the descriptor has the shape [0], and a dimension is 1 to 2147483647"),
        ({"dataType": "int8", "shape": [2**31]}, "a dimension is 1 to 2147483647"),
        ({"dataType": "int64", "shape": [2**28]}, "2147483648 bytes of int64, and 2147483647 is the most"),
        ({"dataType": "int8", "shape": [2**31 - 1] * 8}, "is the most"),
        ({"dataType": "int8", "shape": [1] * 9}, "the descriptor has 9 dimensions, and 8 is the most"),
    ],
)
def test_other_descriptors_are_refused(given: Any, words: str) -> None:
    with pytest.raises(OperandError) as raised:
        read_descriptor(given, "here")
    assert words in str(raised.value)


@pytest.mark.parametrize(
    "value",
    [
        np.array([[1, 2]], np.float32),
        np.array([1, 2], np.float32),
        np.array([1, 0, 2], np.float32)[::2],
        np.array([1, 2], np.float32).view(np.uint8),
        np.array([1, 2], np.float32).tobytes(),
        bytearray(np.array([1, 2], np.float32).tobytes()),
        np.array([1, 2], np.float32).data,
    ],
)
def test_buffers_are_bytes_of_the_type(value: Any) -> None:
    np.testing.assert_array_equal(bytes_as(PAIR, value, "here"), np.array([[1, 2]], np.float32), strict=True)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([1.0, 2.0], "here: the value is of type list, and must be a buffer"),
        (np.zeros(2, np.int32), "here: the buffer is int32, and must be float32"),
        (np.zeros(2, ">f4"), "here: the buffer is >f4, and must be float32"),
        (np.zeros(3, np.float32), "here: the buffer has 12 bytes, and [1, 2] takes 8"),
        (b"1234567", "here: the buffer has 7 bytes"),
        (None, "here: the value is of type NoneType"),
        (np.array(["a"]), "and must be float32"),
    ],
)
def test_other_buffers_are_refused(value: Any, words: str) -> None:
    with pytest.raises(OperandError) as raised:
        bytes_as(PAIR, value, "here")
    assert words in str(raised.value)


def test_what_lies_in_order_is_not_copied() -> None:
    array = np.zeros((1, 2), np.float32)
    assert np.shares_memory(bytes_as(PAIR, array, "here"), array)
    target = bytearray(8)
    writable_as(PAIR, target, "here")[...] = 1
    assert bytes(target) == np.ones(2, np.float32).tobytes()


@pytest.mark.parametrize("target", [bytes(8), np.zeros(4, np.float32)[::2], np.broadcast_to(np.float32(0), (1, 2))])
def test_what_cannot_be_written_in_place_is_refused(target: Any) -> None:
    with pytest.raises(OperandError, match="here: the buffer is read-only, or not C-contiguous"):
        writable_as(PAIR, target, "here")
