"""Weights rounded by what they meet: of the two integers next to a weight, the one that spoils the layer's sums least.

Rounding each weight to its nearest integer is best for the weights, not for their products with real inputs. Here the
weights of a layer are rounded one input after the other, and those still to come make good what is spoilt so far, as
much as the inputs are correlated (GPTQ: Frantar et al. 2022, arXiv:2210.17323; here for convolutions too). Scales,
ranges and the size of the file stay as they are.

Inputs are summed up as whole numbers, so the result does not depend on the order of samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from littoral.convert.watch import Array, Watch
from littoral.tflite import Buffer, Graph, Operator, Padding, Tensor, TensorType, pack
from littoral.tflite.options.convolution import Conv2DOptions, DepthwiseConv2DOptions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from littoral.check import Progress
    from littoral.data import Sample

Floats = NDArray[np.float64]
"""Also of whole numbers: sums of products stay exact below 2**53, and BLAS is fast."""

_LARGEST = {TensorType.INT8: 127, TensorType.INT4: 7}
_ROWS = 1 << 13  # input vectors that are looked at, a layer
_WORK = 1e9  # multiply-adds that they may cost, a layer
_MEMORY = 256 << 20  # bytes of sums at a time: a model of larger layers takes more passes over the samples
_STEPS = 255  # to which float inputs are rounded before they are summed up
_DAMPING = 0.01
_BLOCK = 128


def refine(
    variant: Graph,
    float_graph: Graph,
    samples: Callable[[], Iterable[Sample]],
    count: int,
    *,
    threads: int = 2,
    progress: Progress | None = None,
) -> int:
    """Round the integer weights of a variant anew. This changes the variant.

    Args:
        variant: A graph with int8 or int4 weights and their scales; activations of any type.
        float_graph: What it was made of: tensors have the same names.
        samples: A fresh pass over the same samples at each call.
        count: How many there are.
        threads: For the interpreter.
        progress: Told after each sample.

    Returns:
        How many layers were rounded.
    """
    layers = list(_layers(variant, float_graph))
    for group in _groups(layers):
        _add_up(group, Watch(variant, sorted({layer.input for layer in group}), threads), samples(), count, progress)
        for layer in group:
            layer.round()
    return len(layers)


def _add_up(
    group: Sequence[_Layer], watch: Watch, samples: Iterable[Sample], count: int, progress: Progress | None
) -> None:
    """One pass over the samples, in which each layer sees its inputs."""
    readers: dict[int, list[_Layer]] = {}
    for layer in group:
        readers.setdefault(layer.input, []).append(layer)

    def add(index: int, value: Array) -> None:
        for layer in readers[index]:
            layer.add(value, count)

    with watch:
        for number, sample in enumerate(samples, 1):
            watch.see(sample, add)
            if progress:
                progress("rounding weights", number, max(count, number))


def round_weights(wanted: Floats, sums: Floats, largest: int) -> Floats:
    """Whole numbers for weights, such that the products with the inputs change least.

    Args:
        wanted: [groups, outputs, inputs] float weights in steps of their scales.
        sums: [groups, inputs, inputs] sums of the products of inputs.
        largest: Results are of -largest to largest.
    """
    width = wanted.shape[-1]
    diagonal = np.einsum("gii->gi", sums)
    floor = _DAMPING * diagonal.mean(axis=1, keepdims=True)
    damped = sums + np.eye(width) * np.where(floor > 0, floor, 1.0)[:, :, None]
    upper = np.linalg.cholesky(np.linalg.inv(damped)).transpose(0, 2, 1)
    left, rounded = wanted.copy(), np.empty_like(wanted)
    for start in range(0, width, _BLOCK):
        end = min(start + _BLOCK, width)
        errors = np.empty((*wanted.shape[:2], end - start))
        for k in range(start, end):
            rounded[:, :, k] = np.clip(np.rint(left[:, :, k]), -largest, largest)
            errors[:, :, k - start] = (left[:, :, k] - rounded[:, :, k]) / upper[:, None, k, k]
            left[:, :, k + 1 : end] -= errors[:, :, k - start, None] * upper[:, None, k, k + 1 : end]
        left[:, :, end:] -= errors @ upper[:, start:end, end:]
    return rounded


@dataclass
class _Layer:
    """A layer, and the sums of the products of its inputs.

    Attributes:
        operator: CONV_2D, DEPTHWISE_CONV_2D or FULLY_CONNECTED.
        input: The index of its activation.
        activation: That tensor.
        weights: The tensor to be rounded.
        wanted: As in `round_weights`.
        sums: As in `round_weights`.
    """

    operator: Operator
    input: int
    activation: Tensor
    weights: Tensor
    wanted: Floats
    sums: Floats = field(init=False)

    def __post_init__(self) -> None:
        groups, _, width = self.wanted.shape
        self.sums = np.zeros((groups, width, width))

    def add(self, value: Array, samples: int) -> None:
        """Take in the input that one of so many samples makes."""
        groups, _, width = self.wanted.shape
        rows = int(min(_ROWS, _WORK / (groups * width * width)) / samples) + 1
        stored = _vectors(value, self.operator, self.weights.shape, rows, _zero(self.activation))
        count, taps, channels = stored.shape
        vectors = _whole(stored, self.activation)
        vectors = vectors.reshape(count, taps, groups, channels // groups).transpose(2, 0, 1, 3)
        vectors = vectors.reshape(groups, count, width)
        self.sums += vectors.transpose(0, 2, 1) @ vectors

    def round(self) -> None:
        """Put the rounded weights into the tensor."""
        rounded = round_weights(self.wanted, self.sums, _LARGEST[self.weights.type]).astype(np.int8)
        if self.operator.name == "DEPTHWISE_CONV_2D":
            rounded = rounded.transpose(2, 0, 1)  # [taps, channels, multiplier], as the file has it
        values = np.ascontiguousarray(rounded).reshape(-1)
        self.weights.buffer = Buffer(data=pack(values, 4) if self.weights.type is TensorType.INT4 else values.tobytes())


def _layers(variant: Graph, float_graph: Graph) -> Iterator[_Layer]:
    """The layers whose weights can be rounded: integers with float ones of that name behind them, used only once."""
    main = variant.main
    floats = {tensor.name: tensor for tensor in float_graph.main.tensors if tensor.type is TensorType.FLOAT32}
    uses = [index for operator in main.operators for index in operator.inputs]
    for operator in main.operators:
        if operator.name not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            continue
        activation, weights = (main.tensors[index] for index in operator.inputs[:2])
        trained = floats.get(weights.name)
        if (
            weights.type not in _LARGEST
            or uses.count(operator.inputs[1]) != 1
            or trained is None
            or trained.data is None
            or trained.shape != weights.shape
        ):
            continue
        wanted = _in_steps(trained.data, weights)
        yield _Layer(
            operator, operator.inputs[0], activation, weights, _grouped(wanted, operator, activation.shape[-1])
        )


def _groups(layers: Sequence[_Layer]) -> Iterator[list[_Layer]]:
    """The layers in portions whose sums fit into memory."""
    group: list[_Layer] = []
    for layer in layers:
        if group and sum(one.sums.nbytes for one in group) + layer.sums.nbytes > _MEMORY:
            yield group
            group = []
        group.append(layer)
    if group:
        yield group


def _in_steps(trained: Array, weights: Tensor) -> Floats:
    """Float weights in steps of the scales of the integer ones."""
    assert weights.quantization is not None
    scale = weights.quantization.scale.astype(np.float64)
    shape = [1] * trained.ndim
    shape[weights.quantization.quantized_dimension if scale.size > 1 else 0] = scale.size
    steps: Floats = trained.astype(np.float64) / scale.reshape(shape)
    return steps


def _grouped(weights: Floats, operator: Operator, channels: int) -> Floats:
    """Weights as [groups, outputs of a group, inputs of a group]."""
    if operator.name == "DEPTHWISE_CONV_2D":
        multiplier = weights.shape[3] // channels
        grouped: Floats = weights.reshape(-1, channels, multiplier).transpose(1, 2, 0)
        return grouped
    groups = channels // weights.shape[3] if operator.name == "CONV_2D" else 1
    return weights.reshape(groups, weights.shape[0] // groups, -1)


def _zero(activation: Tensor) -> int:
    """What stands for zero in the stored values of an activation."""
    if activation.quantization is None or not activation.quantization.zero_point.size:
        return 0
    return int(activation.quantization.zero_point[0])


def _whole(stored: Array, activation: Tensor) -> Floats:
    """Whole numbers that are proportional to what stored values stand for."""
    values: Floats = stored.astype(np.float64) - _zero(activation)
    if activation.is_quantized:
        return values
    return np.rint(values * (_STEPS / (float(np.abs(values).max(initial=0.0)) or 1.0)))


def _vectors(value: Array, operator: Operator, weights: Sequence[int], most: int, zero: int) -> Array:
    """Input vectors of a layer, evenly spread, stored values: [at most `most`, taps of the kernel, channels]."""
    options = operator.options
    if not isinstance(options, Conv2DOptions | DepthwiseConv2DOptions):
        rows = value.reshape(-1, 1, weights[1])
        return rows[_spread(len(rows), most)]
    strides, dilations = (options.stride_h, options.stride_w), (options.dilation_h_factor, options.dilation_w_factor)
    reach = [(size - 1) * dilation + 1 for size, dilation in zip(weights[1:3], dilations, strict=True)]
    if options.padding is Padding.SAME:
        value = np.pad(value, [(0, 0), *map(_padding, value.shape[1:3], reach, strides), (0, 0)], constant_values=zero)
    windows = sliding_window_view(value, reach, axis=(1, 2))[:, :: strides[0], :: strides[1]]
    windows = windows[..., :: dilations[0], :: dilations[1]]
    places = np.unravel_index(_spread(int(np.prod(windows.shape[:3])), most), windows.shape[:3])
    found = windows[places]  # [rows, channels, height, width of the kernel]
    vectors: Array = found.reshape(len(found), value.shape[3], -1).transpose(0, 2, 1)
    return vectors


def _padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """SAME padding before and after, as TensorFlow defines it."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def _spread(count: int, most: int) -> NDArray[np.intp]:
    """At most `most` indices below `count`, evenly spread."""
    kept = min(count, most)
    return np.arange(kept) * count // kept
