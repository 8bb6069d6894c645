"""Pictures in, answers out."""

from littoral.vision.boxes import Box
from littoral.vision.classify import Class, classify
from littoral.vision.detect import Object, detect

__all__ = ["Box", "Class", "Object", "classify", "detect"]
