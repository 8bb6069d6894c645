"""Pictures in, answers out."""

from littoral.vision.classify import Class, classify

__all__ = ["Class", "classify"]
