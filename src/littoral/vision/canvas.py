"""What drawing on pictures takes: colours, text that stays readable, and room below for a legend."""

from __future__ import annotations

import colorsys
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from littoral.data import Picture, decode
from littoral.vision.boxes import Box

if TYPE_CHECKING:
    from PIL import Image, ImageFont

Colour: TypeAlias = tuple[int, int, int]
Point: TypeAlias = tuple[float, float]

SMALL = 320  # pixels: a picture whose longer side is shorter is drawn on a larger copy, or text would cover it
INK, PAPER = (24, 24, 27), (250, 250, 250)
_NARROW = 240  # pixels: the least width of a caption
_TURN = (5**0.5 - 1) / 2  # of the colour circle: multiples of the golden ratio stay far from each other


def colour_of(index: int) -> Colour:
    """The colour of a class: always the same, and far from those of the classes next to it."""
    value, saturation = ((0.95, 0.80), (0.80, 0.65), (1.0, 0.55))[index % 3]
    red, green, blue = colorsys.hsv_to_rgb((0.02 + index * _TURN) % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def ink_on(colour: Colour) -> Colour:
    """Dark or light, whichever can be read on a colour (by its luma, ITU-R 601-2)."""
    return INK if 299 * colour[0] + 587 * colour[1] + 114 * colour[2] > 140_000 else PAPER


def enlarged(picture: Picture) -> tuple[Image.Image, int]:
    """A picture to draw on, in RGB, and how many times larger it is: 1, or more where the picture is small.

    Raises:
        DataError: It cannot be read.
        ContractError: Its values are not pixels of 0..255.
    """
    from PIL import Image

    pixels = decode(picture)
    pixels = pixels if pixels.dtype == np.uint8 else np.rint(pixels).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    times = -(-SMALL // max(image.size))
    return (image.resize((image.width * times, image.height * times)) if times > 1 else image), times


@dataclass(frozen=True)
class Pen:
    """Draws on one image, in sizes that fit it.

    Attributes:
        image: What is drawn on.
        height: Of a line of text, in pixels.
    """

    image: Image.Image
    height: int

    @classmethod
    def on(cls, image: Image.Image) -> Pen:
        """A pen whose text is a fortieth of a square picture high, but never too small to read."""
        return cls(image, max(13, round((image.width * image.height) ** 0.5 / 40)))

    @property
    def line(self) -> int:
        """Width of lines in pixels."""
        return max(2, self.height // 6)

    @property
    def font(self) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
        """Pillow's own, so that pictures look the same everywhere."""
        from PIL import ImageFont

        return ImageFont.load_default(self.height)

    def fit(self, text: str, width: float) -> str:
        """A text in one line that is not wider than so many pixels: its end may be left out."""
        text = " ".join(text.split())
        if self.font.getlength(text) <= width:
            return text
        longer = bisect_right(range(len(text)), width, key=lambda length: self.font.getlength(text[:length] + "..."))
        return text[: longer - 1] + "..." if longer else ""

    def write(self, text: str, left: float, top: float, colour: Colour) -> None:
        """Text whose line begins there."""
        from PIL import ImageDraw

        ImageDraw.Draw(self.image).text((left, top), text, colour, self.font)

    def fill(self, box: Box, colour: Colour) -> None:
        """A filled rectangle."""
        from PIL import ImageDraw

        inner = box.map(round)
        if inner.width > 0 and inner.height > 0:
            ImageDraw.Draw(self.image).rectangle((inner.left, inner.top, inner.right - 1, inner.bottom - 1), colour)

    def stroke(self, start: Point, end: Point, colour: Colour) -> None:
        """A line with a dark seam, which shows on every ground."""
        from PIL import ImageDraw

        pen = ImageDraw.Draw(self.image)
        wide = max(3, self.height // 4)
        pen.line((start, end), INK, wide + 2 * max(1, wide // 5))
        pen.line((start, end), colour, wide)

    def dot(self, place: Point, colour: Colour) -> None:
        """A light dot with a rim."""
        from PIL import ImageDraw

        (x, y), radius = place, max(4, self.height / 4)
        ends = (x - radius, y - radius, x + radius, y + radius)
        ImageDraw.Draw(self.image).ellipse(ends, PAPER, colour, max(2, self.height // 10))

    def tags(self, wanted: Iterable[tuple[Box, str, Colour]]) -> None:
        """A text on its colour for each box: above it, else where it hides neither another text nor its own box."""
        taken: list[Box] = []
        frame = Box(0, 0, self.image.width, self.image.height)
        for box, text, colour in wanted:
            text = self.fit(text, frame.width - self.height)
            place = _free(box, self.font.getlength(text) + self.height * 0.6, self.height * 1.3, frame, taken)
            taken.append(place)
            self.fill(place, colour)
            self.write(text, place.left + self.height * 0.3, place.top + self.height * 0.05, ink_on(colour))


def _free(box: Box, width: float, height: float, frame: Box, taken: Sequence[Box]) -> Box:
    """Room for a text at a box: the first of some places that lies in the frame and is not taken, else the first."""
    corners = [
        (x, y)
        for y in (box.top - height, box.top, box.bottom, box.bottom - height)
        for x in (box.left, box.right - width)
    ]
    places = [
        Box(x, y, x + width, y + height)
        for x, y in ((_inside(x, width, frame.right), _inside(y, height, frame.bottom)) for x, y in corners)
    ]
    clear = (place for place in places if not any(_overlap(place, other) for other in taken))
    return next(clear, places[0])


def _inside(start: float, length: float, end: float) -> float:
    return max(0.0, min(start, end - length))


def _overlap(a: Box, b: Box) -> bool:
    common = a.intersect(b)
    return common.width > 0 and common.height > 0


def below(image: Image.Image, height: int) -> Image.Image:
    """The image on paper, with so many pixels of room below it."""
    from PIL import Image

    sheet = Image.new("RGB", (max(image.width, _NARROW), image.height + height), PAPER)
    sheet.paste(image)
    return sheet
