"""The layouts, against sizes and places worked out from the headers of LiteRT for 64-bit machines."""

from __future__ import annotations

import ctypes

from hypothesis import given
from hypothesis import strategies as st

from littoral.runtime.delegate import structs
from littoral.tflite import TensorType


def test_sizes_and_places_are_those_of_the_c_headers() -> None:
    assert structs.TENSOR_SIZE == 112
    assert structs.TENSOR_DATA == 8
    assert structs.Tensor.dims_signature.offset == 104
    assert structs.NODE_USER_DATA == 32
    assert structs.CONTEXT_TENSORS == 16
    assert structs.Context.get_external_context.offset == 80
    assert structs.Registration.spare.offset == 88
    assert structs.Delegate.spare.offset == 56


def test_the_runtime_finds_zeros_in_fields_that_it_may_get() -> None:
    free = structs.FREE()
    made = structs.registration(structs.INIT(), free, structs.STEP(), structs.STEP(), b"name")
    assert bytes(made.spare) == bytes(64)
    assert not made.registration_external
    assert not made.inplace_operator


def test_types_that_the_runtime_has_no_number_for_are_the_newest() -> None:
    missing = set(TensorType) - set(structs.RUNTIME_TYPES)
    assert {kind.name for kind in missing} == {"INT2", "UINT4", "FLOAT8_E4M3FN", "FLOAT8_E5M2"}


@given(st.lists(st.integers(-(2**31), 2**31 - 1)))
def test_an_array_gives_back_what_was_put_in(values: list[int]) -> None:
    array = structs.int_array(values)
    assert structs.items(ctypes.cast(array, structs.Ints)) == tuple(values)


def test_an_array_that_is_missing_is_empty() -> None:
    assert structs.items(structs.Ints()) == ()
