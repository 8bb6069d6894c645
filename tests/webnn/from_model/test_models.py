"""Every real model: through a program and back, and in a browser, its answers are LiteRT's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.webnn.from_model.conftest import Array, Replay, litert

from littoral import vision
from littoral.data import InputContract, prepare
from littoral.runtime import contract_or_default, load
from littoral.tflite import Graph, read, slice_operators
from littoral.webnn import from_model, to_model

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("LITTORAL_TEST_DATA", ROOT.parent / "shared" / "data"))
MODELS = sorted(
    file for file in DATA.rglob("*.tflite") if not file.stem.endswith("_edgetpu") and "invalid" not in file.parent.name
)
HYBRID = "model_8bit"  # int8 weights, float inputs: LiteRT rounds the inputs as well, and a program does not


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "file" in metafunc.fixturenames:
        metafunc.parametrize("file", MODELS, ids=[file.stem for file in MODELS])


def mappable(file: Path) -> Graph:
    """What comes before a custom operator, which is at the end in all of them."""
    graph = read(file)
    custom = [index for index, operator in enumerate(graph.main.operators) if operator.code.custom_code]
    return slice_operators(graph, range(custom[0])) if custom else graph


def pictures(graph: Graph) -> dict[str, Array]:
    """A photo in each input that takes one, else noise."""
    rng = np.random.default_rng(0)
    found: dict[str, Array] = {}
    for name, index in from_model.edges(graph)[0].items():
        tensor = graph.main.tensors[index]
        found[name] = rng.integers(0, 256, tensor.shape).astype(tensor.dtype)
        if len(tensor.shape) == 4 and tensor.shape[3] == 3:
            contract = InputContract.from_shape(tensor.shape, name)
            assert contract is not None
            picture = prepare(DATA / "coral" / "grace_hopper.bmp", contract)[None]
            low, high = contract.value_range
            unit = (picture - low) / (high - low)
            found[name] = (
                unit.astype(np.float32) if tensor.dtype.kind == "f" else np.rint(unit * 255).astype(tensor.dtype)
            )
    return found


def check(file: Path, got: dict[str, Array], wanted: dict[str, Array], real: float) -> None:
    assert got.keys() == wanted.keys()
    for name, answer in wanted.items():
        if answer.dtype.kind == "f":
            np.testing.assert_allclose(got[name], answer, rtol=0, atol=2e-4 if file.stem == HYBRID else real)
        else:
            np.testing.assert_array_equal(got[name], answer, err_msg=name)


def test_there_and_back_gives_the_same(file: Path) -> None:
    graph = mappable(file)
    given = pictures(graph)
    check(file, litert(to_model.lower(from_model.lower(graph)), given), litert(graph, given), 1e-6)


def test_a_browser_gives_the_same(file: Path, replay: Replay) -> None:
    """Labels of pixels may differ where two are equally likely: requantizing rounds halves the other way."""
    graph = mappable(file)
    given = pictures(graph)
    got, wanted = replay(from_model.lower(graph), given), litert(graph, given)
    if "deeplab" in file.stem:
        (one,), (other,) = got.values(), wanted.values()
        assert np.mean(one == other) > 0.99
    else:
        check(file, got, wanted, 1e-5)


@pytest.mark.parametrize(
    ("name", "picture", "labels"),
    [
        ("mobilenet_v2_1.0_224_quant.tflite", "parrot.jpg", "imagenet_labels.txt"),
        ("tf2_mobilenet_v2_1.0_224_ptq.tflite", "cat.bmp", "imagenet_labels.txt"),
        ("mobilenet_v2_1.0_224_inat_bird_quant.tflite", "bird.bmp", "inat_bird_labels.txt"),
    ],
)
def test_pictures_get_the_same_answer(coral: Path, name: str, picture: str, labels: str) -> None:
    graph = read(coral / name)
    back = to_model.lower(from_model.lower(graph))

    def top(which: Graph, **more: Any) -> list[int]:
        with load(which, **more) as model:
            return [one.index for one in vision.classify(model, coral / picture, top_k=5)]

    contract, _ = contract_or_default(graph)
    assert top(back, contract=contract) == top(graph)


def test_weights_are_not_copied(coral: Path) -> None:
    graph = read(coral / "tf2_mobilenet_v2_1.0_224_ptq.tflite")
    program = from_model.lower(graph)
    owned = sum(array.nbytes for array in program.constants.values() if array.base is None)
    assert owned < 10_000 < sum(array.nbytes for array in program.constants.values())
