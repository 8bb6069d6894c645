"""Heads on embedders, in the type that these compute with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.learn.conftest import FEATURES, SCALE, Embedder

from littoral.errors import ModelFileError
from littoral.learn import Head, append_head, with_head
from littoral.learn.heads import normalised
from littoral.runtime import contract_of, load
from littoral.tflite import Graph, check, read, set_io, write

KINDS = ["float32", "uint8", "int8"]


def head(seed: int, classes: int = 3, unit: bool = False, size: float = 1.0) -> Head:
    random = np.random.default_rng(seed)
    weights = random.normal(size=(classes, FEATURES)).astype(np.float32) * np.float32(size)
    biases = random.normal(size=classes).astype(np.float32)
    reach = 8.0 if not unit else 1.0
    bound = float((np.abs(weights).sum(axis=1) * reach + np.abs(biases)).max())
    return Head(weights, biases, -bound, bound, unit)


def softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def vectors(seed: int, count: int = 20) -> np.ndarray:
    """Embeddings that bytes hold exactly: from 0 to 255/32."""
    steps = np.random.default_rng(seed + 1).integers(0, 256, (count, FEATURES))
    return np.asarray(steps * SCALE, np.float32)


def run(graph: Graph, embeddings: np.ndarray) -> np.ndarray:
    with load(graph, threads=1) as model:
        return np.stack([np.asarray(model(vector[np.newaxis]))[0] for vector in embeddings])


@pytest.mark.parametrize("unit", [False, True])
def test_floats_are_computed_as_they_are(embedder: Embedder, unit: bool) -> None:
    given, layer = vectors(5), head(5, unit=unit)
    directions = given / np.linalg.norm(given, axis=1, keepdims=True) if unit else given
    found = run(with_head(embedder("float32"), layer), given)
    np.testing.assert_allclose(found, softmax(layer(directions)), atol=2e-6)


@pytest.mark.parametrize("kind", ["uint8", "int8"])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), classes=st.integers(1, 6), size=st.sampled_from([0.01, 0.2]))
def test_bytes_are_as_exact_as_their_steps(embedder: Embedder, kind: str, seed: int, classes: int, size: float) -> None:
    layer, given = head(seed, classes, size=size), vectors(seed)
    graph = with_head(embedder(kind), layer)
    logits, weights = (
        next(tensor for tensor in graph.main.tensors if tensor.name == name) for name in ("logits", "head/weights")
    )
    assert logits.quantization is not None
    assert weights.quantization is not None
    # Each weight, the bias and the result are rounded; the zero point of the result may be half a step off the range.
    rounding = given.sum(axis=1).max() * weights.quantization.scale[0] / 2 + 1.5 * logits.quantization.scale[0]
    found, wanted = run(graph, given), softmax(layer(given))
    slack = np.expm1(2 * rounding) * wanted + 2 / 256
    assert (np.abs(found - wanted) <= slack).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_takes_what_it_took_and_is_valid(embedder: Embedder, kind: str, tmp_path: Path) -> None:
    write(embedder(kind), tmp_path / "a.tflite")
    append_head(tmp_path / "a.tflite", head(1, unit=True), tmp_path / "b.tflite", ("x", "y", "z"))
    graph = read(tmp_path / "b.tflite")
    check(graph)
    contract = contract_of(graph)
    assert contract is not None
    assert contract.labels == ("x", "y", "z")
    tail = [operator.name for operator in graph.main.operators]
    assert tail == ["RESHAPE", "L2_NORMALIZATION", "FULLY_CONNECTED", "SOFTMAX"]
    assert {graph.main.tensors[op.outputs[0]].type.name.lower() for op in graph.main.operators} == {kind}
    assert len(list(tmp_path.iterdir())) == 2


def test_float_outputs_of_a_quantized_file_stay_floats(embedder: Embedder) -> None:
    graph = set_io(embedder("int8"), None, "float32")
    made = with_head(graph, head(2))
    assert [operator.name for operator in made.main.operators][-3:] == ["FULLY_CONNECTED", "SOFTMAX", "DEQUANTIZE"]
    given = vectors(2)
    np.testing.assert_array_equal(run(made, given), run(with_head(embedder("int8"), head(2)), given))


@pytest.mark.parametrize("kind", KINDS)
def test_the_embedder_does_not_change(embedder: Embedder, kind: str) -> None:
    graph = embedder(kind)
    with_head(graph, head(3), ("a", "b", "c"))
    assert len(graph.main.operators) == 1
    assert graph.main.outputs == (2,)
    assert not graph.metadata


@pytest.mark.parametrize("kind", KINDS)
def test_normalised_embeddings_have_length_one(embedder: Embedder, kind: str) -> None:
    found = run(normalised(embedder(kind)), vectors(4)).reshape(-1, FEATURES)
    # TFLite's kernel rounds to steps of 1/128, and an eighth of 8 values may be off by one more.
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6 if kind == "float32" else 8**0.5 / 128)


def test_twice_is_once(embedder: Embedder) -> None:
    once = normalised(embedder("uint8"))
    assert [operator.name for operator in normalised(once).main.operators] == ["RESHAPE", "L2_NORMALIZATION"]


def test_a_head_for_other_embeddings_is_refused(embedder: Embedder) -> None:
    other = Head(np.zeros((2, 5), np.float32), np.zeros(2, np.float32), 0, 1)
    with pytest.raises(ModelFileError, match="the embedding has 8 values, the head takes 5"):
        with_head(embedder("uint8"), other)


def test_what_is_no_embedder_is_refused(embedder: Embedder, coral: Path) -> None:
    with pytest.raises(ModelFileError, match="probabilities, not an embedding"):
        with_head(read(coral / "mobilenet_v1_0.25_128_quant.tflite"), head(0))
    with pytest.raises(ModelFileError, match=r"the model gives .*, not one embedding"):
        with_head(read(coral / "automl_video_ondevice/traffic_model.tflite"), head(0))
    graph = embedder("float32")
    graph.main.tensors[2] = graph.main.tensors[2].replaced(type=graph.main.tensors[1].type)
    with pytest.raises(ModelFileError, match="is int32"):
        with_head(graph, head(0))
    with pytest.raises(ModelFileError, match="probabilities"):
        with_head(with_head(embedder("int8"), head(0)), head(0))
