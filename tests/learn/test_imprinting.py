"""Imprinting: real pictures, classifiers that go on learning, and classifiers of Google's."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.coral.standin.board import Board
from tests.coral.standin_fixtures import board, standin
from tests.learn.conftest import FEATURES, Embedder, quantization

from littoral.errors import DataError, InputError, LittoralError, ModelFileError
from littoral.learn import Imprint, Imprinter, Prototype
from littoral.learn.heads import normalised
from littoral.learn.imprinting import ENTRY, pack, unpack
from littoral.runtime import contract_of, load
from littoral.tflite import Buffer, Graph, Operator, OperatorCode, Tensor, TensorType, check, read, to_bytes
from littoral.tflite.edit import add_tensor
from littoral.tflite.options.activation import SoftmaxOptions
from littoral.tflite.options.conversion import QuantizeOptions
from littoral.tflite.options.convolution import Conv2DOptions
from littoral.tflite.options.elementwise import MulOptions
from littoral.tflite.options.shape import ReshapeOptions
from littoral.vision import classify

__all__ = ["board", "standin"]

EXTRACTOR = "mobilenet_v1_1.0_224_quant_embedding_extractor.tflite"
PETS = ("cat", "dog", "hotdog")


def units(seed: int, count: int) -> np.ndarray:
    values = np.abs(np.random.default_rng(seed).normal(size=(count, FEATURES)))
    return np.asarray(values / np.linalg.norm(values, axis=1, keepdims=True), np.float32)


def taught(imprint: Imprint, vectors: np.ndarray, classes: Sequence[int]) -> Imprint:
    for vector, index in zip(vectors, classes, strict=True):
        imprint = imprint.learn(vector, index)
    return imprint


@pytest.fixture(scope="module")
def pets(coral: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with Imprinter(coral / EXTRACTOR) as imprinter:
        for name in PETS:
            imprinter.add(name, coral / "imprinting" / f"{name}_train_0.bmp")
        assert imprinter.labels == PETS
        return imprinter.save(tmp_path_factory.mktemp("pets") / "pets.tflite")


@pytest.mark.parametrize("device", ["cpu", "cpu:reference"])
def test_one_picture_a_class_is_enough(pets: Path, coral: Path, device: str) -> None:
    with load(pets, device) as model:
        assert model.contract.labels == PETS
        for name in PETS:
            best = classify(model, coral / "imprinting" / f"{name}_test_0.bmp")[0]
            assert best.label == name
            assert best.score > 0.7


def test_a_classifier_learns_more(pets: Path, coral: Path, tmp_path: Path) -> None:
    """A new class, one more picture of a known one; the other answers stay right."""
    with Imprinter(pets) as imprinter:
        assert imprinter.labels == PETS
        imprinter.add("parrot", coral / "parrot.jpg").add("cat", coral / "cat.bmp")
        grown = imprinter.save(tmp_path / "grown.tflite")
    with load(grown) as model:
        for name in PETS:
            assert classify(model, coral / "imprinting" / f"{name}_test_0.bmp")[0].label == name
        assert classify(model, coral / "parrot.jpg")[0].label == "parrot"


def test_a_broken_picture_changes_nothing(pets: Path, coral: Path) -> None:
    with Imprinter(pets) as imprinter:
        before = to_bytes(imprinter.classifier())
        with pytest.raises(DataError):
            imprinter.add("new", coral / "cat.bmp", coral / "no_such.bmp")
        assert imprinter.labels == PETS
        assert to_bytes(imprinter.classifier()) == before


@pytest.mark.parametrize("kind", ["float32", "uint8", "int8"])
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), classes=st.lists(st.integers(0, 2), min_size=4, max_size=8), cut=st.integers(1, 3))
def test_learning_on_gives_the_same_file(
    embedder: Embedder, kind: str, seed: int, classes: list[int], cut: int
) -> None:
    order = [0, 1, 2, *classes]
    vectors = units(seed, len(order))
    at_once = taught(Imprint.open(embedder(kind)), vectors, order)
    first = taught(Imprint.open(embedder(kind)), vectors[:cut], order[:cut])
    on = taught(Imprint.open(read(to_bytes(first.classifier()))), vectors[cut:], order[cut:])
    assert to_bytes(on.classifier(("a", "b", "c"))) == to_bytes(at_once.classifier(("a", "b", "c")))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 6))
def test_the_nearest_class_wins(embedder: Embedder, seed: int, count: int) -> None:
    known, asked = units(seed, count), units(seed + 1, 5)
    imprint = taught(Imprint.open(embedder("float32")), known, range(count))
    with load(imprint.classifier(), threads=1) as model:
        for vector in asked:
            answer = np.asarray(model(3 * vector[np.newaxis]))[0]
            assert answer.sum() == pytest.approx(1, abs=1e-5)
            assert answer[(known @ vector).argmax()] == pytest.approx(answer.max(), abs=1e-5)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_what_is_just_as_its_class_is_sure(embedder: Embedder, seed: int) -> None:
    known = units(seed, 2)
    assume(known[0] @ known[1] < 0.99)
    with load(taught(Imprint.open(embedder("float32")), known, [0, 1]).classifier(), threads=1) as model:
        assert np.asarray(model(known[:1]))[0, 0] == pytest.approx(0.999, abs=1e-4)


def google(
    embedder: Embedder, weights: np.ndarray, factor: int, description: str = "", quantize: bool = False
) -> Graph:
    """A classifier like Google's for imprinting: L2_NORMALIZATION, [QUANTIZE,] CONV_2D, MUL, RESHAPE, SOFTMAX."""
    graph, count = normalised(embedder("uint8")), len(weights)
    graph.description = description
    main = graph.main
    stored = np.clip(np.rint(weights * 127) + 128, 0, 255).astype(np.uint8)

    def add(name: str, shape: tuple[int, ...], scale: float, zero: int, data: np.ndarray | None = None) -> int:
        kind = TensorType.INT32 if data is not None and data.dtype.kind == "i" else TensorType.UINT8
        buffer = None if data is None else Buffer(data=data.tobytes())
        tensor = Tensor(name=name, shape=shape, type=kind, quantization=quantization(scale, zero), buffer=buffer)
        return add_tensor(main, tensor)

    def operator(name: str, inputs: tuple[int, ...], output: int, options: Any) -> int:
        code = OperatorCode.of(name)
        main.operators.append(Operator(code=code, inputs=inputs, outputs=(output,), options=options))
        return output

    at = main.outputs[0]
    if quantize:
        at = operator("QUANTIZE", (at,), add("again", (1, 1, 1, FEATURES), 1 / 128, 128), QuantizeOptions())
    kernel = add("kernel", (count, 1, 1, FEATURES), 1 / 127, 128, stored)
    bias = add("bias", (count,), 1 / 127 / 128, 0, np.zeros(count, "<i4"))
    at = operator(
        "CONV_2D",
        (at, kernel, bias),
        add("cosines", (1, 1, 1, count), 1 / 128, 128),
        Conv2DOptions(stride_w=1, stride_h=1, dilation_w_factor=1, dilation_h_factor=1),
    )
    times = add("factor", (1,), factor / 255, 0, np.array([255], np.uint8))
    at = operator("MUL", (at, times), add("logits", (1, 1, 1, count), factor / 128, 128), MulOptions())
    form = add("form", (2,), 1, 0, np.array([1, count], "<i4"))
    at = operator(
        "RESHAPE", (at, form), add("flat", (1, count), factor / 128, 128), ReshapeOptions(new_shape=(1, count))
    )
    at = operator("SOFTMAX", (at,), add("answer", (1, count), 1 / 256, 0), SoftmaxOptions(beta=1.0))
    main.outputs = (at,)
    check(graph)
    return graph


