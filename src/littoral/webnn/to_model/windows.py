"""What convolutions and pooling share: layouts, padding, and windows that slide over a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from littoral.tflite import TensorType
from littoral.tflite.enums import Padding
from littoral.tflite.options.shape import PadOptions, PadV2Options
from littoral.webnn.program import Call
from littoral.webnn.to_model.emitter import NUMPY, Emitter
from littoral.webnn.to_model.moves import numbers
from littoral.webnn.to_model.shapes import Shape

Pair = tuple[int, int]


def to_layout(emitter: Emitter, tensor: int, layout: str, wanted: str) -> int:
    """A tensor whose axes are named by letters, with these in another order."""
    return emitter.transpose(tensor, [layout.index(letter) for letter in wanted])


@dataclass(frozen=True)
class Window:
    """How a window slides; heights come first.

    Attributes:
        size: Of the window, without dilation.
        strides: From one place to the next.
        dilations: From one element of the window to the next.
        begin: Padding above and to the left. How much there is below and to the right, the output's size tells.
    """

    size: Pair
    strides: Pair
    dilations: Pair
    begin: Pair

    @property
    def reach(self) -> Pair:
        """From the first to the last element of the window."""
        high, wide = ((size - 1) * step + 1 for size, step in zip(self.size, self.dilations, strict=True))
        return high, wide

    def end(self, source: Sequence[int], output: Sequence[int]) -> Pair:
        """How far the last windows of an output reach beyond a picture."""
        high, wide = (
            max((output[n] - 1) * self.strides[n] + self.reach[n] - source[n] - self.begin[n], 0) for n in range(2)
        )
        return high, wide

    def padding(self, source: Sequence[int], output: Sequence[int]) -> Padding | None:
        """How a kernel is told this padding; None where it must be written out."""
        end = self.end(source, output)
        if self.begin == end == (0, 0):
            return Padding.VALID
        for axis in range(2):
            stride = self.strides[axis]
            total = max((output[axis] - 1) * stride + self.reach[axis] - source[axis], 0)
            given = (self.begin[axis], end[axis])
            if output[axis] != -(-source[axis] // stride) or given != (total // 2, total - total // 2):
                return None
        return Padding.SAME


def pair(call: Call, name: str) -> Pair:
    """An option of two integers."""
    first, second = numbers(call, name)
    return first, second


def window(call: Call, size: Pair) -> Window:
    """The window of a call."""
    top, _, left, _ = numbers(call, "padding")
    return Window(size, pair(call, "strides"), pair(call, "dilations"), (top, left))


def padded(emitter: Emitter, x: int, begin: Pair, end: Pair, value: float = 0) -> int:
    """A picture [n, h, w, c] with a border; a negative end cuts off."""
    if begin == end == (0, 0):
        return x
    n, h, w, c = emitter.shape(x)
    shape: Shape = (n, begin[0] + h + end[0], begin[1] + w + end[1], c)
    border = emitter.constant(np.array([(0, 0), *zip(begin, end, strict=True), (0, 0)], np.int32))
    if value == 0:
        return emitter.emit("PAD", (x, border), shape, None, PadOptions())
    kept = emitter.tensors[x].quantization  # the kernel wants the same of both
    fill = emitter.constant(np.array(value, NUMPY[emitter.type(x)]), quantization=kept)
    return emitter.emit("PADV2", (x, border, fill), shape, None, PadV2Options())


def lowest(type_: TensorType) -> float:
    """The smallest value of a type."""
    dtype = np.dtype(NUMPY[type_])
    return -np.inf if dtype.kind == "f" else int(np.iinfo(dtype).min)
