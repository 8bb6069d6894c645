"""Where people's joints are in a picture, by MoveNet, PoseNet and BodyPix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from littoral.data import Picture
from littoral.errors import InputError
from littoral.runtime import Model
from littoral.runtime.tensors import Array
from littoral.vision.look import Seen, look
from littoral.vision.posenet import OPERATOR
from littoral.vision.skeleton import NAMES

_SINGLE = (1, 1, len(NAMES), 3)  # MoveNet's output: y, x as shares of the input, score


@dataclass(frozen=True)
class Keypoint:
    """One joint, eye, ear or nose.

    Attributes:
        name: One of `littoral.vision.skeleton.NAMES`. Left and right are the person's own.
        x: Pixels of the picture from the left; it may lie a little outside.
        y: Pixels of the picture from the top.
        score: How sure the model is, 0 to 1; what is hidden is guessed, with a low score.
    """

    name: str
    x: float
    y: float
    score: float


@dataclass(frozen=True)
class Pose:
    """One person.

    Attributes:
        score: PoseNet's and BodyPix's own, else the mean of the keypoints' scores.
        keypoints: All 17, in the order of `littoral.vision.skeleton.NAMES`, also those with low scores.
    """

    score: float
    keypoints: tuple[Keypoint, ...]


def poses(model: Model, picture: Picture, threshold: float = 0.2, top_k: int | None = None) -> list[Pose]:
    """The people in a picture, the surest first.

    Args:
        model: MoveNet (single pose: [1, 1, 17, 3]), or PoseNet or BodyPix with their decoder.
        picture: A file, a Pillow image, or an array of pixels in 0..255.
        threshold: The smallest score of a person that counts. PoseNet's decoder has another in the model file, 0.2 in
            Coral's.
        top_k: How many at most; None for all.

    Raises:
        DataError: The picture cannot be read.
        ContractError: The model does not take one picture.
        InputError: The model gives no poses, or NaN.
    """
    if not finds_poses(model):
        gives = ", ".join(map(str, model.outputs))
        accepted = f"Accepted: {list(_SINGLE)} of MoveNet, or the outputs of {OPERATOR} of PoseNet and BodyPix"
        raise InputError(f"the model gives {gives}, which are no poses", accepted)
    seen = look(model, picture)
    names = decoded(model)
    found = read_decoded(seen, names) if names else _read_single(seen, model.outputs[0].name)
    return [pose for pose in found if pose.score >= threshold][:top_k]


def finds_poses(model: Model) -> bool:
    """Whether `poses` reads what a model gives."""
    return bool(decoded(model)) or [info.shape for info in model.outputs] == [_SINGLE]


def decoded(model: Model) -> tuple[str, ...]:
    """Names of the outputs that PoseNet's decoder makes, in its order; none where the model does not have it all.

    They are keypoints, their scores, people's scores, how many people there are, and in BodyPix whose each cell is.
    """
    names = {info.index: info.name for info in model.outputs}
    for operator in model.graph.main.operators:
        if operator.name == OPERATOR and all(index in names for index in operator.outputs):
            return tuple(names[index] for index in operator.outputs)
    return ()


def read_decoded(seen: Seen, names: tuple[str, ...]) -> list[Pose]:
    """The people in those outputs."""
    points, scores, sure, count = (seen.outputs[name] for name in names[:4])
    some = slice(int(count[0]))
    return [
        _pose(seen, x=each[:, 1], y=each[:, 0], scores=its, score=float(total))
        for each, its, total in zip(points[0, some], scores[0, some], sure[0, some], strict=True)
    ]


def _read_single(seen: Seen, name: str) -> list[Pose]:
    y, x, scores = seen.outputs[name][0, 0].T
    width, height = seen.contract.width, seen.contract.height
    return [_pose(seen, x=x * width, y=y * height, scores=scores, score=float(scores.mean(dtype=np.float64)))]


def _pose(seen: Seen, x: Array, y: Array, scores: Array, score: float) -> Pose:
    """A person of keypoints in pixels of the input."""
    x, y = seen.to_picture(x.astype(np.float64), y.astype(np.float64))
    return Pose(score, tuple(map(Keypoint, NAMES, x.tolist(), y.tolist(), scores.tolist())))
