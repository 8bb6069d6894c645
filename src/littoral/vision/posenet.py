"""PoseNet's decoder: the custom operator PosenetDecoderOp, which makes people out of fields of numbers.

The network divides the picture into cells and gives for each cell and keypoint a score (a logit), the short-range
offset to the keypoint nearby, for each edge of the skeleton the mid-range offset from one end to the other, and in
BodyPix the long-range offset from anywhere in a person to the keypoint. A person is found from their surest keypoint
on, edge by edge; a keypoint found twice belongs to the surer person. Source: Papandreou et al., "PersonLab", 2018.

Inside, points are (y, x) in cells. Coral's decoder refines all points of a person but the first, which then lies up to
a few pixels beside where it would lie if the person had been found from elsewhere on. Here the first is refined too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from littoral.errors import InputError, ModelFileError
from littoral.runtime.delegate import Partition
from littoral.tflite import Tensor
from littoral.tflite.flexbuffer import read_map
from littoral.vision.skeleton import NAMES, TREE

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.floating[Any]]

OPERATOR = "PosenetDecoderOp"
KEYPOINTS = len(NAMES)
_SHORT_STEPS = 5  # times that a point is refined by short-range offsets; as often as Coral's decoder does
_LONG_STEPS = 2  # the same by long-range offsets
_BATCH = 64  # roots that are followed at once: numpy takes little longer for 64 than for one
_MOST = 1000  # detections that an operator may ask for: memory is set aside for each
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
        numbers = {name: values.get(name) for name in cls.__annotations__}
        for name, value in numbers.items():
            if not isinstance(value, int | float) or not math.isfinite(value):
                raise _broken(f"its option {name} is {value!r}, which is no number")
        options = cls(
            int(numbers["max_detections"]),  # type: ignore[arg-type]
            float(numbers["score_threshold"]),  # type: ignore[arg-type]
            int(numbers["stride"]),  # type: ignore[arg-type]
            float(numbers["nms_radius"]),  # type: ignore[arg-type]
        )
        options._check()
        return options

    def _check(self) -> None:
        accepted = {
            "max_detections": (1 <= self.max_detections <= _MOST, f"1 to {_MOST}"),
            "score_threshold": (0 <= self.score_threshold < 1, "0 up to 1"),
            "stride": (self.stride >= 1, "1 and more"),
            "nms_radius": (self.nms_radius >= 0, "0 and more"),
        }
        for name, (fine, range_) in accepted.items():
            if not fine:
                raise _broken(f"its option {name} is {getattr(self, name):g}, accepted is {range_}")


@dataclass(frozen=True)
class Field:
    """An output of the network as it is stored: real = scale * (stored - zero).

    Interpolation is linear, so what is read is turned into real values after it, and the rest never is.

    Attributes:
        stored: [height, width, channels], any type.
        scale: In the unit that is wanted.
        zero: See above.
    """

    stored: Array
    scale: float = 1.0
    zero: float = 0.0

    def at(self, points: Floats, channels: npt.NDArray[np.int64]) -> Floats:
        """Real values between cells, bilinear.

        Args:
            points: (y, x) in cells, inside of the field, [2, n].
            channels: [m, n].

        Returns:
            [m, n]
        """
        _, width, depth = self.stored.shape
        low = points.astype(np.int64)  # they are not negative: the floor
        above = points - low
        shares = np.array([1 - above, above])
        weights = (shares[:, None, 0] * shares[None, :, 1]).reshape(4, 1, -1)
        corners = np.array([0, 1, width, width + 1])[:, None, None] * depth
        places = (low[0] * width + low[1]) * depth + channels + corners
        values = self.stored.take(places, mode="clip")  # what lies beyond the last row or column has weight 0
        mixed: Floats = np.add.reduce(values * weights)
        return (mixed - self.zero) * self.scale

    def offsets(self) -> Floats:
        """All of them, from the middles of cells: [2 (y, x), cells, keypoints]."""
        height, width, depth = self.stored.shape
        offsets = (self.stored - np.float32(self.zero)) * np.float32(self.scale)
        return offsets.reshape(height * width, 2, depth // 2).transpose(1, 0, 2)

    def within(self, points: Floats) -> Floats:
        """Points (y, x) [2, n] that are not out of the field: those beyond its border, on it."""
        height, width, _ = self.stored.shape
        inside: Floats = np.minimum(np.maximum(points, 0), np.array([[height - 1], [width - 1]], points.dtype))
        return inside

    def step(self, points: Floats, channels: npt.NDArray[np.int64]) -> Floats:
        """Points moved by the offsets in two channels (y, x), and not out of the field."""
        return self.within(points + self.at(points, channels))

    def settle(self, points: Floats, kinds: npt.NDArray[np.int64], steps: int) -> Floats:
        """Points moved again and again by the offsets of their kinds of keypoints."""
        channels = np.array([kinds, kinds + KEYPOINTS])
        for _ in range(steps):
            points = self.step(points, channels)
        return points


@dataclass(frozen=True)
class People:
    """Those that were found, the surest first.

    Attributes:
        keypoints: (y, x) in cells, [n, 17, 2].
        keypoint_scores: Probabilities, [n, 17].
        scores: Of each person: the mean of the scores of the keypoints that no surer person has, [n].
    """

    keypoints: Floats
    keypoint_scores: Floats
    scores: Floats


def decode(heatmaps: Field, short: Field, mid: Field, options: Options) -> People:
    """Finds people.

    Args:
        heatmaps: Logits, [height, width, 17].
        short: Cells, [height, width, 2 * 17]: y of each keypoint, then x.
        mid: Cells, [height, width, 4 * 16]: y and x of each edge forwards, then y and x of each edge backwards.
        options: Thresholds; `nms_radius` is in pixels.
    """
    radius = options.nms_radius / options.stride
    kinds, roots = _roots(heatmaps, short, options.score_threshold)
    poses, scores = np.zeros((0, KEYPOINTS, 2)), np.zeros((0, KEYPOINTS))
    while len(kinds) and len(poses) < options.max_detections:
        some, kinds = np.split(kinds, [_BATCH])
        starts, roots = np.split(roots, [_BATCH])
        found, sure = _grow(some, starts, heatmaps, short, mid)
        chosen = _greedy(some, starts, found, sure.mean(axis=1) >= options.score_threshold, radius)
        poses, scores = np.concatenate([poses, found[chosen]]), np.concatenate([scores, sure[chosen]])
        fresh = ~_near(roots, poses[:, kinds], radius).any(axis=0)
        kinds, roots = kinds[fresh], roots[fresh]
    return _ranked(poses[: options.max_detections], scores[: options.max_detections], options.score_threshold, radius)


def masks(long: Field, people: People) -> npt.NDArray[np.bool_]:
    """Whose each cell is, if anybody's: [n, height, width], where each cell is of one of the n people.

    From each cell the long-range offsets lead to where its person's keypoints should be; it goes to the person whose
    keypoints are nearest to those.
    """
    height, width, _ = long.stored.shape
    count = len(people.scores)
    cells = np.indices((height, width), np.float32).reshape(2, -1, 1)
    kinds = np.tile(np.arange(KEYPOINTS), height * width)
    points = long.within((cells + long.offsets()).reshape(2, -1))
    points = long.settle(points, kinds, _LONG_STEPS)
    guesses = points.reshape(2, height * width, KEYPOINTS).transpose(1, 2, 0).reshape(height * width, -1)
    theirs = people.keypoints.reshape(count, -1)
    distances = (theirs**2).sum(axis=1) - 2 * guesses @ theirs.T  # less what is the same for all
    owner = distances.argmin(axis=1).reshape(height, width) if count else np.zeros((height, width))
    mine: npt.NDArray[np.bool_] = owner == np.arange(count)[:, None, None]
    return mine


def _roots(heatmaps: Field, short: Field, threshold: float) -> tuple[npt.NDArray[np.int64], Floats]:
    """Where heatmaps have local maxima: keypoint of each [n], refined point [n, 2]; the surest first."""
    stored = heatmaps.stored
    lowest = math.log(threshold / (1 - threshold)) if threshold else -math.inf
    enough = (stored - np.float32(heatmaps.zero)) * heatmaps.scale >= lowest
    y, x, kinds = (enough & (stored == _highest_around(stored))).nonzero()
    order = np.argsort(-stored[y, x, kinds].astype(np.float64), kind="stable")
    cells, kinds = np.array([y, x], np.float64)[:, order], kinds[order]
    return kinds, short.settle(cells, kinds, 1 + _SHORT_STEPS).T


def _highest_around(values: Array) -> Array:
    """The highest of each value and the eight around it: [height, width, channels]."""
    rows: Array = values.copy()
    np.maximum(rows[1:], values[:-1], out=rows[1:])
    np.maximum(rows[:-1], values[1:], out=rows[:-1])
    both: Array = rows.copy()
    np.maximum(both[:, 1:], rows[:, :-1], out=both[:, 1:])
    np.maximum(both[:, :-1], rows[:, 1:], out=both[:, :-1])
    return both


def _hops() -> tuple[npt.NDArray[np.int64], ...]:
    """For each root: the 16 edges away from it, nearest first, as (from, to, channel of y in the mid-range offsets)."""
    edges = len(TREE)
    ways = [(a, b, edge) for edge, (a, b) in enumerate(TREE)]
    ways += [(b, a, 2 * edges + edge) for edge, (a, b) in enumerate(TREE)]
    levels: list[list[tuple[int, int, int, int]]] = []
    for root in range(KEYPOINTS):
        seen, front, depth = {root}, {root}, 0
        while front:
            hops = [(a, b, channel) for a, b, channel in ways if a in front and b not in seen]
            front = {b for _, b, _ in hops}
            seen |= front
            levels.extend([[]] if depth == len(levels) else [])
            levels[depth] += [(root, *hop) for hop in hops]
            depth += 1
    return tuple(np.array(level) for level in levels if level)


_HOPS = _hops()


def _grow(
    kinds: npt.NDArray[np.int64], roots: Floats, heatmaps: Field, short: Field, mid: Field
) -> tuple[Floats, Floats]:
    """Follows the skeleton from each root on: keypoints [n, 17, 2], their scores [n, 17]."""
    count = len(kinds)
    points = np.zeros((2, count, KEYPOINTS))
    points[:, np.arange(count), kinds] = roots.T
    for level in _HOPS:
        who, which = (kinds[:, None] == level[:, 0]).nonzero()
        _, source, target, channel = level[which].T
        there = mid.step(points[:, who, source], np.array([channel, channel + len(TREE)]))
        points[:, who, target] = short.settle(there, target, _SHORT_STEPS)
    logits = heatmaps.at(points.reshape(2, -1), np.tile(np.arange(KEYPOINTS), count)[None])
    return points.transpose(1, 2, 0), (1 / (1 + np.exp(-logits))).reshape(count, KEYPOINTS)


def _greedy(
    kinds: npt.NDArray[np.int64], roots: Floats, poses: Floats, good: npt.NDArray[np.bool_], radius: float
) -> list[int]:
    """Which of the poses to keep: each that is good and whose root no pose kept before has as its own keypoint."""
    chosen = []
    alive = good.copy()
    while alive.any():
        best = int(alive.argmax())
        chosen.append(best)
        alive[best] = False
        alive &= ~_near(roots, poses[best, kinds], radius)
    return chosen


def _ranked(poses: Floats, scores: Floats, threshold: float, radius: float) -> People:
    """Scores without the keypoints that a surer person has, and only those people whose score is still enough."""
    order = np.argsort(-scores.mean(axis=1), kind="stable")
    poses, scores = poses[order], scores[order]
    same = _near(poses[:, None], poses[None], radius)
    taken = (same & np.tri(len(poses), k=-1, dtype=np.bool_)[..., None]).any(axis=1)
    whole = np.where(taken, 0.0, scores).mean(axis=1)
    order = np.argsort(-whole, kind="stable")
    order = order[whole[order] >= threshold]
    return People(poses[order], scores[order], whole[order])


def _near(a: Floats, b: Floats, radius: float) -> npt.NDArray[np.bool_]:
    near: npt.NDArray[np.bool_] = ((a - b) ** 2).sum(axis=-1) <= radius * radius
    return near


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
        people = decode(fields[0], fields[1], fields[2], self._options)
        values: list[Any] = [
            people.keypoints * self._options.stride,
            people.keypoint_scores,
            people.scores,
            len(people.scores),
        ]
        if len(fields) == 4 and 4 in self._writes:
            values.append(masks(fields[3], people))
        for output, at in zip(outputs, self._writes, strict=True):
            output[...] = 0
            if at == 3:
                output[...] = values[at]
            else:
                output[0, : len(people.scores)] = values[at]


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
    return float(quantization.scale[0]) / unit, zero


def _finite(values: Array) -> Array:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise InputError(
            f"the network before {OPERATOR} gives NaN or infinite values", "The model is broken, or its input is"
        )
    return values


def _broken(why: str) -> ModelFileError:
    return ModelFileError(f"operator {OPERATOR} is malformed: {why}", "Get the model file again, or export it again")
