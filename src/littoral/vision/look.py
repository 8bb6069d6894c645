"""A model looks at one picture: what it gives, and the way from its pixels back to the picture's."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from littoral.data import InputContract, Picture, Placement, decode, placement, prepare
from littoral.errors import ContractError, InputError
from littoral.runtime import Model, TensorInfo
from littoral.runtime.tensors import Array

State: TypeAlias = dict[str, Array]


@dataclass(frozen=True)
class Seen:
    """What a model gave for a picture.

    Attributes:
        outputs: Real values by the outputs' names, in the model's order, with their batch axis.
        size: Of the picture: (width, height) in pixels.
        contract: How the picture became the input.
    """

    outputs: dict[str, Array]
    size: tuple[int, int]
    contract: InputContract

    @property
    def placement(self) -> Placement:
        """Where the picture lies in the input."""
        return placement(self.size, self.contract)

    def to_picture(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Pixels of the picture for pixels of the input, any shape; outside the picture where they lie in its bars."""
        at = self.placement
        return (x - at.left) / at.scale_x, (y - at.top) / at.scale_y


def look(model: Model, picture: Picture, state: State | None = None, unchecked: Collection[str] = ()) -> Seen:
    """Shows a picture to a model that takes one, and nothing else but state of its own.

    Args:
        model: Its inputs other than the picture must each have an output of the same shape and type: its next state.
        picture: A file, a Pillow image, or an array of pixels in 0..255.
        state: Values of those inputs by name; the model's next ones are put into it. Without it, or where it is empty,
            they are zeros: a picture on its own, or the first of a video.
        unchecked: Outputs that may hold NaN, as they are only filled as far as they count.

    Raises:
        DataError: The picture cannot be read.
        ContractError: The model does not take one picture.
        InputError: The model gives NaN.
    """
    if len(model.contract.inputs) != 1:
        raise _refusal(model)
    contract = model.contract.inputs[0]
    image = next((info for info in model.inputs if contract.name in (info.name, info.tensor)), model.inputs[0])
    links = _links(model, image.name)
    state = {} if state is None else state
    pixels = decode(picture, contract.colour == "gray")
    values = {info.name: state[info.name] if state else _zeros(info) for info in model.inputs if info.name in links}
    if not state:
        model.reset()  # what it keeps inside, too
    given = model({**values, image.name: prepare(pixels, contract)})
    outputs = given if isinstance(given, dict) else {model.outputs[0].name: given}
    for output, array in outputs.items():
        if output not in unchecked:
            check_numbers(array, output)
    state.update({entry: outputs[output] for entry, output in links.items()})
    return Seen(outputs, (pixels.shape[1], pixels.shape[0]), contract)


def check_numbers(values: Array, output: str) -> None:
    """Refuses NaN.

    Raises:
        InputError: There is one.
    """
    if values.dtype.kind == "f" and np.isnan(values).any():
        remedy = "The model is broken, or the picture is not what it takes"
        raise InputError(f"output {output!r} has NaN", remedy)


def _links(model: Model, picture: str) -> dict[str, str]:
    """Which output is the next value of which input: the first of the same shape and type that no other input has."""
    free = list(model.outputs)
    links = {}
    for info in model.inputs:
        if info.name == picture:
            continue
        kind = (info.shape, info.dtype, info.scale, info.zero_point)
        found = next((o for o in free if (o.shape, o.dtype, o.scale, o.zero_point) == kind), None)
        if found is None or -1 in info.shape:
            raise _refusal(model)
        free.remove(found)
        links[info.name] = found.name
    return links


def _zeros(info: TensorInfo) -> Array:
    return np.zeros(info.shape, np.float32 if info.is_quantized else info.dtype)


def _refusal(model: Model) -> ContractError:
    takes = ", ".join(map(str, model.inputs))
    return ContractError(f"the model does not take one picture but {takes}", "Load it with a contract of its input")
