"""What a head in bytes costs against one in floats: handwritten digits, ten pictures of each to learn from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from littoral.learn import Head, Imprint, embedding, train_head, with_head
from littoral.runtime import load
from littoral.tflite import Graph, read, slice_operators

EXTRACTOR = "mobilenet_v1_1.0_224_quant_embedding_extractor.tflite"
DRAWS, LEARNED, EACH = 5, 10, 60
POINTS = 0.4  # percentage points, in the mean over the draws

pytestmark = pytest.mark.slow
Array = np.ndarray


@pytest.fixture(scope="module")
def digits(coral: Path) -> tuple[Array, Array]:
    """Embeddings of 60 pictures of each digit, and which they are."""
    data = pytest.importorskip("sklearn.datasets").load_digits()
    chosen = np.concatenate([np.flatnonzero(data.target == digit)[:EACH] for digit in range(10)])
    pictures = np.kron(data.images[chosen], np.ones((8, 8))) * 15.9
    with load(coral / EXTRACTOR) as model:
        vectors = [embedding(model, np.repeat(each[..., np.newaxis], 3, -1).astype(np.uint8)) for each in pictures]
    return np.stack(vectors), data.target[chosen]


def draws(classes: Array) -> Iterator[tuple[Array, Array]]:
    """Places to learn from, ten a digit, and the others."""
    for seed in range(DRAWS):
        random = np.random.default_rng(seed)
        rows = [random.permutation(np.flatnonzero(classes == digit))[:LEARNED] for digit in range(10)]
        learned = np.concatenate(rows)
        yield learned, np.setdiff1d(np.arange(len(classes)), learned)


def behind(embedder: Graph, whole: Graph, vectors: Array) -> Array:
    """What the operators that `whole` has more than `embedder` make of embeddings."""
    tail = slice_operators(whole, range(len(embedder.main.operators), len(whole.main.operators)))
    with load(tail, threads=1) as model:
        return np.stack([np.asarray(model(vector.reshape(1, 1, 1, -1))).reshape(-1) for vector in vectors])


def test_of_a_trained_head(coral: Path, digits: tuple[Array, Array]) -> None:
    vectors, classes = digits
    graph, costs = read(coral / EXTRACTOR), []
    for learned, others in draws(classes):
        head = train_head(vectors[learned], classes[learned])
        exact = head(vectors[others]).argmax(axis=1)
        stored = behind(graph, with_head(graph, head), vectors[others]).argmax(axis=1)
        costs.append(100 * ((exact == classes[others]).mean() - (stored == classes[others]).mean()))
        assert (exact == classes[others]).mean() > 0.7
    assert np.mean(costs) <= POINTS


def test_of_imprinting(coral: Path, digits: tuple[Array, Array]) -> None:
    vectors, classes = digits
    graph, costs = read(coral / EXTRACTOR), []
    fresh = Imprint.open(graph)
    units = behind(graph, fresh.embedder, vectors)
    exact_units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for learned, others in draws(classes):
        imprint = fresh
        for place in learned:
            imprint = imprint.learn(units[place], int(classes[place]))
        middles = np.stack([exact_units[learned[classes[learned] == digit]].mean(axis=0) for digit in range(10)])
        middles /= np.linalg.norm(middles, axis=1, keepdims=True)
        exact = Head(middles, np.zeros(10, np.float32), 0, 1)(exact_units[others]).argmax(axis=1)
        stored = behind(graph, imprint.classifier(), vectors[others]).argmax(axis=1)
        costs.append(100 * ((exact == classes[others]).mean() - (stored == classes[others]).mean()))
        assert (exact == classes[others]).mean() > 0.5
    assert np.mean(costs) <= POINTS
