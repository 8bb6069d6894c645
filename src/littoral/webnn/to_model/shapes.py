"""Arithmetic on shapes and orders of axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

Shape: TypeAlias = tuple[int, ...]


def composed(first: Sequence[int], second: Sequence[int]) -> Shape:
    """The order of axes that two transposes after each other make."""
    return tuple(first[axis] for axis in second)


def swapped(order: Sequence[int]) -> Shape:
    """The order of axes that undoes a transpose."""
    return tuple(sorted(range(len(order)), key=order.__getitem__))


def moves_nothing(shape: Sequence[int], order: Sequence[int]) -> bool:
    """Whether a transpose leaves the elements where they are in memory: it moves axes of one element only."""
    moved = [axis for axis in order if shape[axis] != 1]
    return moved == sorted(moved)


def merged_axes(shapes: Sequence[Shape]) -> list[Shape]:
    """Shapes that broadcast, as shapes of as few axes as possible that broadcast to as many elements.

    Neighbouring axes become one where each shape has one element in both, or in none of them.
    """
    rank = max(map(len, shapes))
    full = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    groups: list[list[int]] = []
    last: list[bool] = []
    for sizes in zip(*full, strict=True):
        single = [size == 1 for size in sizes]
        if all(single):
            continue
        if single == last:
            groups[-1] = [size * more for size, more in zip(groups[-1], sizes, strict=True)]
        else:
            groups.append(list(sizes))
            last = single
    return [tuple(group[n] for group in groups) for n in range(len(shapes))]
