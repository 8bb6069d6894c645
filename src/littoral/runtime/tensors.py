"""What goes into a model and comes out of it: names, shapes, types, and the way between real and stored values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from littoral.errors import InputError
from littoral.tflite import Tensor, TensorType

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True)
class TensorInfo:
    """One input or output of a model.

    Attributes:
        name: The signature's name, else the tensor's.
        tensor: The tensor's own name.
        index: Of the tensor in its subgraph.
        shape: With the batch axis; -1 where any size goes.
        dtype: As it is stored; `object` for strings.
        scale: real = scale * (stored - zero_point); 0 where the tensor is not quantized.
        zero_point: See `scale`.
    """

    name: str
    tensor: str
    index: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float = 0.0
    zero_point: int = 0

    @classmethod
    def of(cls, tensor: Tensor, index: int, name: str) -> TensorInfo:
        """What a tensor of a graph is for its user. Scales by channel are not applied: such values stay as stored."""
        dtype = np.dtype(object) if tensor.type is TensorType.STRING else tensor.dtype
        shape = tuple(tensor.shape_signature) or tuple(tensor.shape)
        quantization = tensor.quantization
        if quantization is None or quantization.scale.size != 1 or dtype.kind not in "iu":
            return cls(name, tensor.name, index, shape, dtype)
        zero_point = int(quantization.zero_point[0]) if quantization.zero_point.size else 0
        return cls(name, tensor.name, index, shape, dtype, float(quantization.scale[0]), zero_point)

    @property
    def is_quantized(self) -> bool:
        """Whether stored values stand for real ones."""
        return self.scale > 0

    def __str__(self) -> str:
        return f"{self.name!r} ({self.dtype}{list(self.shape)})"

    def quantize(self, real: Array) -> Array:
        """Stored values of real ones: rounded half away from zero, as TFLite's QUANTIZE does, and clamped."""
        limits = np.iinfo(self.dtype)
        steps = np.array(real, np.float32)
        steps /= np.float32(self.scale)  # in place, here and below: five times as fast
        np.clip(steps, limits.min - self.zero_point, limits.max - self.zero_point, out=steps)
        whole = np.trunc(steps, out=np.empty_like(steps))
        steps -= whole
        steps *= 2  # exact; from a half on, what was left reaches 1
        whole += np.trunc(steps, out=steps)
        whole += self.zero_point
        stored: Array = whole.astype(self.dtype)
        return stored

    def dequantize(self, stored: Array) -> npt.NDArray[np.float32]:
        """Real values of stored ones."""
        real: npt.NDArray[np.float32] = stored.astype(np.float32)
        real -= self.zero_point
        real *= np.float32(self.scale)
        return real

    def accept(self, value: Any, raw: bool = False) -> Array:
        """The array to store for what a caller gave.

        Args:
            value: Anything that numpy makes an array of. A missing batch axis is added where the other sizes fit.
            raw: It is in the stored type already.

        Raises:
            InputError: Its shape or type is not this input's.
        """
        array = self._shaped(np.asarray(value))
        if self.dtype.kind == "O":
            raise InputError(f"input {self} takes strings", "littoral feeds numbers only")
        if array.dtype.kind not in "iufb":
            raise self._refusal(array, "numbers")
        if raw or self.dtype.kind == "b":
            if array.dtype != self.dtype:
                raise self._refusal(array, f"{self.dtype} (the stored type)" if raw else "bool")
            return np.asarray(array, order="C")  # ascontiguousarray makes vectors of scalars
        if self.is_quantized:
            return self._quantized(array)
        return self._integers(array) if self.dtype.kind in "iu" else np.asarray(array, self.dtype, order="C")

    def give(self, stored: Array, raw: bool = False) -> Array:
        """What a caller gets for a stored array: real values where it is quantized, unless it asked for raw ones."""
        return self.dequantize(stored) if self.is_quantized and not raw else stored

    def _shaped(self, array: Array) -> Array:
        for candidate in (array, array[np.newaxis]):
            if fits(candidate.shape, self.shape):
                return candidate
        any_size = ", where -1 is any size" if -1 in self.shape else ""
        raise InputError(f"input {self} got shape {list(array.shape)}", f"Accepted: {list(self.shape)}{any_size}")

    def _quantized(self, array: Array) -> Array:
        if array.dtype == self.dtype:
            hint = f"Give real values as floats (stored = real / {self.scale:g} + {self.zero_point}), or raw=True"
            raise InputError(f"input {self} is quantized: {array.dtype} may be real or stored values", hint)
        if np.isnan(array).any():
            raise InputError(f"input {self} is quantized and got NaN", "Give finite numbers")
        return self.quantize(array)

    def _integers(self, array: Array) -> Array:
        if array.dtype.kind == "f":
            if self.dtype.itemsize > 1:  # token ids and sizes; only bytes are pixels, which a resize makes fractional
                raise self._refusal(array, f"{self.dtype}")
            array = np.rint(array)
        limits = np.iinfo(self.dtype)
        if array.size and not (array.min() >= limits.min and array.max() <= limits.max):  # also where it is NaN
            seen = f"{array.min()} to {array.max()}"
            raise InputError(f"input {self} got values of {seen}", f"Accepted: {limits.min} to {limits.max}")
        return array.astype(self.dtype, order="C")

    def _refusal(self, array: Array, accepted: str) -> InputError:
        return InputError(f"input {self} got values of type {array.dtype}", f"Accepted: {accepted}")


def zeros(infos: Sequence[TensorInfo]) -> list[Array]:
    """Stored zeros for each input; a side of any size is 1."""
    return [np.zeros([abs(side) for side in info.shape], info.dtype) for info in infos]


def fits(shape: Sequence[int], expected: Sequence[int]) -> bool:
    """Whether a shape is the expected one, in which -1 is any size but none."""
    return len(shape) == len(expected) and all(
        got == want or (want == -1 and got > 0) for got, want in zip(shape, expected, strict=True)
    )
