"""Pictures in, answers out."""

from littoral.vision.answers import Answer, answer
from littoral.vision.boxes import Box
from littoral.vision.classify import Class, classify
from littoral.vision.detect import Object, detect
from littoral.vision.draw import draw
from littoral.vision.segment import Segmentation, Share, segment
from littoral.vision.tasks import TASKS, task

__all__ = [
    "TASKS",
    "Answer",
    "Box",
    "Class",
    "Object",
    "Segmentation",
    "Share",
    "answer",
    "classify",
    "detect",
    "draw",
    "segment",
    "task",
]
