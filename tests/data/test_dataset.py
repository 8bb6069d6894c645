"""The order of drawing, and raw values checked against the contract."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from littoral.data import Contract, InputContract
from littoral.data.dataset import PROBE, Feed, draw
from littoral.errors import ContractError, DataError

UNIT = Contract((InputContract(4, 4, "x", scale=1 / 127.5, mean=127.5),))
PIXELS = Contract((InputContract(4, 4, "x"),))


def test_the_order_is_pinned() -> None:
    # Another order on another machine, or with a newer numpy, would make results incomparable.
    assert draw([None] * 10, 0).tolist() == [3, 2, 1, 8, 6, 0, 7, 4, 5, 9]
    assert draw([None] * 10, 1).tolist() != draw([None] * 10, 0).tolist()


@given(st.lists(st.sampled_from("abc"), max_size=60), st.integers(0, 2**40))
def test_the_order_is_a_permutation_that_keeps_every_labels_share(labels: list[str], seed: int) -> None:
    order = draw(labels, seed)
    assert sorted(order) == list(range(len(labels)))
    whole = Counter(labels)
    for end in range(len(labels) + 1):
        part = Counter(labels[position] for position in order[:end])
        for label in whole:
            assert abs(part[label] - whole[label] * end / len(labels)) < len(whole)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(DataError, match="seed is -1"):
        draw([None], -1)


def test_pixels_go_through_the_contract() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 9, 3), np.uint8)
    got = Feed(UNIT).inputs({"": pixels}, "a")["x"]
    assert got.shape == (4, 4, 3)
    assert -1 <= got.min() <= got.max() <= 1
    batch = np.zeros((1, 4, 4, 3), np.int64)
    assert Feed(UNIT).inputs({"other": batch}, "a")["x"].tolist() == np.full((4, 4, 3), -1.0).tolist()


def test_floats_are_taken_as_prepared() -> None:
    values = np.linspace(-1, 1, 48).reshape(1, 4, 4, 3)
    got = Feed(UNIT).inputs({"x": values}, "a")["x"]
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, values[0].astype(np.float32))


def test_an_axis_of_one_is_added_to_gray_floats() -> None:
    gray = Contract((InputContract(4, 4, colour="gray", scale=1 / 255),))
    assert Feed(gray).inputs({"": np.ones((4, 4))}, "a")[""].shape == (4, 4, 1)


def test_inputs_that_the_contract_does_not_know_pass_as_they_are() -> None:
    state = np.arange(5)
    fed = Feed(UNIT).inputs({"x": np.zeros((4, 4, 3), np.uint8), "state": state}, "a")
    np.testing.assert_array_equal(fed["state"], state)
    np.testing.assert_array_equal(Feed(None).inputs({"": state}, "a")[""], state)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.full((4, 4, 3), 255.0), r"a: values of 255 to 255, but by the contract pixels become values of -1 to 1"),
        (np.full((4, 4, 3), np.nan), "values of nan"),
        (np.full((4, 4, 3), -np.inf), "values of -inf"),
        (np.zeros((5, 4, 3)), r"shape \[5, 4, 3\]. Prepared floats must be \[4, 4, 3\]"),
        (np.full((4, 4, 3), 300), "values of 300 to 300, but the contract takes pixels of 0 to 255"),
        (np.zeros((4, 4, 3), complex), "type complex128"),
    ],
)
def test_contradictions_are_named(values: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Feed(UNIT).inputs({"x": values}, "a")


def test_a_scale_applied_twice_is_noticed_over_several_samples() -> None:
    feed = Feed(PIXELS)
    rng = np.random.default_rng(0)
    for index in range(PROBE - 1):
        feed.inputs({"x": rng.random((4, 4, 3))}, str(index))
    with pytest.raises(
        ContractError, match=r"first 16 samples up to last: values of 0\.\d+ to 0\.\d+, but .* 0 to 255"
    ):
        feed.inputs({"x": rng.random((4, 4, 3))}, "last")


def test_a_few_dark_samples_are_no_contradiction() -> None:
    feed = Feed(PIXELS)
    for index in range(3 * PROBE):
        feed.inputs({"x": np.full((4, 4, 3), 0.5 if index else 200.0)}, str(index))
