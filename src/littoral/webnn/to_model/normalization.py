"""Batch, instance and layer normalization."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from littoral.webnn.program import Call
from littoral.webnn.to_model.emitter import Emitter
from littoral.webnn.to_model.kernels import add, divide, multiply, square_root, subtract
from littoral.webnn.to_model.moves import real
from littoral.webnn.to_model.reduction import reduce
from littoral.webnn.to_model.shapes import Shape

if TYPE_CHECKING:
    from littoral.webnn.to_model import Lowering


def _batch(emitter: Emitter, call: Call) -> int:
    x, axis = emitter.take_float(call.arguments["input"]), call.options["axis"]
    assert isinstance(axis, int)
    shape = tuple(size if n == axis else 1 for n, size in enumerate(emitter.shape(x)))
    mean = emitter.reshape(emitter.take_float(call.arguments["mean"]), shape)
    variance = emitter.reshape(emitter.take_float(call.arguments["variance"]), shape)
    return _scaled(emitter, call, subtract(emitter, x, mean), variance, _along(emitter, call, shape))


def _instance(emitter: Emitter, call: Call) -> int:
    x = emitter.take_float(call.arguments["input"])
    layout = str(call.options["layout"])
    channels = tuple(size if letter == "c" else 1 for letter, size in zip(layout, emitter.shape(x), strict=True))
    axes = tuple(layout.index(letter) for letter in "hw")
    return _over(emitter, call, x, axes, _along(emitter, call, channels))


def _layer(emitter: Emitter, call: Call) -> int:
    """Scale and bias have the axes in the order in which they are named."""
    x, axes = emitter.take_float(call.arguments["input"]), call.options["axes"]
    assert isinstance(axes, tuple)
    named = tuple(axis for axis in axes if isinstance(axis, int))
    shape = tuple(size if n in named else 1 for n, size in enumerate(emitter.shape(x)))
    order = tuple(sorted(range(len(named)), key=named.__getitem__))
    return _over(emitter, call, x, named, _along(emitter, call, shape, order))


def _along(emitter: Emitter, call: Call, shape: Shape, order: Shape = ()) -> dict[str, int]:
    """Scale and bias, where they are given, in a shape that broadcasts to the input's."""
    given = {name: emitter.take_float(call.options[name]) for name in ("scale", "bias") if name in call.options}
    return {name: emitter.reshape(emitter.transpose(tensor, order), shape) for name, tensor in given.items()}


def _over(emitter: Emitter, call: Call, x: int, axes: Shape, factors: dict[str, int]) -> int:
    """With mean and variance of the input itself over axes."""
    centred = subtract(emitter, x, reduce(emitter, "MEAN", x, axes))
    variance = reduce(emitter, "MEAN", multiply(emitter, centred, centred), axes)
    return _scaled(emitter, call, centred, variance, factors)


def _scaled(emitter: Emitter, call: Call, centred: int, variance: int, factors: dict[str, int]) -> int:
    """Centred / sqrt(variance + epsilon) * scale + bias; of constants as much as can be is computed now."""
    epsilon = real(call, "epsilon")
    known = emitter.value(variance)
    scale = emitter.value(factors["scale"]) if "scale" in factors else None
    if known is not None and (scale is not None or "scale" not in factors):
        factor = (1.0 if scale is None else scale) / np.sqrt(known.astype(np.float64) + epsilon)
        y = multiply(emitter, centred, emitter.constant(factor.astype(np.float32)))
    else:
        root = square_root(emitter, add(emitter, variance, emitter.number(epsilon)))
        y = divide(emitter, centred, root)
        y = multiply(emitter, y, factors["scale"]) if "scale" in factors else y
    return emitter.give(call, add(emitter, y, factors["bias"]) if "bias" in factors else y)


LOWERINGS: dict[str, Lowering] = {
    "batchNormalization": _batch,
    "instanceNormalization": _instance,
    "layerNormalization": _layer,
}
