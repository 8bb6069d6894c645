"""The custom operator PosenetDecoderOp of PoseNet and BodyPix: see `littoral.vision.personlab` for what it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from littoral.errors import InputError, ModelFileError
from littoral.runtime.delegate import Partition
from littoral.tflite import Tensor
from littoral.tflite.flexbuffer import read_map
from littoral.vision.personlab import KEYPOINTS, Field, decode, masks
from littoral.vision.skeleton import TREE

Array = npt.NDArray[Any]

OPERATOR = "PosenetDecoderOp"
_COUNT = 3  # which output says how many people there are
_MOST = 1000  # detections that an operator may ask for: memory is set aside for each
_LONGEST = 1 << 14  # pixels: no picture is larger
_CHANNELS = {"heatmaps": KEYPOINTS, "short offsets": 2 * KEYPOINTS, "mid offsets": 4 * len(TREE)}
_LONG = {"long offsets": 2 * KEYPOINTS}


@dataclass(frozen=True)
class Options:
    """What the operator's custom options say.

    Attributes:
        max_detections: People at most.
        score_threshold: Of roots and of people: the mean of their keypoints' scores.
        stride: Pixels of the network's input from cell to cell.
        nms_radius: Pixels within which two keypoints of a kind are one.
    """

    max_detections: int
    score_threshold: float
    stride: int
    nms_radius: float

    @classmethod
    def read(cls, data: bytes | memoryview) -> Options:
        """Reads the FlexBuffer map of an operator.

        Raises:
            ModelFileError: It is damaged, or says nothing that makes sense.
        """
        values = read_map(data, f"options of the operator {OPERATOR}")

        def number(name: str, low: float, high: float) -> float:
            value = values.get(name)
            if not isinstance(value, int | float) or not low <= value <= high:
                raise _broken(f"its option {name} is {value}, accepted is {low:g} to {high:g}")
            return value

        return cls(
            max_detections=int(number("max_detections", 1, _MOST)),
            score_threshold=number("score_threshold", 0, 1),
            stride=int(number("stride", 1, _LONGEST)),
            nms_radius=number("nms_radius", 0, _LONGEST),
        )


class Decoder:
    """The kernel of one operator.

    Attributes:
        shapes: Of its outputs, which the model file does not say, in the order of the partition's outputs.
    """

    def __init__(self, partition: Partition) -> None:
        operator = partition.whole.operators[partition.operators[0]]
        self._options = Options.read(operator.custom_options or b"")
        if (len(operator.inputs), len(operator.outputs)) not in ((3, 4), (4, 5)):
            raise _broken(f"it has {len(operator.inputs)} inputs and {len(operator.outputs)} outputs, not 3, 4 or 4, 5")
        tensors = [partition.tensor(index) for index in operator.inputs]
        self._fields = [
            _quantization(tensor, 1 if at == 0 else self._options.stride) for at, tensor in enumerate(tensors)
        ]
        height, width = _size(tensors)
        most = self._options.max_detections
        shapes = ((1, most, KEYPOINTS, 2), (1, most, KEYPOINTS), (1, most), (1,), (1, most, height, width))
        self._reads = [partition.inputs.index(index) for index in operator.inputs]
        self._writes = [operator.outputs.index(index) for index in partition.outputs]
        self.shapes = tuple(shapes[at] for at in self._writes)

    def __call__(self, inputs: tuple[Array, ...], outputs: tuple[Array, ...]) -> None:
        """Runs the operator.

        Raises:
            InputError: The network gave NaN or infinities.
        """
        fields = [
            Field(_finite(inputs[at][0]), scale, zero)
            for at, (scale, zero) in zip(self._reads, self._fields, strict=True)
        ]
        options = self._options
        radius = options.nms_radius / options.stride
        heatmaps, short, mid, *long = fields
        people = decode(heatmaps, short, mid, options.max_detections, options.score_threshold, radius)
        count = len(people.scores)
        values: list[Any] = [people.keypoints * options.stride, people.keypoint_scores, people.scores, count]
        values.extend(masks(field, people) for field in long)
        for output, at in zip(outputs, self._writes, strict=True):
            output[...] = 0
            output[(0, slice(count)) if at != _COUNT else ...] = values[at]


def decoder(partition: Partition) -> Decoder:
    """The kernel of PosenetDecoderOp, by the entry-point group `littoral.operators`.

    Its inputs are heatmaps, short-range and mid-range offsets, and long-range offsets in BodyPix; float32 or quantized.
    Its outputs, all float32, with room for as many people as the options say, zeros behind those that were found:
    keypoints (y, x) in pixels of the network's input [1, n, 17, 2], their scores [1, n, 17], people's scores [1, n],
    how many there are [1], and in BodyPix whose each cell is [1, n, height, width].

    Raises:
        ModelFileError: The operator's options, inputs or outputs are none of these.
    """
    return Decoder(partition)


def _size(tensors: Sequence[Tensor]) -> tuple[int, int]:
    """Height and width of the fields, where they are what the operator takes."""
    height, width = tensors[0].shape[1:3] if len(tensors[0].shape) == 4 else (0, 0)
    for tensor, (what, channels) in zip(tensors, (_CHANNELS | _LONG).items(), strict=False):
        if tensor.shape != (1, height, width, channels) or 0 in tensor.shape:
            raise _broken(f"its {what} have shape {list(tensor.shape)}, accepted is [1, height, width, {channels}]")
    return height, width


def _quantization(tensor: Tensor, unit: int) -> tuple[float, float]:
    """Scale and zero point of a field whose values are to be given in `unit`s."""
    if tensor.dtype.kind == "f":
        return 1 / unit, 0.0
    quantization = tensor.quantization
    if tensor.dtype.kind not in "iu" or quantization is None or quantization.scale.size != 1:
        raise _broken(f"its input {tensor.name!r} is neither float nor quantized")
    zero = float(quantization.zero_point[0]) if quantization.zero_point.size else 0.0
    if not np.isfinite(quantization.scale[0]):
        raise _broken(f"its input {tensor.name!r} has scale {quantization.scale[0]}")
    return float(quantization.scale[0]) / unit, zero


def _finite(values: Array) -> Array:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise InputError(
            f"the network before {OPERATOR} gives NaN or infinite values", "The model is broken, or its input is"
        )
    return values


def _broken(why: str) -> ModelFileError:
    return ModelFileError(f"operator {OPERATOR} is malformed: {why}", "Get the model file again, or export it again")
