"""Numbers as a data type holds them."""

from __future__ import annotations

import math

import numpy as np

from littoral.webnn.program import DTYPES


def cast_number(value: int | float, data_type: str) -> int | float:
    """A number as a data type holds it, by the section "Casting" of the standard.

    Integers round to even and stay at the limits of their type, NaN becomes 0; floats overflow to infinity. The
    standard says "signed" of uint32, which cannot be meant.
    """
    dtype = DTYPES[data_type]
    if dtype.kind == "f":
        try:
            double = float(value)
        except OverflowError:
            double = math.copysign(math.inf, value > 0 or -1)
        with np.errstate(over="ignore"):
            return float(dtype.type(double))
    limits = np.iinfo(dtype)
    if value != value:
        return 0
    return round(min(max(value, int(limits.min)), int(limits.max)))