@pytest.mark.parametrize("quantize", [False, True])
def test_classifiers_of_google_are_understood(embedder: Embedder, quantize: bool) -> None:
    known = units(3, 4)
    graph = google(embedder, known, 12, "1 5.5\n3 2.25\n", quantize)
    imprint = Imprint.open(graph)
    assert [each.trainable for each in imprint.classes] == [False, True, False, True]
    assert [each.length for each in imprint.classes] == pytest.approx([1, 5.5, 1, 2.25], rel=1e-6)
    assert imprint.sharpness == pytest.approx(12, rel=0.02)
    assert [operator.name for operator in imprint.embedder.main.operators] == ["RESHAPE", "L2_NORMALIZATION"]
    for each, direction in zip(imprint.classes, known, strict=True):
        assert each.total @ direction / each.length > 0.999
    asked = units(4, 10)
    with load(graph, threads=1) as old, load(imprint.classifier(), threads=1) as new:
        for vector in asked:
            before, after = (np.asarray(model(4 * vector[np.newaxis]))[0] for model in (old, new))
            # Steps of the logits are 12/128 there: 0.05 either way on each of two.
            assert np.abs(before - after).max() < 0.06


def test_classes_of_google_stay_and_new_ones_come(embedder: Embedder) -> None:
    imprint = Imprint.open(google(embedder, units(3, 2), 12))
    with pytest.raises(InputError, match="class 0 is not one that was imprinted"):
        imprint.learn(units(4, 1)[0], 0)
    grown = imprint.learn(units(4, 1)[0], 2)
    again = Imprint.open(read(to_bytes(grown.classifier())))
    assert [each.trainable for each in again.classes] == [False, False, True]
    assert again.sharpness == pytest.approx(imprint.sharpness)


