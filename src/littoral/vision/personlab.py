"""People out of fields of numbers, as PoseNet and BodyPix give them.

The network divides the picture into cells and gives for each cell and keypoint a score (a logit), the short-range
offset to the keypoint nearby, for each edge of the skeleton the mid-range offset from one end to the other, and in
BodyPix the long-range offset from anywhere in a person to the keypoint. A person is found from their surest keypoint
on, edge by edge; a keypoint found twice belongs to the surer person. Source: Papandreou et al., "PersonLab", 2018.

Points are (y, x) in cells. Coral's decoder refines all points of a person but the first, which then lies up to a few
pixels beside where it would lie if the person had been found from elsewhere on. Here the first is refined too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from littoral.vision.skeleton import NAMES, TREE

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.floating[Any]]

KEYPOINTS = len(NAMES)
_SHORT_STEPS = 5  # times that a point is refined by short-range offsets; as often as Coral's decoder does
_LONG_STEPS = 2  # the same by long-range offsets
_BATCH = 64  # roots that are followed at once: numpy takes little longer for 64 than for one


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
        above, whole = np.modf(points)
        low = whole.astype(np.int64)
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
        pairs: Floats = offsets.reshape(height * width, 2, depth // 2).transpose(1, 0, 2)
        return pairs

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


def decode(heatmaps: Field, short: Field, mid: Field, most: int, threshold: float, radius: float) -> People:
    """Finds people.

    Args:
        heatmaps: Logits, [height, width, 17].
        short: Cells, [height, width, 2 * 17]: y of each keypoint, then x.
        mid: Cells, [height, width, 4 * 16]: y of each edge forwards, then x, then both of each edge backwards.
        most: How many people.
        threshold: The smallest score, 0 up to 1, of a keypoint that a person is found from, and of a person.
        radius: Cells within which two keypoints of a kind are one.
    """
    kinds, roots = _roots(heatmaps, short, threshold)
    poses, scores = np.zeros((0, KEYPOINTS, 2)), np.zeros((0, KEYPOINTS))
    while len(kinds) and len(poses) < most:
        some, kinds = np.split(kinds, [_BATCH])
        starts, roots = np.split(roots, [_BATCH])
        found, sure = _grow(some, starts, heatmaps, short, mid)
        chosen = _greedy(some, starts, found, sure.mean(axis=1) >= threshold, radius)
        poses, scores = np.concatenate([poses, found[chosen]]), np.concatenate([scores, sure[chosen]])
        fresh = ~_near(roots, poses[:, kinds], radius).any(axis=0)
        kinds, roots = kinds[fresh], roots[fresh]
    return _ranked(poses[:most], scores[:most], threshold, radius)


def masks(long: Field, people: People) -> npt.NDArray[np.bool_]:
    """Whose each cell is, if anybody's: [n, height, width], where each cell is of one of the n people.

    From each cell the long-range offsets lead to where its person's keypoints should be; it goes to the person whose
    keypoints are nearest to those.
    """
    height, width, _ = long.stored.shape
    count = len(people.scores)
    if not count:
        return np.zeros((0, height, width), np.bool_)
    cells = np.indices((height, width), np.float32).reshape(2, -1, 1)
    kinds = np.tile(np.arange(KEYPOINTS), height * width)
    points = long.within((cells + long.offsets()).reshape(2, -1))
    points = long.settle(points, kinds, _LONG_STEPS)
    guesses = points.reshape(2, height * width, KEYPOINTS).transpose(1, 2, 0).reshape(height * width, -1)
    theirs = people.keypoints.reshape(count, -1)
    distances = (theirs**2).sum(axis=1) - 2 * guesses @ theirs.T  # less what is the same for all
    owner = distances.argmin(axis=1).reshape(height, width)
    mine: npt.NDArray[np.bool_] = owner == np.arange(count)[:, None, None]
    return mine


def sigmoid(logits: Floats) -> Floats:
    """Probabilities of logits of any size."""
    return (1 + np.tanh(logits / 2)) / 2


def _roots(heatmaps: Field, short: Field, threshold: float) -> tuple[npt.NDArray[np.int64], Floats]:
    """Where heatmaps have local maxima: keypoint of each [n], refined point [n, 2]; the surest first."""
    stored = heatmaps.stored
    with np.errstate(divide="ignore"):
        lowest = np.log(threshold) - np.log1p(-threshold)  # minus infinity for 0
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
    return points.transpose(1, 2, 0), sigmoid(logits).reshape(count, KEYPOINTS)


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
