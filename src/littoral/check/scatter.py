"""A scatter plot of a handful of points in plain text, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    """One point: x grows to the right, y upwards; the mark is one character."""

    x: float
    y: float
    mark: str


def scatter(
    points: Sequence[Point], x_ends: tuple[str, str], y_ends: tuple[str, str], *, width: int = 56, height: int = 8
) -> list[str]:
    """The plot as lines of text; where points fall on one cell, the next free cell to the right takes the later ones.

    Args:
        points: At least one, all finite.
        x_ends: What to write at the left and the right end of the x axis.
        y_ends: What to write at the lower and the upper end of the y axis.
        width: Columns of the plot itself, without the axis.
        height: Lines of the plot itself; at least 2.
    """
    cells = [[" "] * width for _ in range(height)]
    xs, ys = [point.x for point in points], [point.y for point in points]
    for point in points:
        column = _place(point.x, min(xs), max(xs), width)
        row = cells[height - 1 - _place(point.y, min(ys), max(ys), height)]
        free = [c for c in (*range(column, width), *range(column - 1, -1, -1)) if row[c] == " "]
        if free:
            row[free[0]] = point.mark
    margin = max(map(len, y_ends))
    names = {0: y_ends[1], height - 1: y_ends[0]}
    lines = [f"{names.get(index, ''):>{margin}} ┤{''.join(row)}".rstrip() for index, row in enumerate(cells)]
    lines.append(f"{'':>{margin}} └{'─' * width}")
    lines.append(f"{'':>{margin}}  {x_ends[0]}{x_ends[1]:>{max(1, width - len(x_ends[0]))}}")
    return lines


def _place(value: float, low: float, high: float, cells: int) -> int:
    """The cell of a value between the ends; the middle one where they are the same."""
    return round((value - low) / (high - low) * (cells - 1)) if high > low else (cells - 1) // 2
