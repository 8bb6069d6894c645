"""Boxes in a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """A rectangle with its sides along the axes, in pixels of a picture unless it says otherwise; y grows downwards.

    A box of a detector may reach over the edges of its picture.

    Attributes:
        left: Smallest x.
        top: Smallest y.
        right: Largest x.
        bottom: Largest y.
    """

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Negative where the box is not valid."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Negative where the box is not valid."""
        return self.bottom - self.top

    @property
    def area(self) -> float:
        """Width times height, whatever their signs."""
        return self.width * self.height

    @property
    def valid(self) -> bool:
        """Whether neither width nor height is negative."""
        return self.width >= 0 and self.height >= 0

    def scale(self, x: float, y: float) -> Box:
        """The box with its x coordinates times `x` and its y coordinates times `y`."""
        return Box(self.left * x, self.top * y, self.right * x, self.bottom * y)

    def translate(self, x: float, y: float) -> Box:
        """The box moved by `x` to the right and `y` down."""
        return Box(self.left + x, self.top + y, self.right + x, self.bottom + y)

    def map(self, function: Callable[[float], float]) -> Box:
        """The box with a function applied to each of the four, as in `box.map(int)`."""
        return Box(function(self.left), function(self.top), function(self.right), function(self.bottom))

    def intersect(self, other: Box) -> Box:
        """What lies in both; not valid where they do not touch."""
        left, top = max(self.left, other.left), max(self.top, other.top)
        return Box(left, top, min(self.right, other.right), min(self.bottom, other.bottom))

    def union(self, other: Box) -> Box:
        """The smallest box around both."""
        left, top = min(self.left, other.left), min(self.top, other.top)
        return Box(left, top, max(self.right, other.right), max(self.bottom, other.bottom))

    def iou(self, other: Box) -> float:
        """The area in both as a share of the area in either, 0 to 1; 0 where neither has an area.

        Both must be valid.
        """
        common = self.intersect(other)
        if not common.valid or not common.area:
            return 0.0
        return common.area / (self.area + other.area - common.area)
