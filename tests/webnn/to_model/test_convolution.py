"""Convolutions against loops over their definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.webnn.to_model.conftest import compute, operators

from littoral.webnn.program import Array


def values(seed: int, shape: tuple[int, ...], data_type: str = "float32") -> Array:
    """Ordinary numbers."""
    return np.asarray(np.random.default_rng(seed).normal(size=shape)).astype(data_type)


def arranged(array: Array, layout: str, wanted: str) -> Array:
    """Axes named by letters in another order."""
    return np.ascontiguousarray(array.transpose([layout.index(letter) for letter in wanted]))


def convolved(x: Array, weights: Array, padding: Any, strides: Any, dilations: Any, groups: int) -> Array:
    """conv2d of nchw and oihw."""
    x = np.pad(x.astype(np.float64), ((0, 0), (0, 0), padding[:2], padding[2:]))
    count, channels, high, wide = weights.shape
    reach = [(high - 1) * dilations[0] + 1, (wide - 1) * dilations[1] + 1]
    sizes = [(x.shape[2 + n] - reach[n]) // strides[n] + 1 for n in range(2)]
    result = np.zeros((x.shape[0], count, *sizes))
    for o in range(count):
        part = x[:, o // (count // groups) * channels :][:, :channels]
        for i in range(sizes[0]):
            for j in range(sizes[1]):
                rows = slice(i * strides[0], i * strides[0] + reach[0], dilations[0])
                columns = slice(j * strides[1], j * strides[1] + reach[1], dilations[1])
                result[:, o, i, j] = (part[:, :, rows, columns] * weights[o]).sum((1, 2, 3))
    return result


def spread(x: Array, weights: Array, options: dict[str, Any], sizes: tuple[int, int]) -> Array:
    """convTranspose2d of nchw and iohw: each element of x adds the filter to the output."""
    padding, strides, dilations, groups = (options[name] for name in ("padding", "strides", "dilations", "groups"))
    n, channels, height, width = x.shape
    _, count, high, wide = weights.shape
    whole = np.zeros((n, count * groups, 200, 200))
    for c in range(channels):
        group = c // (channels // groups)
        for i in range(height):
            for j in range(width):
                rows = slice(i * strides[0], i * strides[0] + high * dilations[0], dilations[0])
                columns = slice(j * strides[1], j * strides[1] + wide * dilations[1], dilations[1])
                part = whole[:, group * count : (group + 1) * count, rows, columns]
                part += x[:, c, i, j][:, None, None, None] * weights[c]
    return whole[:, :, padding[0] :, padding[2] :][:, :, : sizes[0], : sizes[1]]


PAIRS = st.tuples(st.integers(1, 3), st.integers(1, 3))


@settings(deadline=None, max_examples=120)
@given(
    size=st.tuples(st.integers(5, 9), st.integers(5, 9)),
    kernel=PAIRS,
    padding=st.tuples(*[st.integers(0, 2)] * 4),
    strides=PAIRS,
    dilations=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    shape=st.sampled_from([(1, 1, 1), (3, 4, 1), (4, 4, 4), (4, 8, 4), (4, 6, 2), (6, 3, 3), (2, 2, 2)]),
    layouts=st.tuples(st.sampled_from(["nchw", "nhwc"]), st.sampled_from(["oihw", "hwio", "ohwi", "ihwo"])),
    bias=st.booleans(),
    known=st.sampled_from([("filter",), ("filter", "bias"), ()]),
)
def test_conv2d(
    size: Any, kernel: Any, padding: Any, strides: Any, dilations: Any, shape: Any, layouts: Any, bias: bool, known: Any
) -> None:
    channels, count, groups = shape
    x, weights = values(0, (2, channels, *size)), values(1, (count, channels // groups, *kernel))
    given_: dict[str, Any] = {"bias": values(2, (count,))} if bias else {}
    wanted = convolved(x, weights, padding, strides, dilations, groups)
    wanted = wanted + (given_["bias"][:, None, None] if bias else 0)
    found = compute(
        "conv2d",
        [name for name in known if name == "filter" or bias],
        input=arranged(x, "nchw", layouts[0]),
        filter=arranged(weights, "oihw", layouts[1]),
        padding=padding,
        strides=strides,
        dilations=dilations,
        groups=groups,
        inputLayout=layouts[0],
        filterLayout=layouts[1],
        **given_,
    )[0]
    np.testing.assert_allclose(found, arranged(wanted, "nchw", layouts[0]), rtol=1e-5, atol=1e-5)


@settings(deadline=None, max_examples=120)
@given(
    size=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    kernel=PAIRS,
    cut=st.tuples(*[st.integers(0, 1)] * 4),
    strides=PAIRS,
    dilations=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    more=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    shape=st.sampled_from([(1, 1, 1), (3, 2, 1), (4, 1, 4), (4, 2, 2)]),
    layouts=st.tuples(st.sampled_from(["nchw", "nhwc"]), st.sampled_from(["iohw", "hwoi", "ohwi"])),
    bias=st.booleans(),
    as_sizes=st.booleans(),
    known=st.booleans(),
)
def test_conv_transpose2d(
    size: Any,
    kernel: Any,
    cut: Any,
    strides: Any,
    dilations: Any,
    more: Any,
    shape: Any,
    layouts: Any,
    bias: bool,
    as_sizes: bool,
    known: bool,
) -> None:
    channels, count, groups = shape
    extra = tuple(min(one, stride - 1) for one, stride in zip(more, strides, strict=True))
    reach = [(one - 1) * gap + 1 for one, gap in zip(kernel, dilations, strict=True)]
    high, wide = ((size[n] - 1) * strides[n] + reach[n] - cut[2 * n] - cut[2 * n + 1] + extra[n] for n in range(2))
    if min(high - extra[0], wide - extra[1]) < 1:
        return
    options: dict[str, Any] = {"padding": cut, "strides": strides, "dilations": dilations, "groups": groups}
    x, weights = values(0, (2, channels, *size)), values(1, (channels, count, *kernel))
    wanted = spread(x, weights, options, (high, wide))
    if bias:
        options["bias"] = values(2, (count * groups,))
        wanted = wanted + options["bias"][:, None, None]
    options |= {"outputSizes": (high, wide)} if as_sizes else {"outputPadding": extra}
    found = compute(
        "convTranspose2d",
        ["filter"] if known else [],
        input=arranged(x, "nchw", layouts[0]),
        filter=arranged(weights, "iohw", layouts[1]),
        inputLayout=layouts[0],
        filterLayout=layouts[1],
        **options,
    )[0]
    np.testing.assert_allclose(found, arranged(wanted, "nchw", layouts[0]), rtol=1e-5, atol=1e-5)


def test_half_precision_is_computed_in_single() -> None:
    x, weights = values(0, (1, 3, 5, 5), "float16"), values(1, (4, 3, 3, 3), "float16")
    wanted = convolved(x, weights.astype("f8"), (0,) * 4, (1, 1), (1, 1), 1)
    np.testing.assert_allclose(compute("conv2d", ["filter"], input=x, filter=weights)[0], wanted, rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize(
    ("channels", "groups", "padding", "strides", "wanted"),
    [
        (64, 1, (1, 1, 1, 1), (1, 1), ["CONV_2D"]),
        (64, 1, (0, 0, 0, 0), (1, 1), ["CONV_2D"]),
        (64, 1, (0, 1, 0, 1), (2, 2), ["CONV_2D"]),
        (64, 1, (1, 1, 1, 1), (2, 2), ["PAD", "CONV_2D"]),
        (1, 64, (1, 1, 1, 1), (1, 1), ["DEPTHWISE_CONV_2D"]),
    ],
)
def test_as_few_operators_as_can_be(channels: int, groups: int, padding: Any, strides: Any, wanted: list[str]) -> None:
    x, weights = values(0, (1, 56, 56, 64)), values(1, (64, 3, 3, channels))
    options: dict[str, Any] = {
        "inputLayout": "nhwc",
        "filterLayout": "ohwi",
        "padding": padding,
        "strides": strides,
        "groups": groups,
    }
    assert operators("conv2d", ["filter"], input=x, filter=weights, **options) == wanted
