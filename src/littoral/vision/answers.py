"""The answer of a model to a picture, whatever it is for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from littoral.data import Picture
from littoral.errors import InputError
from littoral.runtime import Model
from littoral.vision import tasks
from littoral.vision.bodypix import bodies
from littoral.vision.classify import Class, classify
from littoral.vision.detect import Object, detect
from littoral.vision.pose import Pose, decoded, poses
from littoral.vision.segment import Segmentation, segment

Answer: TypeAlias = "list[Class] | list[Object] | list[Pose] | Segmentation"


def answer(
    model: Model,
    picture: Picture,
    task: str | None = None,
    *,
    threshold: float | None = None,
    top_k: int | None = None,
    labels: Sequence[str] | None = None,
) -> Answer:
    """The answer of a model to a picture: `classify`, `detect`, `segment` or `poses`, whichever it is for.

    Args:
        model: A model.
        picture: A file, a Pillow image, or an array of pixels in 0..255.
        task: What it is for; found out by its outputs when it is not said. BodyPix is for "pose", but takes "segment"
            too, and then each person is a class.
        threshold: The smallest score that counts; each task's own when it is not said. Classes and masks have none.
        top_k: How many answers at most; five classes, and everything found, when it is not said. Masks have none.
        labels: Names of the classes, in place of the contract's.

    Raises:
        DataError: The picture cannot be read.
        ContractError: The model does not take one picture.
        InputError: There is no such task, or the model's outputs are not those of the task.
    """
    wanted = task or tasks.task(model)
    if wanted == "classify":
        return classify(model, picture, 5 if top_k is None else top_k, labels)
    if wanted == "detect":
        return detect(model, picture, 0.5 if threshold is None else threshold, top_k, labels)
    if wanted == "segment":
        return bodies(model, picture).people if decoded(model) else segment(model, picture, labels)
    if wanted == "pose":
        return poses(model, picture, 0.2 if threshold is None else threshold, top_k)
    raise InputError(f"there is no task {wanted!r}", f"Accepted: {', '.join(tasks.TASKS)}")
