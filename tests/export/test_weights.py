"""Constants come back bit for bit, in as few bytes as that takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from littoral.export.weights import narrowed, pack, unpack
from littoral.webnn.program import DTYPES

Array = npt.NDArray[Any]

_BITS = st.sampled_from(sorted(DTYPES)).flatmap(
    lambda name: arrays.arrays(
        f"u{np.dtype(name).itemsize}", arrays.array_shapes(min_dims=0, max_dims=3, min_side=0)
    ).map(lambda bits: bits.view(name))
)
_SMALL = st.sampled_from(sorted(DTYPES)).flatmap(
    lambda name: arrays.arrays(np.int8, arrays.array_shapes(max_dims=3)).map(lambda values: values.astype(name))
)
_HALVES = arrays.arrays(np.uint16, arrays.array_shapes(max_dims=3)).map(lambda b: b.view(np.float16).astype(np.float32))


@given(st.lists(_BITS | _SMALL | _HALVES, max_size=6))
def test_constants_come_back_bit_for_bit(constants: list[Array]) -> None:
    stored, data, _ = pack(constants)
    again = unpack(stored, [(each.dtype.name, each.shape) for each in constants], data)
    for was, now in zip(constants, again, strict=True):
        assert (was.dtype, was.shape) == (now.dtype, now.shape)
        assert was.tobytes() == now.tobytes()


@given(_HALVES)
def test_halves_are_stored_as_halves(constant: Array) -> None:
    assert narrowed(constant).dtype.itemsize <= 2


def test_what_is_the_same_is_stored_once() -> None:
    assert narrowed(np.full((3, 4), 0.1, np.float32)).tolist() == [np.float32(0.1)]
    assert narrowed(np.zeros((0, 3), np.float32)).size == 0


def test_what_would_lose_a_bit_stays() -> None:
    for values in ([0.1, 1.0], [-0.0, 5000.5], [65520.0, 1.0], [2.0**-25, 1.0]):
        assert narrowed(np.array(values, np.float32)).dtype == np.float32
    assert narrowed(np.array([-0.0, 1.0], np.float32)).dtype == np.float16
    assert narrowed(np.array([128, 1], np.int32)).dtype == np.int32
