"""What a picture must become, when nobody says: worked out of the model and the data, and always told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from littoral.data import Contract, Dataset, InputContract
from littoral.errors import ContractError
from littoral.runtime import load, main_inputs
from littoral.tflite import Graph, Operator

PROBE = 16
TRIAL = 64
"""Labelled samples on which ways to scale are tried."""
CLEAR = 0.1
"""How much more often right one way must be than the others to be believed."""

_WAYS = {"0..255": (1.0, 0.0), "0..1": (1 / 255, 0.0), "-1..1": (1 / 127.5, 127.5)}
"""Values of a pixel's 0..255, as (scale, mean) of the contract."""
_BY_LAYER = 0.05  # a model that multiplies its input by less, or shifts it by more than 20, means pixels of 0..255
_SHIFT = 20.0


def guess(
    float_file: Path, graph: Graph, datasets: Sequence[Dataset], labels: Sequence[str], takes_pixels: bool = False
) -> tuple[Contract, list[str]]:
    """A contract for the picture inputs of a float model.

    Args:
        float_file: The float model file.
        graph: The same, read.
        datasets: What will be fed: the calibration data, the evaluation data.
        labels: Names of the classes, for the contract.
        takes_pixels: The trained model is known to scale its input itself; the graph is looked at in any case.

    Returns:
        The contract, and notes in sentences on what was assumed; no inputs where none is a picture, or no scale fits.
    """
    shapes = [
        (info, InputContract.from_shape(info.shape, info.name))
        for info in main_inputs(graph)
        if info.dtype == np.float32
    ]
    pictures = [picture for _, picture in shapes if picture is not None]
    if not pictures:
        return Contract((), tuple(labels)), []
    for dataset in datasets:
        if (seen := _floats(dataset)) is not None:
            return _for_floats(pictures, labels, *seen)
    if takes_pixels or _scales_itself(graph, main_inputs(graph)[0].index):
        way, why = "0..255", "the model scales its input itself"
    elif (scores := _trial(float_file, pictures, datasets, labels)) and _clear(scores):
        way = max(scores, key=lambda key: scores[key])
        told = ", ".join(f"{score:.0%} with {key}" for key, score in scores.items())
        why = f"then the float model is right most often ({told})"
    else:
        way, why = "0..1", "nothing says otherwise; give --contract if the model was trained on other values"
    return _contract(pictures, labels, way), [f"No contract was given: pixels become values of {way}, because {why}."]


def _contract(pictures: Sequence[InputContract], labels: Sequence[str], way: str) -> Contract:
    scale, mean = _WAYS[way]
    return Contract(tuple(replace(picture, scale=scale, mean=mean) for picture in pictures), tuple(labels))


def _floats(dataset: Dataset) -> tuple[float, float] | None:
    """The range of samples that are floats already; None for pictures."""
    try:
        samples = list(islice(dataset.samples(None, limit=PROBE), PROBE))
    except ContractError:  # pictures, which need a contract
        return None
    values = [value for sample in samples for value in sample.inputs.values()]
    if not values or any(value.dtype.kind != "f" for value in values):
        return None
    return float(min(value.min() for value in values)), float(max(value.max() for value in values))


def _for_floats(
    pictures: Sequence[InputContract], labels: Sequence[str], low: float, high: float
) -> tuple[Contract, list[str]]:
    """A contract that agrees with samples that somebody has prepared; without inputs where their scale is unusual."""
    seen = f"The samples are floats of {low:.3g} to {high:.3g} and go in as they are"
    for way in ("0..1", "-1..1", "0..255"):
        contract = _contract(pictures, labels, way)
        least, most = contract.inputs[0].value_range
        if least <= low and high <= most:
            return contract, [f"{seen}; of pictures, pixels become values of {way}."]
    return Contract((), tuple(labels)), [f"{seen}; give --contract to say how a picture becomes such values."]


def _scales_itself(graph: Graph, tensor: int) -> bool:
    """Whether the model begins with a Rescaling or Normalization of pixels."""
    factor, shift = np.ones(1), np.zeros(1)
    for operator, other in _affine_chain(graph, tensor):
        if operator.name == "ADD":
            shift = shift + other
        elif operator.name == "SUB":
            shift = shift - other
        else:
            other = 1 / other if operator.name == "DIV" else other
            factor, shift = factor * other, shift * other
    largest = float(np.abs(factor).max())
    return largest <= _BY_LAYER or bool(np.abs(shift / factor).max() >= _SHIFT)


def _affine_chain(graph: Graph, tensor: int) -> Iterator[tuple[Operator, np.ndarray[Any, Any]]]:
    """The operators behind an input that only multiply by constants or add them."""
    main = graph.main
    for operator in main.operators:
        if tensor not in operator.inputs:
            continue
        if (
            operator.name not in ("MUL", "ADD", "SUB", "DIV")
            or len(operator.inputs) != 2
            or operator.inputs[0] != tensor
        ):
            return
        constant = main.tensors[operator.inputs[1]].data
        if constant is None or constant.size == 0 or (operator.name == "DIV" and not constant.all()):
            return
        yield (
            operator,
            constant.astype(np.float64).ravel() if constant.size > 1 else constant.astype(np.float64).reshape(1),
        )
        tensor = operator.outputs[0]


def _trial(
    float_file: Path, pictures: Sequence[InputContract], datasets: Sequence[Dataset], labels: Sequence[str]
) -> dict[str, float]:
    """How often the float model is right under each way to scale; {} without labelled pictures or without classes."""
    if len(pictures) != 1 or not datasets:
        return {}
    scores = {}
    with load(float_file) as model:
        if len(model.outputs) != 1 or len(model.outputs[0].shape) != 2:
            return {}
        for way in _WAYS:
            right = [
                int(np.argmax(np.asarray(model(*sample.inputs.values())))) == sample.label
                for sample in datasets[-1].samples(_contract(pictures, labels, way), limit=TRIAL)
                if sample.label is not None
            ]
            if not right:
                return {}
            scores[way] = sum(right) / len(right)
    return scores


def _clear(scores: dict[str, float]) -> bool:
    best, second, *_ = sorted(scores.values(), reverse=True)
    return best - second >= CLEAR
