"""Does OpenVINO compute the same as LiteRT? A look at one random input, when a region is compiled.

It is there for what is plainly wrong: a misread operator, an overflow of float16. How much a smaller precision costs is
for `littoral tune` to measure, on real data.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from littoral.runtime.delegate import Array, Kernel, Partition
from littoral.tflite import Tensor

LARGEST_ERROR = 0.25
"""Energy of the difference by that of both outputs: 0 where they are equal, 1 where they have nothing in common.

Over all real models and precisions at hand it is below 0.005, except 0.09 in a pose model, whose outputs are the places
of maxima that noise decides; misread operators give 0.5 and more.
"""


def garbage(content: bytes, partition: Partition, kernel: Kernel) -> str:
    """What is wrong with a kernel's outputs; empty when nothing is.

    Args:
        content: The partition as a model file, for LiteRT.
        partition: What the kernel runs.
        kernel: Is run once, on memory that is made here.
    """
    random = np.random.default_rng(0)
    inputs = tuple(_sample(random, partition.tensor(index)) for index in partition.inputs)
    expected = _litert(content, inputs)
    if expected is None:
        return ""
    outputs = tuple(np.empty_like(each) for each in expected)
    kernel(inputs, outputs)
    for index, right, got in zip(partition.outputs, expected, outputs, strict=True):
        if reason := _difference(partition.tensor(index), right, got):
            return reason
    return ""


def error(expected: Array, got: Array, zero: float = 0.0, slack: float = 0.0) -> float:
    """The energy of the difference by that of both arrays, 0 to 1.

    Args:
        expected: Real values, or quantized ones.
        got: The same of another make.
        zero: What stands for 0.
        slack: How far elements may be apart without being different, as in one step of quantized ones.
    """
    one, other = (each.astype(np.float64).ravel() - zero for each in (expected, got))
    apart = np.maximum(np.abs(one - other) - slack, 0)
    energy = float(one @ one + other @ other)
    return float(apart @ apart) / energy if energy else 0.0


def _difference(tensor: Tensor, expected: Array, got: Array) -> str:
    if tensor.dtype.kind == "f":
        known = np.isfinite(expected)
        if not np.isfinite(got[known]).all():
            return f"OpenVINO gives NaN or infinity in {tensor.name!r} where LiteRT does not"
        apart = error(expected[known], got[known])
    elif tensor.is_quantized:
        zero = tensor.quantization.zero_point if tensor.quantization else np.zeros(0)
        apart = error(expected, got, zero=float(zero[0]) if zero.size else 0.0, slack=1.0)
    else:
        return ""  # indices and decisions may rightly flip where two values are nearly the same
    if apart > LARGEST_ERROR:
        return f"OpenVINO computes something else than LiteRT in {tensor.name!r} (error {apart:.1%} of the energy)"
    return ""


def _sample(random: np.random.Generator, tensor: Tensor) -> npt.NDArray[Any]:
    """Random values of a tensor's stored type; zeros for integers that may be indices."""
    if tensor.dtype.kind == "f":
        return random.standard_normal(tensor.shape, np.float32).astype(tensor.dtype)
    if tensor.dtype.kind == "b":
        return random.random(tensor.shape) < 0.5
    if tensor.is_quantized:
        limits = np.iinfo(tensor.dtype)
        return random.integers(limits.min, limits.max, tensor.shape, tensor.dtype, endpoint=True)
    return np.zeros(tensor.shape, tensor.dtype)


def _litert(content: bytes, inputs: tuple[Array, ...]) -> list[Array] | None:
    """What LiteRT computes; None where it does not run these random inputs."""
    from ai_edge_litert.interpreter import Interpreter

    try:
        interpreter = Interpreter(model_content=content)
        interpreter.allocate_tensors()
        for detail, value in zip(interpreter.get_input_details(), inputs, strict=True):
            interpreter.set_tensor(detail["index"], value)
        interpreter.invoke()
    except (RuntimeError, ValueError):
        return None
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]
