"""concat, expand, identity, reshape, split, tile, transpose: bit by bit as numpy has them."""

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
AXES = SHAPES.filter(len)


@settings(deadline=None)
@given(data_type=TYPES, shape=SHAPES, known=st.booleans())
def test_identity(data_type: str, shape: tuple[int, ...], known: bool) -> None:
    value = bits(0, data_type, shape)
    assert same(compute("identity", ["input"] if known else (), input=value)[0], value)


@settings(deadline=None)
@given(data_type=TYPES, shape=SHAPES, data=st.data())
def test_reshape(data_type: str, shape: tuple[int, ...], data: st.DataObject) -> None:
    value = bits(1, data_type, shape)
    sizes = [size for size in shape if size > 1]
    new = data.draw(st.permutations(sizes + [1] * data.draw(st.integers(0, 8 - len(sizes)))))
    assert same(compute("reshape", input=value, newShape=new)[0], value.reshape(new))


@settings(deadline=None)
@given(data_type=TYPES, shape=SHAPES, data=st.data())
def test_transpose(data_type: str, shape: tuple[int, ...], data: st.DataObject) -> None:
    value, order = bits(2, data_type, shape), data.draw(st.permutations(range(len(shape))))
    assert same(compute("transpose", input=value, permutation=order)[0], value.transpose(order))


def test_a_transpose_reverses_axes_by_default() -> None:
    value = bits(3, "float32", (2, 3, 4))
    assert same(compute("transpose", input=value)[0], value.transpose())


@settings(deadline=None)
@given(data_type=TYPES, shape=SHAPES, data=st.data())
def test_expand(data_type: str, shape: tuple[int, ...], data: st.DataObject) -> None:
    kept = data.draw(st.lists(st.booleans(), min_size=len(shape), max_size=len(shape)))
    before = data.draw(st.lists(st.integers(1, 3), max_size=8 - len(shape)))
    small = bits(4, data_type, tuple(size if keep else 1 for size, keep in zip(shape, kept, strict=True)))
    wanted = np.broadcast_to(small, (*before, *shape))
    assert same(compute("expand", input=small, newShape=(*before, *shape))[0], wanted)


@settings(deadline=None)
@given(data_type=TYPES, shape=AXES, data=st.data())
def test_tile(data_type: str, shape: tuple[int, ...], data: st.DataObject) -> None:
    value = bits(5, data_type, shape)
    times = data.draw(st.lists(st.integers(1, 2), min_size=len(shape), max_size=len(shape)))
    assert same(compute("tile", input=value, repetitions=times)[0], np.tile(value, times))


@settings(deadline=None)
@given(data_type=TYPES, shape=AXES, data=st.data())
def test_concat(data_type: str, shape: tuple[int, ...], data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    sizes = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=7))
    parts = [bits(n, data_type, (*shape[:axis], size, *shape[axis + 1 :])) for n, size in enumerate(sizes)]
    known = data.draw(st.sets(st.sampled_from([f"inputs{n}" for n in range(len(parts))])))
    assert same(compute("concat", known, inputs=parts, axis=axis)[0], np.concatenate(parts, axis))


@settings(deadline=None)
@given(data_type=TYPES, shape=AXES, data=st.data())
def test_split(data_type: str, shape: tuple[int, ...], data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    splits: Any = data.draw(st.one_of(st.just(shape[axis]), st.lists(st.integers(1, 3), min_size=1, max_size=4)))
    size = splits if isinstance(splits, int) else sum(splits)
    whole = bits(6, data_type, (*shape[:axis], size, *shape[axis + 1 :]))
    wanted = np.split(whole, splits if isinstance(splits, int) else np.cumsum(splits[:-1]), axis)
    found = compute("split", input=whole, splits=splits, axis=axis)
    assert len(found) == len(wanted)
    assert all(map(same, found, wanted))


@pytest.mark.parametrize(
    ("operation", "given", "wanted"),
    [
        ("reshape", {"newShape": (6,)}, ["RESHAPE"]),
        ("transpose", {"permutation": (1, 0)}, ["TRANSPOSE"]),
        ("tile", {"repetitions": (2, 2)}, ["TILE"]),
        ("expand", {"newShape": (4, 2, 3)}, ["RESHAPE", "TILE"]),
        ("split", {"splits": 2}, ["SLICE", "SLICE"]),
        ("concat", {"axis": 0, "inputs": [np.zeros(2, np.float32)] * 2}, ["CONCATENATION"]),
    ],
)
def test_operators(operation: str, given: dict[str, Any], wanted: list[str]) -> None:
    source = {} if operation == "concat" else {"input": np.zeros((2, 3), np.float32)}
    assert operators(operation, **source, **given) == wanted
