"""Feeding a model: samples by name or in order, or random values where there are no samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral.errors import InputError
from littoral.runtime import Model, TensorInfo

Array = NDArray[Any]


def run(model: Model, inputs: Mapping[str, Array]) -> list[Array]:
    """The model's outputs for one sample, in the order of `model.outputs`, as real values.

    Samples stand for themselves: what a model keeps of earlier ones is forgotten first.

    Args:
        model: Any model.
        inputs: Arrays by input name, with or without a batch axis of one. Variants of one model may name their inputs
            differently: where no name fits, they are taken in order.

    Raises:
        InputError: The sample has other inputs than the model.
    """
    model.reset()
    result = model(*in_order(model, inputs))
    return [result[info.name] for info in model.outputs] if isinstance(result, dict) else [result]


def in_order(model: Model, inputs: Mapping[str, Array]) -> list[Array]:
    """A sample's arrays in the order of the model's inputs.

    Raises:
        InputError: Their names and their number both differ from the model's.
    """
    names = [info.name for info in model.inputs]
    if set(names) == set(inputs):
        return [inputs[name] for name in names]
    if len(names) != len(inputs) or (len(names) > 1 and set(names) & set(inputs)):
        raise InputError(
            f"the samples have inputs {', '.join(map(repr, inputs))}", f"The model takes {', '.join(map(repr, names))}"
        )
    return list(inputs.values())


def matching(names: Sequence[str], others: Sequence[str]) -> list[int]:
    """For each of `names`, where it is among `others`: by name when they are the same names, else by order.

    Raises:
        InputError: There are not as many of one as of the other.
    """
    if len(names) != len(others):
        raise InputError(
            f"one model has {len(names)} outputs, the other {len(others)}", "Compare variants of one model"
        )
    if set(names) == set(others) and len(set(names)) == len(names):
        return [others.index(name) for name in names]
    return list(range(len(names)))


def class_scores(shapes: Sequence[Sequence[int]], classes: int = 0) -> int | None:
    """Which output looks like the scores of classes: [1, n] with n > 1. None when none does.

    Args:
        shapes: Of all outputs, with the batch axis.
        classes: How many labels there are; an output of so many columns is preferred.
    """
    found = [index for index, shape in enumerate(shapes) if len(shape) == 2 and shape[0] == 1 and shape[1] > 1]
    fitting = [index for index in found if shapes[index][1] == classes]
    return next(iter(fitting or found), None)


def random_inputs(model: Model, *, seed: int, raw: bool = False) -> dict[str, Array]:
    """Random values for every input, by name: the same for the same seed.

    Pictures get values in their contract's range, quantized inputs all values of their type, other floats -1..1, other
    integers 0 and 1 (which every table of embeddings has). A size that is not fixed is 1.

    Args:
        model: Any model.
        seed: Not negative.
        raw: In the stored types, not as real values.
    """
    generator = np.random.default_rng(seed)
    contract = None if model.contract_derived else model.contract
    found: dict[str, Array] = {}
    for info in model.inputs:
        picture = contract.input(info.name) if contract else None
        found[info.name] = _random(info, picture.value_range if picture else None, generator, raw)
    return found


def _random(
    info: TensorInfo, value_range: tuple[float, float] | None, generator: np.random.Generator, raw: bool
) -> Array:
    shape = tuple(max(1, side) for side in info.shape)
    if info.is_quantized:
        if value_range is None:
            limits = np.iinfo(info.dtype)
            stored = generator.integers(limits.min, limits.max, shape, info.dtype.type, endpoint=True)
        else:
            stored = info.quantize(generator.uniform(*value_range, shape))
        return stored if raw else info.dequantize(stored)
    if info.dtype.kind == "f":
        return generator.uniform(*(value_range or (-1.0, 1.0)), shape).astype(info.dtype)
    if value_range is not None:
        return generator.integers(int(value_range[0]), int(value_range[1]), shape, endpoint=True).astype(info.dtype)
    return generator.integers(0, 1, shape, endpoint=True).astype(info.dtype)
