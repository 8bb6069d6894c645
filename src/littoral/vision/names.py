"""Names of classes, where there may be fewer than classes."""

from __future__ import annotations

from collections.abc import Sequence


def label_of(labels: Sequence[str], index: int) -> str:
    """The name of a class; empty where there is none."""
    return labels[index] if 0 <= index < len(labels) else ""
