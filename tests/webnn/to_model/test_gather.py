"""gather, gatherElements, gatherND, scatterElements, scatterND: bit by bit, wherever the indices point."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.webnn.to_model.conftest import bits, compute, operators, same

from littoral.webnn.program import DTYPES, Array

TYPES = st.sampled_from(sorted(DTYPES))
SHAPES = st.lists(st.integers(1, 4), min_size=1, max_size=5).map(tuple)
INDICES = st.sampled_from(["int32", "uint32", "int64"])


def drawn(data: st.DataObject, shape: tuple[int, ...], most: int) -> Array:
    """Indices of a type, most of them in range, some far beyond."""
    dtype = np.dtype(data.draw(INDICES))
    limits = np.iinfo(dtype)
    one = st.one_of(st.integers(max(-most - 2, limits.min), most + 2), st.sampled_from([limits.min, limits.max]))
    count = int(np.prod(shape, dtype=np.int64))
    return np.array(data.draw(st.lists(one, min_size=count, max_size=count)), dtype).reshape(shape)


def clamped(indices: Array, size: int | Array) -> Array:
    """As the standard has it: negative ones count from the end, those beyond are the nearest."""
    pairs = zip(indices.ravel().tolist(), np.broadcast_to(size, indices.shape).ravel().tolist(), strict=True)
    found = [max(index + size, 0) if index < 0 else min(index, size - 1) for index, size in pairs]
    return np.array(found, np.int64).reshape(indices.shape)


def known(data: st.DataObject, *names: str) -> set[str]:
    """Which operands are constants."""
    return data.draw(st.sets(st.sampled_from(names)))


@settings(deadline=None)
@given(data_type=TYPES, shape=SHAPES, where=st.lists(st.integers(1, 3), max_size=3).map(tuple), data=st.data())
def test_gather(data_type: str, shape: tuple[int, ...], where: tuple[int, ...], data: st.DataObject) -> None:
    value, axis = bits(0, data_type, shape), data.draw(st.integers(0, len(shape) - 1))
    indices = drawn(data, where, shape[axis])
    found = compute("gather", known(data, "input", "indices"), input=value, indices=indices, axis=axis)
    assert same(found[0], np.take(value, clamped(indices, shape[axis]), axis))


@settings(deadline=None)
@given(data_type=TYPES, shape=SHAPES, count=st.integers(1, 4), data=st.data())
def test_gather_elements(data_type: str, shape: tuple[int, ...], count: int, data: st.DataObject) -> None:
    value, axis = bits(1, data_type, shape), data.draw(st.integers(0, len(shape) - 1))
    indices = drawn(data, (*shape[:axis], count, *shape[axis + 1 :]), shape[axis])
    found = compute("gatherElements", known(data, "input", "indices"), input=value, indices=indices, axis=axis)
    assert same(found[0], np.take_along_axis(value, clamped(indices, shape[axis]), axis))


@settings(deadline=None)
@given(data_type=TYPES, shape=SHAPES, where=st.lists(st.integers(1, 3), max_size=2).map(tuple), data=st.data())
def test_gather_nd(data_type: str, shape: tuple[int, ...], where: tuple[int, ...], data: st.DataObject) -> None:
    value, depth = bits(2, data_type, shape), data.draw(st.integers(1, len(shape)))
    indices = drawn(data, (*where, depth), max(shape))
    found = compute("gatherND", known(data, "input", "indices"), input=value, indices=indices)
    places = np.moveaxis(clamped(indices, np.array(shape[:depth])), -1, 0)
    assert same(found[0], value[tuple(places)])


@settings(deadline=None)
@given(data_type=TYPES, shape=SHAPES, count=st.integers(1, 4), data=st.data())
def test_scatter_elements(data_type: str, shape: tuple[int, ...], count: int, data: st.DataObject) -> None:
    value, axis = bits(3, data_type, shape), data.draw(st.integers(0, len(shape) - 1))
    many = (*shape[:axis], count, *shape[axis + 1 :])
    indices, updates = drawn(data, many, shape[axis]), bits(4, data_type, many)
    constants = known(data, "input", "indices", "updates")
    found = compute("scatterElements", constants, input=value, indices=indices, updates=updates, axis=axis)
    wanted, places = value.copy(), clamped(indices, shape[axis])
    for place in np.ndindex(many):
        there = (*place[:axis], places[place], *place[axis + 1 :])
        wanted[there] = updates[place]
    assert same(found[0], wanted)


@settings(deadline=None)
@given(data_type=TYPES, shape=SHAPES, where=st.lists(st.integers(1, 3), max_size=2).map(tuple), data=st.data())
def test_scatter_nd(data_type: str, shape: tuple[int, ...], where: tuple[int, ...], data: st.DataObject) -> None:
    value, depth = bits(5, data_type, shape), data.draw(st.integers(1, len(shape)))
    indices = drawn(data, (*where, depth), max(shape))
    updates = bits(6, data_type, (*where, *shape[depth:]))
    constants = known(data, "input", "indices", "updates")
    found = compute("scatterND", constants, input=value, indices=indices, updates=updates)
    wanted, places = value.copy(), clamped(indices, np.array(shape[:depth]))
    for place in np.ndindex(where):
        wanted[tuple(places[place])] = updates[place]
    assert same(found[0], wanted)


@pytest.mark.parametrize(
    ("operation", "given", "wanted"),
    [
        ("gather", {"indices": np.array([1, -1], np.int64)}, ["GATHER"]),
        ("gatherElements", {"indices": np.array([[1, 0]], np.int32)}, ["RESHAPE", "GATHER"]),
        ("gatherND", {"indices": np.array([[1]], np.int32)}, ["GATHER"]),
        (
            "scatterND",
            {"indices": np.array([[1]], np.uint32), "updates": np.zeros((1, 2), np.float32)},
            ["CONCATENATION", "GATHER"],
        ),
    ],
)
def test_known_indices_cost_nothing_when_it_runs(operation: str, given: dict[str, Any], wanted: list[str]) -> None:
    assert operators(operation, ["indices"], input=np.zeros((3, 2), np.float32), **given) == wanted
