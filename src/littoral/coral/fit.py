"""Whether a model's parameters fit on the chip: an estimate, as the compiler's layout is not public.

What Google's compiled models show: a channel of a convolution takes about 26 bytes besides its weights (bias, scales,
padding), and the chip's 8 MiB also hold activations: at most an operator's inputs and outputs, and where that would be
more than 3 MiB the compiler works in pieces. benchmarks/edgetpu_placement.py prints how far off this is.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import prod
from typing import ClassVar

from littoral.coral.rules import View
from littoral.tflite import Subgraph, Tensor

CHIP_BYTES = 8 << 20
_MAX_ACTIVATIONS = 3 << 20
_PER_CHANNEL = 26
_CHANNEL_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0, "TRANSPOSE_CONV": 0}


@dataclass(frozen=True)
class Fit:
    """The estimated use of the chip's memory, in bytes.

    Attributes:
        parameters: Of all operators on the chip, in the compiler's layout.
        activations: What the chip keeps for intermediate results.
        streamed: The parameters that would be sent to the chip at every inference, as there is no room for them.
    """

    parameters: int
    activations: int
    streamed: int

    derived: ClassVar = ("fits",)

    @property
    def fits(self) -> bool:
        """Whether all parameters stay on the chip."""
        return self.streamed == 0


def estimate(subgraph: Subgraph, operators: Collection[int]) -> Fit:
    """How the chip's memory would be used by these operators of a subgraph."""
    views = [View.of(subgraph, subgraph.operators[index]) for index in operators]
    parameters = sum(_parameters(view) for view in views)
    busiest = max((_bytes(view.activations) + _bytes(view.outputs) for view in views), default=0)
    activations = min(busiest, _MAX_ACTIVATIONS)
    return Fit(parameters, activations, max(0, parameters + activations - CHIP_BYTES))


def _parameters(view: View) -> int:
    """Shapes, axes and biases go into instructions or are counted with their channel."""
    weights = [t for t in view.constants if t.dtype.itemsize == 1]
    axis = _CHANNEL_AXIS.get(view.operator.name)
    shape = weights[0].shape if weights else ()
    channels = shape[axis] if axis is not None and axis < len(shape) else 0
    return _bytes(weights) + _PER_CHANNEL * channels


def _bytes(tensors: Collection[Tensor]) -> int:
    return sum(prod(tensor.shape) for tensor in tensors if tensor.dtype.itemsize == 1)
