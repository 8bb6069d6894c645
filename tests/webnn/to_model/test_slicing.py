"""pad, reverse, slice, triangular: bit by bit as numpy has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.webnn.to_model.conftest import bits, compute, operators, same

from littoral.webnn.program import DTYPES

TYPES = st.sampled_from(sorted(DTYPES))
SHAPES = st.lists(st.integers(1, 3), max_size=8).map(tuple)


@settings(deadline=None)
@given(data_type=TYPES, shape=st.lists(st.integers(1, 5), max_size=7).map(tuple), known=st.booleans(), data=st.data())
def test_slice(data_type: str, shape: tuple[int, ...], known: bool, data: st.DataObject) -> None:
    value = bits(0, data_type, shape)
    starts = [data.draw(st.integers(0, size - 1)) for size in shape]
    sizes = [data.draw(st.integers(1, size - start)) for size, start in zip(shape, starts, strict=True)]
    strides = data.draw(st.lists(st.integers(1, 6), min_size=len(shape), max_size=len(shape)))
    found = compute("slice", ["input"] if known else (), input=value, starts=starts, sizes=sizes, strides=strides)
    ends = [start + size for start, size in zip(starts, sizes, strict=True)]
    assert same(found[0], value[tuple(map(slice, starts, ends, strides))])


@settings(deadline=None)
@given(data_type=TYPES, shape=SHAPES, data=st.data())
def test_reverse(data_type: str, shape: tuple[int, ...], data: st.DataObject) -> None:
    value = bits(1, data_type, shape)
    axes = data.draw(st.lists(st.sampled_from(range(len(shape))), unique=True)) if shape else []
    assert same(compute("reverse", input=value, axes=axes)[0], np.flip(value, tuple(axes)))


def test_a_reverse_is_of_all_axes_by_default() -> None:
    value = bits(2, "float32", (2, 3, 4))
    assert same(compute("reverse", input=value)[0], np.flip(value))


@settings(deadline=None)
@given(data_type=TYPES, shape=SHAPES.filter(lambda shape: len(shape) > 1), upper=st.booleans(), k=st.integers(-4, 4))
def test_triangular(data_type: str, shape: tuple[int, ...], upper: bool, k: int) -> None:
    value = bits(3, data_type, shape)
    kept = np.fromfunction(lambda i, j: j - i >= k if upper else j - i <= k, shape[-2:])
    wanted = np.where(kept, value, np.zeros((), data_type))
    assert same(compute("triangular", input=value, upper=upper, diagonal=k)[0], wanted)


@settings(deadline=None)
@given(
    data_type=TYPES,
    shape=st.lists(st.integers(1, 3), max_size=7).map(tuple),
    mode=st.sampled_from(["constant", "edge", "reflection"]),
    data=st.data(),
)
def test_pad(data_type: str, shape: tuple[int, ...], mode: str, data: st.DataObject) -> None:
    value = bits(4, data_type, shape)
    most = [size - 1 if mode == "reflection" else 2 for size in shape]
    before, after = ([data.draw(st.integers(0, amount)) for amount in most] for _ in range(2))
    given: dict[str, Any] = {"input": value, "beginningPadding": before, "endingPadding": after, "mode": mode}
    amounts: Any = list(zip(before, after, strict=True)) or 0
    if mode == "constant":
        given["value"] = data.draw(st.integers(0, 100))
        wanted = np.pad(value, amounts, constant_values=given["value"])
    else:
        wanted = np.pad(value, amounts, mode="edge") if mode == "edge" else np.pad(value, amounts, mode="reflect")
    assert same(compute("pad", **given)[0], wanted)


@pytest.mark.parametrize(
    ("data_type", "value", "wanted"),
    [
        ("float32", float("-inf"), float("-inf")),
        ("float32", float("nan"), float("nan")),
        ("float32", -0.0, 0.0),
        ("float16", 1e30, float("inf")),
        ("uint8", 300, 255),
        ("uint8", -1, 0),
        ("int8", float("inf"), 127),
        ("int32", 1.9, 2),
        ("uint64", 2**64 - 1, 2**64 - 1),
        ("int64", -(2**63), -(2**63)),
        ("uint32", float("nan"), 0),
    ],
)
def test_values_of_a_padding(data_type: str, value: float, wanted: float) -> None:
    source = np.ones(1, data_type)
    found = compute("pad", input=source, beginningPadding=[1], endingPadding=[0], value=value)[0]
    assert found.dtype == data_type
    np.testing.assert_array_equal(found, np.array([wanted, 1], data_type))


@pytest.mark.parametrize(
    ("operation", "given", "wanted"),
    [
        ("slice", {"starts": (0, 1), "sizes": (2, 2)}, ["SLICE"]),
        ("slice", {"starts": (0, 0), "sizes": (2, 3), "strides": (1, 2)}, ["STRIDED_SLICE"]),
        ("reverse", {}, ["REVERSE_V2"]),
        ("pad", {"beginningPadding": (1, 1), "endingPadding": (0, 0)}, ["PAD"]),
        ("pad", {"beginningPadding": (1, 1), "endingPadding": (0, 0), "value": 1}, ["PADV2"]),
        ("pad", {"beginningPadding": (0, 1), "endingPadding": (0, 0), "mode": "edge"}, ["GATHER"]),
        ("triangular", {}, ["SELECT_V2"]),
    ],
)
def test_operators(operation: str, given: dict[str, Any], wanted: list[str]) -> None:
    assert operators(operation, input=np.zeros((2, 3), np.float32), **given) == wanted


def test_a_part_of_a_constant_is_a_constant() -> None:
    value = np.arange(6, dtype=np.float32)
    assert operators("slice", ["input"], input=value, starts=[2], sizes=[3]) == ["RESHAPE"]  # an output is computed


def test_axes_apart_are_reversed_one_by_one() -> None:
    value = np.zeros((2, 2, 2, 2), np.float32)
    assert operators("reverse", input=value, axes=[3, 0, 2]) == ["REVERSE_V2", "REVERSE_V2"]
