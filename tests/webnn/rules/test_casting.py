"""Numbers become those of a type by the standard's section "Casting"."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from littoral.webnn.program import DTYPES
from littoral.webnn.rules.casting import cast_number

INTEGERS = [name for name, dtype in DTYPES.items() if dtype.kind in "iu"]


@pytest.mark.parametrize("data_type", INTEGERS)
@settings(deadline=None)
@given(value=st.integers() | st.floats(allow_nan=False))
def test_integers_stay_in_their_range(data_type: str, value: int | float) -> None:
    limits = np.iinfo(DTYPES[data_type])
    found = cast_number(value, data_type)
    assert isinstance(found, int)
    if value <= limits.min or value >= limits.max:
        assert found == (limits.min if value <= limits.min else limits.max)
    else:
        assert abs(found - value) <= 0.5


@pytest.mark.parametrize(
    ("value", "data_type", "expected"),
    [
        (0.5, "int8", 0),
        (1.5, "int8", 2),
        (-2.5, "int32", -2),
        (math.nan, "uint8", 0),
        (math.inf, "int64", 2**63 - 1),
        (-math.inf, "uint64", 0),
        (2**64 - 1, "uint64", 2**64 - 1),
        (3e9, "uint32", 3_000_000_000),
        (65519.9, "float16", 65504.0),
        (65520, "float16", math.inf),
        (-65520, "float16", -math.inf),
        (10**400, "float32", math.inf),
        (-(10**400), "float16", -math.inf),
        (1e39, "float32", math.inf),
        (2**63 + 1, "float32", float(2**63)),
    ],
)
def test_corner_cases(value: int | float, data_type: str, expected: int | float) -> None:
    assert cast_number(value, data_type) == expected


@settings(deadline=None)
@given(value=st.floats(-3e38, 3e38))
def test_floats_are_the_nearest_of_their_type(value: float) -> None:
    assert cast_number(value, "float32") == struct.unpack("f", struct.pack("f", value))[0]


def test_nan_stays_nan_in_floats() -> None:
    assert math.isnan(cast_number(math.nan, "float16"))
    assert math.copysign(1, cast_number(-0.0, "float32")) == -1
