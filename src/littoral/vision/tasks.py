"""Which task a model is for."""

from __future__ import annotations

from littoral.errors import InputError
from littoral.runtime import Model
from littoral.vision.detect import roles
from littoral.vision.pose import finds_poses
from littoral.vision.segment import is_map

TASKS = ("classify", "detect", "segment", "pose")


def task(model: Model) -> str:
    """What a model is for, by its outputs: poses, a detector's four, or one of class scores or of a map.

    Raises:
        InputError: Its outputs fit none of these. `answer` can be told the task.
    """
    if finds_poses(model):
        return "pose"
    if roles(model):
        return "detect"
    if len(model.outputs) == 1:
        shape = model.outputs[0].shape
        if shape and all(side in (1, -1) for side in shape[:-1]) and shape[-1] > 1:
            return "classify"
        if is_map(shape):
            return "segment"
    gives = ", ".join(map(str, model.outputs))
    remedy = f"Give the task: {', '.join(TASKS)}"
    raise InputError(f"the model gives {gives}, which does not tell what it is for", remedy)
