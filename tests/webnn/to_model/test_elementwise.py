"""Arithmetic, casts and choices: integers exactly as numpy has them, wrapping around; floats within their rounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.webnn.to_model.conftest import bits, compute, operators, same

from littoral.webnn.program import DTYPES, Array

INTEGERS = sorted(name for name, dtype in DTYPES.items() if dtype.kind in "iu")
SIGNED = [name for name in INTEGERS if name.startswith("int")]
FLOATS = ["float16", "float32"]
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "max": np.maximum,
    "min": np.minimum,
}
UNARY: dict[str, Callable[[Any], Any]] = {
    "abs": np.abs,
    "neg": np.negative,
    "sign": np.sign,
    "relu": lambda x: np.maximum(x, 0),
}
SHAPES = st.lists(st.integers(1, 3), max_size=7).map(tuple)


def numbers(seed: int, data_type: str, shape: tuple[int, ...]) -> Array:
    """Any integers, or floats of ordinary size."""
    if data_type in FLOATS:
        return np.random.default_rng(seed).normal(0, 3, shape).astype(data_type)
    return bits(seed, data_type, shape)


@st.composite
def pairs(draw: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shapes that broadcast."""
    shape = draw(SHAPES)
    kept = [tuple(size if draw(st.booleans()) else 1 for size in shape) for _ in range(2)]
    cut = draw(st.integers(0, len(shape)))
    return kept[0], kept[1][cut:]


@pytest.mark.parametrize("operation", ["add", "sub", "mul", "max", "min"])
@settings(deadline=None, max_examples=40)
@given(data_type=st.sampled_from(INTEGERS), shapes=pairs(), known=st.sampled_from(["a", "b", ""]))
def test_integers(operation: str, data_type: str, shapes: Any, known: str) -> None:
    a, b = bits(1, data_type, shapes[0]), bits(2, data_type, shapes[1])
    with np.errstate(all="ignore"):
        wanted = np.asarray(BINARY[operation](a, b))
    assert same(compute(operation, [known] if known else (), a=a, b=b)[0], wanted)


@pytest.mark.parametrize("operation", ["add", "sub", "mul", "div", "max", "min"])
@settings(deadline=None, max_examples=30)
@given(data_type=st.sampled_from(FLOATS), shapes=pairs())
def test_floats(operation: str, data_type: str, shapes: Any) -> None:
    a, b = numbers(1, data_type, shapes[0]), numbers(2, data_type, shapes[1])
    wanted = BINARY[operation](a.astype("f4"), b.astype("f4")).astype(data_type)
    np.testing.assert_array_max_ulp(compute(operation, a=a, b=b)[0], wanted, 2 if operation == "div" else 0)


def divided(a: int, b: int) -> int:
    """Towards zero; by zero it is what was to be divided."""
    return a if b == 0 else abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


