from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from littoral.convert.guess import guess
from littoral.data import Arrays, Contract, Dataset, ImageFolder
from littoral.tflite import Graph, Operator, OperatorCode, read

Digits = tuple[NDArray[Any], NDArray[Any]]


def guessed(models: Path, name: str, *datasets: Dataset) -> tuple[Contract, list[str]]:
    contract, notes = guess(models / name, read(models / name), datasets, ("a", "b"))
    assert contract.labels == ("a", "b")
    return contract, notes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, digits: Digits) -> ImageFolder:
    root = tmp_path_factory.mktemp("labelled")
    for index in range(1257, 1357):
        place = root / str(digits[1][index])
        place.mkdir(exist_ok=True)
        Image.fromarray(np.round(digits[0][index, ..., 0] * 255).astype(np.uint8)).save(place / f"{index}.png")
    return ImageFolder(root)


def test_a_model_that_scales_its_input_takes_pixels(models: Path, folder: ImageFolder) -> None:
    contract, notes = guessed(models, "rescaling.tflite", folder)
    assert contract.inputs[0].value_range == (0.0, 255.0)
    assert notes == [
        "No contract was given: pixels become values of 0..255, because the model scales its input itself."
    ]


def test_labelled_pictures_tell(models: Path, folder: ImageFolder) -> None:
    contract, notes = guessed(models, "digits.tflite", folder)
    assert contract.inputs[0].value_range == (0.0, 1.0)
    assert contract.inputs[0].colour == "gray"
    assert "because then the float model is right most often" in notes[0]


def test_else_it_is_0_to_1_and_told(models: Path, digits: Digits) -> None:
    pixels = (digits[0] * 255).astype(np.uint8)
    contract, notes = guessed(models, "digits.tflite", Arrays(pixels))
    assert contract.inputs[0].value_range == (0.0, 1.0)
    assert "nothing says otherwise; give --contract" in notes[0]


@pytest.mark.parametrize(
    ("low", "high", "value_range"),
    [(0, 1, (0.0, 1.0)), (-1, 1, (-1.0, 1.0)), (0, 255, (0.0, 255.0)), (-2.1, 2.6, None)],
)
def test_prepared_floats_are_believed(models: Path, digits: Digits, low: float, high: float, value_range: Any) -> None:
    floats = (digits[0] * (high - low) + low).astype(np.float32)
    contract, notes = guessed(models, "digits.tflite", Arrays(floats))
    assert (contract.inputs[0].value_range if contract.inputs else None) == value_range
    assert notes[0].startswith("The samples are floats of")
    list(Arrays(floats).samples(contract, limit=20))  # nothing contradicts it


def test_what_is_no_picture_gets_no_contract(models: Path, digits: Digits) -> None:
    contract, notes = guessed(models, "two-inputs.tflite", Arrays({"wide": np.ones((3, 4)), "narrow": np.ones((3, 3))}))
    assert (contract.inputs, notes) == ((), [])


@pytest.mark.parametrize(
    ("operators", "pixels"),
    [
        ([("MUL", 1 / 255)], True),
        ([("DIV", 127.5), ("SUB", 1)], True),
        ([("SUB", 127.5), ("MUL", 1 / 127.5)], True),
        ([("SUB", 103.9)], True),
        ([("ADD", 1.0)], False),
        ([("SUB", 0.5), ("DIV", 0.25)], False),
        ([("DIV", 0.0)], False),
    ],
)
def test_the_first_layers_are_understood(models: Path, folder: ImageFolder, operators: Any, pixels: bool) -> None:
    from littoral.convert.guess import _scales_itself
    from littoral.tflite import Buffer, Tensor

    graph: Graph = read(models / "digits.tflite")
    main, tensor = graph.main, graph.main.inputs[0]
    for place, (name, value) in enumerate(operators):
        constant = Tensor(name=f"c{place}", shape=(), buffer=Buffer(data=np.float32(value).tobytes()))
        main.tensors += [constant, Tensor(name=f"t{place}", shape=main.tensors[tensor].shape)]
        result = len(main.tensors) - 1
        main.operators.insert(
            place, Operator(code=OperatorCode.of(name), inputs=(tensor, result - 1), outputs=(result,))
        )
        tensor = result
    assert _scales_itself(graph, main.inputs[0]) is pixels
