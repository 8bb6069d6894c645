"""Softmax regression: gradients, training, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from littoral.errors import DataError
from littoral.learn import accuracy, train_head
from littoral.learn.regression import step

Array = Any


def clouds(seed: int, spread: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    middles = 3 * np.array([[1, 1], [-1, -1], [1, -1]])
    classes = np.repeat(np.arange(3), 70)
    return (middles[classes] + spread * random.normal(size=(210, 2))).astype(np.float32), classes


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), decay=st.sampled_from([0.0, 0.3]))
def test_a_step_follows_the_gradient(seed: int, decay: float) -> None:
    """The change is the rate times the derivative of the cost, found by differences."""
    random = np.random.default_rng(seed)
    weights: Array = random.normal(size=(3, 4))  # doubles, for exact differences
    biases: Array = random.normal(size=3)
    vectors: Array = random.normal(size=(6, 4))
    classes = random.integers(3, size=6)

    def cost(w: Array, b: Array) -> float:
        return step(w, b, vectors, classes, 0.0, decay)[2]

    moved, shifted, _ = step(weights, biases, vectors, classes, 1.0, decay)
    tiny = 1e-6
    for place in np.ndindex(weights.shape):
        nudge = np.zeros_like(weights)
        nudge[place] = tiny
        slope = (cost(weights + nudge, biases) - cost(weights - nudge, biases)) / (2 * tiny)
        assert weights[place] - moved[place] == pytest.approx(slope, abs=1e-6)
    for index in range(3):
        nudge = tiny * np.eye(3)[index]
        slope = (cost(weights, biases + nudge) - cost(weights, biases - nudge)) / (2 * tiny)
        assert biases[index] - shifted[index] == pytest.approx(slope, abs=1e-6)


def test_what_can_be_told_apart_is() -> None:
    vectors, classes = clouds(0)
    assert accuracy(train_head(vectors, classes), vectors, classes) > 0.99


@pytest.mark.parametrize("shift", [0.0, 1000.0])
@pytest.mark.parametrize("size", [1e-3, 1e3])
def test_units_and_origin_of_embeddings_do_not_matter(shift: float, size: float) -> None:
    vectors, classes = clouds(1)
    plain = train_head(vectors, classes)
    other = train_head((vectors + shift) * size, classes)
    np.testing.assert_allclose(other((vectors + shift) * size), plain(vectors), atol=0.02)


def test_the_same_seed_gives_the_same_head() -> None:
    vectors, classes = clouds(2, spread=3)
    first, second, other = (train_head(vectors, classes, seed=seed, iterations=20) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.weights, second.weights)
    assert (first.weights != other.weights).any()


def test_the_range_is_that_of_the_training() -> None:
    vectors, classes = clouds(3)
    head = train_head(vectors, classes)
    values = head(vectors)
    assert (head.low, head.high) == (values.min(), values.max())


def test_decay_keeps_weights_small() -> None:
    vectors, classes = clouds(4)
    free, held = (train_head(vectors, classes, decay=decay) for decay in (0.0, 0.1))
    assert np.abs(held.weights).max() < np.abs(free.weights).max()


@pytest.mark.parametrize(
    ("vectors", "classes", "words"),
    [
        (np.zeros(3), [0, 0, 0], r"embeddings have shape \[3\]"),
        (np.zeros((3, 2)), [0, 1], r"classes \[2\]"),
        (np.zeros((0, 2)), [], r"embeddings have shape \[0, 2\]"),
        (np.zeros((2, 2)), [0.0, 1.0], "classes are float64"),
        (np.zeros((2, 2)), [0, -1], "from -1 to 0"),
        (np.array([[0, np.nan], [1, 1]]), [0, 1], "not finite"),
    ],
)
def test_bad_data(vectors: np.ndarray, classes: list[int], words: str) -> None:
    with pytest.raises(DataError, match=words):
        train_head(vectors, np.array(classes))


def test_embeddings_that_are_all_the_same_do_not_break_it() -> None:
    head = train_head(np.ones((4, 3)), np.array([0, 1, 1, 1]))
    assert np.isfinite(head.weights).all()
    assert head(np.ones((1, 3))).argmax() == 1