@settings(deadline=None, max_examples=150)
@given(data_type=st.sampled_from(INTEGERS), data=st.data())
def test_integer_division(data_type: str, data: st.DataObject) -> None:
    limits = np.iinfo(data_type)
    low, high = int(limits.min), int(limits.max)
    edges = st.sampled_from([low, low + 1, high, high - 1, high // 2 + 1, 0, 1, 2, 3])
    values = st.one_of(st.integers(low, high), st.integers(max(low, -9), 9), edges)
    couples = data.draw(st.lists(st.tuples(values, values), min_size=1, max_size=20))
    if data_type.startswith("int"):  # the one quotient that is not in range
        couples = [(a, b) for a, b in couples if (a, b) != (low, -1)] or [(1, 1)]
    a, b = (np.array(column, data_type) for column in zip(*couples, strict=True))
    assert compute("div", a=a, b=b)[0].tolist() == [divided(x, y) for x, y in couples]


@settings(deadline=None, max_examples=60)
@given(data_type=st.sampled_from(INTEGERS), data=st.data())
def test_integer_power(data_type: str, data: st.DataObject) -> None:
    limits, bits_ = np.iinfo(data_type), np.iinfo(data_type).bits
    bases = st.integers(max(int(limits.min), -20), 20)
    couples = data.draw(st.lists(st.tuples(bases, st.integers(0, 100)), min_size=1, max_size=20))
    a, b = (np.array(column, data_type) for column in zip(*couples, strict=True))
    inside = [x**y < 2 ** (bits_ - 1) and y < 64 for x, y in couples]
    wanted = np.array([x**y % 2**bits_ for x, y in couples], f"u{bits_ // 8}").view(data_type)
    np.testing.assert_array_equal(compute("pow", a=a, b=b)[0][inside], wanted[inside])


def test_an_integer_to_a_negative_power_is_a_fraction_towards_zero() -> None:
    a, b = np.array([2, 1, -1, -1, 5], np.int32), np.array([-1, -3, -3, -100, -2], np.int32)
    assert compute("pow", a=a, b=b)[0].tolist() == [0, 1, -1, 1, 0]


def test_powers_of_floats() -> None:
    a, b = np.array([2, 9, 0.5, -2], np.float32), np.array([10, 0.5, 3, 3], np.float32)
    np.testing.assert_array_max_ulp(compute("pow", a=a, b=b)[0], a**b, 4)


@pytest.mark.parametrize("operation", ["abs", "neg", "sign", "relu"])
@pytest.mark.parametrize("data_type", [*SIGNED, *FLOATS])
def test_signs(operation: str, data_type: str) -> None:
    value = numbers(3, data_type, (3, 5))
    assert same(compute(operation, input=value)[0], UNARY[operation](value).astype(data_type))


def test_a_sign_of_nothing_and_of_no_number() -> None:
    value = np.array([np.nan, 0.0, -0.0, np.inf, -np.inf], np.float32)
    np.testing.assert_array_equal(compute("sign", input=value)[0], np.sign(value))


@settings(deadline=None, max_examples=200)
@given(source=st.sampled_from(sorted(DTYPES)), target=st.sampled_from(sorted(DTYPES)), known=st.booleans())
def test_casts(source: str, target: str, known: bool) -> None:
    value = np.array([0, 1, 2, 7, 100, 127], source)
    if not source.startswith("u") and not target.startswith("u"):
        value = np.concatenate([value, np.array([-1, -100], source)])
    if source in FLOATS:
        value = (value + 0.5 * np.sign(value)).astype(source)
    assert same(compute("cast", ["input"] if known else (), input=value, dataType=target)[0], value.astype(target))


@settings(deadline=None, max_examples=60)
@given(source=st.sampled_from(INTEGERS), target=st.sampled_from([*INTEGERS, "float32"]), seed=st.integers(0, 1000))
def test_casts_of_any_integers_wrap_around(source: str, target: str, seed: int) -> None:
    value = bits(seed, source, (20,))
    assert same(compute("cast", input=value, dataType=target)[0], value.astype(target))


def test_large_floats_become_large_integers() -> None:
    value = np.array([2.0**63, 2.0**63 + 2.0**41, 1.5 * 2.0**63, 2.0**62, 12345.75], np.float32)
    assert compute("cast", input=value, dataType="uint64")[0].tolist() == [int(each) for each in value]


@pytest.mark.parametrize("data_type", sorted(DTYPES))
@pytest.mark.parametrize(
    "limits", [(2, 5), (None, 4), (3, None), (None, None), (0, 6), (0, None), (2.5, 5.5), (2.6, 6.4)]
)
def test_clamp(data_type: str, limits: tuple[float | None, float | None]) -> None:
    value = np.arange(9).astype(data_type)
    given_: dict[str, Any] = {
        name: bound for name, bound in zip(("minValue", "maxValue"), limits, strict=True) if bound is not None
    }
    low, high = (limits[0] or 0), (9 if limits[1] is None else limits[1])
    if data_type not in FLOATS:
        low, high = round(low), round(high)
    assert same(compute("clamp", input=value, **given_)[0], np.clip(value, low, high).astype(data_type))


def test_clamp_of_the_largest_integers() -> None:
    value = np.array([0, 2**63, 2**64 - 1, 5], np.uint64)
    found = compute("clamp", input=value, minValue=3, maxValue=2**63 + 7)[0]
    assert found.tolist() == [3, 2**63, 2**63 + 7, 5]


def test_no_number_stays_in_limits() -> None:
    value = np.array([np.nan, 9, -9], np.float32)
    np.testing.assert_array_equal(compute("clamp", input=value, minValue=-2, maxValue=3)[0], [np.nan, 3, -2])


@pytest.mark.parametrize(
    ("operation", "function", "ulps"),
    [
        *[("ceil", np.ceil, 0), ("floor", np.floor, 0), ("roundEven", np.round, 0), ("sqrt", np.sqrt, 1)],
        *[("exp", np.exp, 2), ("log", np.log, 3), ("reciprocal", np.reciprocal, 1)],
    ],
)
def test_functions(operation: str, function: Callable[[Array], Array], ulps: int) -> None:
    value = np.array([0.5, 1.5, 2.5, 3.25, 1e-3, 40.0], np.float32)
    np.testing.assert_array_max_ulp(compute(operation, input=value)[0], function(value), ulps)
    half = value[:5].astype(np.float16)
    np.testing.assert_array_max_ulp(compute(operation, input=half)[0], function(half.astype("f4")).astype("f2"), 1)


@pytest.mark.parametrize(("operation", "function"), [("sin", np.sin), ("cos", np.cos), ("tan", np.tan)])
def test_circles(operation: str, function: Callable[[Array], Array]) -> None:
    value = np.linspace(-20, 20, 101, dtype=np.float32)
    wanted = function(value.astype(np.float64))
    np.testing.assert_allclose(compute(operation, input=value)[0], wanted, rtol=2e-5, atol=2e-6)


def test_erf() -> None:
    from math import erf

    value = np.array([0, 1e-6, -1e-4, 4e-4, 6e-4, 0.1, -0.5, 1, 2, -3.5, 5, -50, np.inf], np.float32)
    wanted = np.array([erf(each) for each in value.tolist()])
    np.testing.assert_allclose(compute("erf", input=value)[0], wanted, rtol=3e-4, atol=3e-7)
    np.testing.assert_allclose(compute("erf", input=value)[0][6:], wanted[6:], rtol=1e-6)


@pytest.mark.parametrize("operation", ["exp", "erf", "log", "sqrt", "sigmoid", "tanh", "softplus", "relu"])
def test_no_number_goes_through(operation: str) -> None:
    assert np.isnan(compute(operation, input=np.array([np.nan, 1], np.float32))[0]).tolist() == [True, False]


@settings(deadline=None, max_examples=40)
@given(data_type=st.sampled_from(sorted(DTYPES)), shapes=pairs(), data=st.data())
def test_where(data_type: str, shapes: Any, data: st.DataObject) -> None:
    a, b = bits(5, data_type, shapes[0]), bits(6, data_type, shapes[1])
    shape = np.broadcast_shapes(*shapes)
    condition = np.asarray(bits(7, "uint8", data.draw(st.sampled_from([shape, ()]))) % 3)
    found = compute("where", condition=condition, trueValue=a, falseValue=b)[0]
    assert same(found, np.where(condition, a, b))


def test_one_operator_where_one_is_enough() -> None:
    a = np.ones((2, 3), np.float32)
    assert operators("add", a=a, b=a) == ["ADD"]
    assert operators("clamp", input=a, minValue=0, maxValue=6) == ["RELU6"]
    assert operators("where", condition=a.astype(np.uint8), trueValue=a, falseValue=a) == ["CAST", "SELECT_V2"]
