"""Pictures in, answers out."""

from littoral.vision.answers import Answer, answer
from littoral.vision.bodypix import Bodies, bodies
from littoral.vision.boxes import Box
from littoral.vision.classify import Class, classify
from littoral.vision.detect import Object, detect
from littoral.vision.draw import draw
from littoral.vision.pose import Keypoint, Pose, poses
from littoral.vision.segment import Segmentation, Share, segment
from littoral.vision.tasks import TASKS, task

__all__ = [
    "TASKS",
    "Answer",
    "Bodies",
    "Box",
    "Class",
    "Keypoint",
    "Object",
    "Pose",
    "Segmentation",
    "Share",
    "answer",
    "bodies",
    "classify",
    "detect",
    "draw",
    "poses",
    "segment",
    "task",
]
