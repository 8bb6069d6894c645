"""An operator while it is lowered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from littoral.tflite import Operator, Tensor
from littoral.tflite.enums import ActivationFunction
from littoral.webnn.from_model.quantized import is_integer_quantized, parameters, same, stored_range
from littoral.webnn.from_model.recorder import Recorder, Shape
from littoral.webnn.from_model.unmapped import Unmapped
from littoral.webnn.program import Array, Ref, Value

_BOUNDS: dict[ActivationFunction, tuple[float, float | None]] = {
    ActivationFunction.RELU: (0.0, None),
    ActivationFunction.RELU6: (0.0, 6.0),
    ActivationFunction.RELU_N1_TO_1: (-1.0, 1.0),
}
_LARGEST = 1 << 20  # of a size that becomes as many indices


class Node:
    """An operator with its tensors as operands of the program; inputs and outputs by position.

    Args:
        recorder: The program that is being made.
        operator: Of its subgraph.
    """

    def __init__(self, recorder: Recorder, operator: Operator) -> None:
        self.recorder = recorder
        self.operator = operator

    @property
    def name(self) -> str:
        """As in "CONV_2D"."""
        return self.operator.name

    @property
    def count(self) -> int:
        """How many inputs it has."""
        return len(self.operator.inputs)

    def has(self, position: int) -> bool:
        """Whether an optional input is there."""
        return position < self.count and self.operator.inputs[position] >= 0

    def tensor(self, position: int) -> Tensor:
        """An input of the file."""
        return self.recorder.tensor(self._input(position))

    def result(self, position: int = 0) -> Tensor:
        """An output of the file."""
        return self.recorder.tensor(self.operator.outputs[position])

    def shape(self, position: int = 0) -> Shape:
        """Of an input."""
        return self.recorder.shape(self._input(position))

    def option(self, name: str, default: Any = None) -> Any:
        """An option of the file; the default where the operator has none."""
        return getattr(self.operator.options, name, default)

    def known(self, position: int) -> Array | None:
        """The value of an input; None where only a run knows it."""
        return self.recorder.value(self._input(position))

    def value(self, position: int, what: str) -> Array:
        """The value of an input that must be known.

        Raises:
            Unmapped: Only a run knows it.
        """
        found = self.known(position)
        if found is None:
            raise Unmapped(
                f"its {what} is computed while it runs", "Make it a constant, or fix the model's input shape"
            )
        return found

    def numbers(self, position: int, what: str) -> list[int]:
        """The integers of an input that must be known."""
        return [int(number) for number in np.ravel(self.value(position, what))]

    def sizes(self, position: int, what: str) -> list[int]:
        """Sizes that an input gives, which must be known: positive, and few enough to count through."""
        found = self.numbers(position, what)
        if not all(0 < size <= _LARGEST for size in found):
            raise Unmapped(f"its {what} is {found}", f"At most {_LARGEST:,}")
        return found

    def axis(self, position: int, rank: int) -> int:
        """One axis that an input names, counted from the front."""
        return checked_axis(self.numbers(position, "axis")[0], rank)

    def stored(self, position: int = 0) -> Ref:
        """What an input holds."""
        return self.recorder.stored(self._input(position))

    def real(self, position: int = 0, shape: Sequence[int] | None = None) -> Ref:
        """The real values of an input, float32; `shape` as in `Recorder.real`."""
        return self.recorder.real(self._input(position), shape)

    def numeric(self, position: int = 0, shape: Sequence[int] | None = None) -> Ref:
        """Real values where they are quantized, else what the input holds: integers stay integers."""
        if is_integer_quantized(self.tensor(position)) or self.tensor(position).dtype.kind == "f":
            return self.real(position, shape)
        return self.reshape(self.stored(position), self.shape(position) if shape is None else shape)

    def real_value(self, position: int, what: str) -> Array:
        """The real value of an input that must be known, float32."""
        stored, tensor = self.value(position, what), self.tensor(position)
        if not is_integer_quantized(tensor):
            return stored.astype(np.float32)
        scale, zero_point = parameters(tensor, stored.shape, np.dtype(np.int64))
        return np.asarray((stored.astype(np.int64) - zero_point) * scale, np.float32)

    def moved(self, positions: Sequence[int]) -> list[Ref]:
        """Inputs that an operator only moves: stored values where those mean the same in its output."""
        results = [self.result(position) for position in range(len(self.operator.outputs))]
        plain = all(same(self.tensor(position), result) for position in positions for result in results)
        return [self.stored(position) if plain else self.real(position) for position in positions]

    def call(self, operation: str, **parts: Value) -> Ref:
        """One call that returns an operand."""
        return self.recorder.call(operation, **parts)

    def constant(self, value: Any, dtype: Any = np.float32) -> Ref:
        """An operand of a known value."""
        return self.recorder.constant(value, dtype)

    def reshape(self, ref: Ref, shape: Sequence[int]) -> Ref:
        """An operand in another shape."""
        return self.recorder.reshape(ref, shape)

    def shape_of(self, ref: Ref) -> Shape:
        """Of an operand."""
        return self.recorder.describe(ref).shape

    def type_of(self, ref: Ref) -> str:
        """The data type of an operand."""
        return self.recorder.describe(ref).data_type

    def activated(self, ref: Ref) -> Ref:
        """With the operator's fused activation, where it changes anything that the output can hold."""
        return self.activate(ref, self.option("fused_activation_function", ActivationFunction.NONE))

    def activate(self, ref: Ref, kind: ActivationFunction) -> Ref:
        """With an activation that an operator may have fused."""
        if kind is ActivationFunction.NONE:
            return ref
        if kind is ActivationFunction.TANH:
            return self.call("tanh", input=ref)
        if kind not in _BOUNDS:
            raise Unmapped(f"it has the activation {kind.name}", "Use RELU, RELU6, RELU_N1_TO_1 or TANH")
        low, high = self._bounds(*_BOUNDS[kind])
        if low is None and high is None:
            return ref
        if low == 0 and high is None:
            return self.call("relu", input=ref)
        bounds = {"minValue": low, "maxValue": high}
        return self.call("clamp", input=ref, **{name: bound for name, bound in bounds.items() if bound is not None})

    def put(self, *made: Ref | Array) -> None:
        """Says what the outputs are; see `Recorder.put`."""
        for tensor, one in zip(self.operator.outputs, made, strict=True):
            self.recorder.put(tensor, one)

    def put_as(self, made: Ref, shape: Sequence[int]) -> None:
        """Says what the output is, in another shape than it was made in."""
        self.recorder.put(self.operator.outputs[0], made, shape)

    def _input(self, position: int) -> int:
        if not self.has(position):
            raise Unmapped(f"it lacks its input {position}", "Convert the model again")
        return self.operator.inputs[position]

    def _bounds(self, low: float, high: float | None) -> tuple[float | None, float | None]:
        """Those bounds that the range of a quantized output does not keep by itself."""
        result = self.result()
        if not is_integer_quantized(result) or result.quantization is None or result.quantization.scale.size != 1:
            return low, high
        least, most = stored_range(result)
        scale = float(result.quantization.scale[0])
        zero = int(result.quantization.zero_point[0]) if result.quantization.zero_point.size else 0
        kept_low = low if zero + round(low / scale) > least else None
        kept_high = high if high is not None and zero + round(high / scale) < most else None
        return kept_low, kept_high


def checked_axis(axis: int, rank: int) -> int:
    """An axis counted from the front.

    Raises:
        Unmapped: There is none.
    """
    if not -rank <= axis < max(rank, 1):
        raise Unmapped(f"axis {axis} is not one of {rank}", "Convert the model again")
    return axis % max(rank, 1)
