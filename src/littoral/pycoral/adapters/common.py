"""Inputs and outputs of any model. Every function takes our interpreter or TFLite's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Resized = TypeVar("Resized")


def output_tensor(interpreter: Any, i: int) -> Array:
    """The output at position `i`: the interpreter's own memory, which changes with the next `invoke`."""
    tensor: Array = interpreter.tensor(interpreter.get_output_details()[i]["index"])()
    return tensor


def input_details(interpreter: Any, key: str) -> Any:
    """One detail of the first input: "shape", "dtype", "quantization" ..."""
    return interpreter.get_input_details()[0][key]


def input_size(interpreter: Any) -> tuple[int, int]:
    """(width, height) of the first input, which has the shape [1, height, width, channels]."""
    _, height, width, _ = input_details(interpreter, "shape")
    return int(width), int(height)


def input_tensor(interpreter: Any) -> Array:
    """The first input without its batch axis: [height, width, channels]; writing to it sets it."""
    tensor: Array = interpreter.tensor(input_details(interpreter, "index"))()[0]
    return tensor


def set_input(interpreter: Any, data: Any) -> None:
    """Copies a picture or an array of the input's size into the first input."""
    input_tensor(interpreter)[:, :] = data


def set_resized_input(
    interpreter: Any, size: tuple[int, int], resize: Callable[[tuple[int, int]], Resized]
) -> tuple[Resized, tuple[float, float]]:
    """Fits a picture into the first input, aspect kept, at the top left; the rest is zero.

    Args:
        interpreter: The model.
        size: (width, height) of the picture.
        resize: Gives the picture in a size (width, height).

    Returns:
        What `resize` gave, and the scale in x and y, which are the same.
    """
    width, height = input_size(interpreter)
    scale = min(width / size[0], height / size[1])
    w, h = int(size[0] * scale), int(size[1] * scale)
    tensor = input_tensor(interpreter)
    result = resize((w, h))
    tensor.fill(0)
    tensor[:h, :w] = np.reshape(np.asarray(result), (h, w, tensor.shape[2]))
    return result, (scale, scale)