def test_a_description_of_other_words_says_nothing(embedder: Embedder) -> None:
    imprint = Imprint.open(google(embedder, units(3, 2), 12, "MLIR Converted."))
    assert not any(each.trainable for each in imprint.classes)


def test_an_embedder_has_no_classes(coral: Path) -> None:
    imprint = Imprint.open(read(coral / EXTRACTOR))
    assert imprint.classes == ()
    assert imprint.features == 1024
    with pytest.raises(LittoralError, match="no class has been learned"):
        imprint.classifier()


@pytest.mark.parametrize(
    ("vector", "index", "words"),
    [
        (np.zeros(5), 0, r"the embedding has shape \[5\]. Accepted: \[8\]"),
        (np.zeros(FEATURES), 1, "there is no class 1. Accepted: 0 to 0"),
        (np.zeros(FEATURES), -1, "there is no class -1"),
    ],
)
def test_bad_embeddings(embedder: Embedder, vector: np.ndarray, index: int, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Imprint.open(embedder("uint8")).learn(vector, index)


def test_the_entry_has_a_fixed_form(embedder: Embedder) -> None:
    graph = embedder("float32")
    totals = np.arange(2 * FEATURES, dtype=np.float32).reshape(2, FEATURES)
    imprint = Imprint(graph, (Prototype(totals[0], False), Prototype(totals[1])), 2.5)
    golden = struct.pack("<IIf", 2, FEATURES, 2.5) + b"\x00\x01" + totals.tobytes()
    assert pack(imprint) == golden
    again = unpack(graph, golden)
    assert (again.sharpness, [each.trainable for each in again.classes]) == (2.5, [False, True])


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=120), patch=st.integers(0, 75))
def test_damaged_entries_are_refused_or_harmless(embedder: Embedder, content: bytes, patch: int) -> None:
    graph = embedder("float32")
    whole = pack(taught(Imprint(graph), units(1, 2), [0, 1]))
    for entry in (content, whole[:patch] + content + whole[patch + len(content) :], whole[:patch]):
        try:
            imprint = unpack(graph, entry)
        except ModelFileError:
            continue
        assert all(np.isfinite(each.total).all() for each in imprint.classes)
        assert imprint.sharpness is None or imprint.sharpness > 0


def test_the_embedder_of_a_classifier_does_not_carry_its_classes(pets: Path) -> None:
    graph = read(pets)
    assert graph.metadata_entry(ENTRY) is not None
    assert Imprint.open(graph).embedder.metadata_entry(ENTRY) is None
    contract = contract_of(graph)
    assert contract is not None
    assert contract.labels == PETS


def test_a_compiled_embedder_learns_on_a_chip(board: Board, coral: Path, tmp_path: Path) -> None:
    """On a pretended chip, whose answers are those of the CPU twin: so is the classifier."""
    compiled = coral / EXTRACTOR.replace(".tflite", "_edgetpu.tflite")
    board.plug("usb", "2-1")
    board.teach(compiled, coral / EXTRACTOR)
    code = """import sys
from littoral.learn import Imprinter
with Imprinter(sys.argv[1], sys.argv[2]) as imprinter:
    imprinter.add("cat", sys.argv[3]).save(sys.argv[4])"""
    for file, device in ((compiled, "coral"), (coral / EXTRACTOR, "cpu")):
        target = tmp_path / f"{device}.tflite"
        subprocess.run([sys.executable, "-c", code, file, device, coral / "cat.bmp", target], check=True)
    on_chip, on_cpu = (read(tmp_path / f"{device}.tflite") for device in ("coral", "cpu"))
    assert on_chip.main.operators[0].name == "edgetpu-custom-op"
    assert on_chip.metadata_entry(ENTRY) == on_cpu.metadata_entry(ENTRY)
