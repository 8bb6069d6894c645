"""Names of classes, of which there may be fewer than classes."""

from __future__ import annotations

from collections.abc import Sequence


def label_of(labels: Sequence[str], index: int) -> str:
    """The name of a class; empty where there is none."""
    return labels[index] if 0 <= index < len(labels) else ""


def shown(label: str, index: int) -> str:
    """What a person is shown for a class: its name, or its number where it has none."""
    return label or f"class {index}"
