"""Answers drawn on their picture: captions, boxes, masks and skeletons."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from littoral.data import Picture
from littoral.errors import InputError
from littoral.vision.boxes import Box
from littoral.vision.canvas import INK, Colour, Pen, below, colour_of, enlarged
from littoral.vision.classify import Class
from littoral.vision.detect import Object
from littoral.vision.names import shown
from littoral.vision.pose import Pose
from littoral.vision.segment import Segmentation, Share
from littoral.vision.skeleton import EDGES

if TYPE_CHECKING:
    from PIL import Image

    from littoral.vision.answers import Answer

_OPACITY = 0.55  # of a mask
_SURE = 0.2  # the least score of a keypoint that is drawn
_BAR = (191, 219, 254)


def draw(picture: Picture, answer: Answer) -> Image.Image:
    """An answer drawn on its picture, the same at every call.

    Classes stand below the picture, boxes and skeletons on it, masks on it with a legend below. A small picture is
    enlarged, so that text does not cover it; nothing else changes its size but what is put below.

    Args:
        picture: What the answer is of: a file, a Pillow image, or an array of pixels in 0..255.
        answer: What `answer`, `classify`, `detect`, `segment` or `poses` gave for it.

    Returns:
        An RGB image.

    Raises:
        DataError: The picture cannot be read.
        InputError: The answer is of a picture of another size.
    """
    image, times = enlarged(picture)
    if isinstance(answer, Segmentation):
        return _masked(image, answer, times)
    if classes := [found for found in answer if isinstance(found, Class)]:
        return _captioned(image, classes)
    _objects(image, [found for found in answer if isinstance(found, Object)], times)
    _skeletons(image, [found for found in answer if isinstance(found, Pose)], times)
    return image


def _captioned(image: Image.Image, classes: Sequence[Class]) -> Image.Image:
    """A line below the picture for each class, with a bar as long as its score where scores are shares."""
    pen = Pen.on(image)
    step = round(pen.height * 1.5)
    sheet = below(image, step * len(classes) + step // 3)
    pen, top = Pen(sheet, pen.height), image.height + step // 6
    bars = all(0 <= found.score <= 1 for found in classes)
    for found in classes:
        score = f"{found.score:.3f}"
        room = sheet.width - pen.font.getlength(score) - pen.height * 1.5
        if bars:
            pen.fill(Box(0, top + 1, found.score * sheet.width, top + step - 1), _BAR)
        pen.write(pen.fit(shown(found.label, found.index), room), pen.height / 2, top + step * 0.1, INK)
        pen.write(score, room + pen.height, top + step * 0.1, INK)
        top += step
    return sheet


def _objects(image: Image.Image, objects: Sequence[Object], times: int) -> None:
    pen = Pen.on(image)
    frame = Box(0, 0, image.width, image.height)
    seen = [(found, found.box.scale(times, times).intersect(frame)) for found in objects]
    seen = [(found, box) for found, box in seen if box.valid]
    for found, box in reversed(seen):  # the surest on top
        _outline(pen, box, colour_of(found.index))
    pen.tags((box, f"{shown(o.label, o.index)} {o.score:.2f}", colour_of(o.index)) for o, box in seen)


def _outline(pen: Pen, box: Box, colour: Colour) -> None:
    """The sides of a box, inside it."""
    left, top, right, bottom, wide = box.left, box.top, box.right, box.bottom, pen.line
    for side in (
        Box(left, top, right, top + wide),
        Box(left, bottom - wide, right, bottom),
        Box(left, top, left + wide, bottom),
        Box(right - wide, top, right, bottom),
    ):
        pen.fill(side.intersect(box), colour)


def _skeletons(image: Image.Image, poses: Sequence[Pose], times: int) -> None:
    """Limbs and joints, each person in a colour of their own; what the model only guesses is left out."""
    pen = Pen.on(image)
    for number, pose in reversed(list(enumerate(poses))):  # the surest on top
        colour = colour_of(number)
        places = [(point.x * times, point.y * times) for point in pose.keypoints]
        sure = [point.score >= _SURE for point in pose.keypoints]
        for start, end in EDGES:
            if sure[start] and sure[end]:
                pen.stroke(places[start], places[end], colour)
        for place in itertools.compress(places, sure):
            pen.dot(place, colour)


def _masked(image: Image.Image, answer: Segmentation, times: int) -> Image.Image:
    from PIL import Image

    height, width = answer.classes.shape
    if (width * times, height * times) != image.size:
        size = f"{image.width // times} x {image.height // times}"
        raise InputError(f"the segmentation is of {width} x {height} pixels, the picture has {size}", "Give its own")
    painted = [share for share in answer.shares if not _is_background(share, answer)]
    classes = answer.classes.repeat(times, axis=0).repeat(times, axis=1)
    colours = np.zeros((int(classes.max()) + 1, 3), np.float32)
    opacities = np.zeros((len(colours), 1), np.float32)
    for share in painted:
        colours[share.index], opacities[share.index] = colour_of(share.index), _OPACITY
    opacity = opacities.take(classes, axis=0)
    opacity[_edges(classes, max(1, Pen.on(image).line // 2)) & (opacity[..., 0] > 0)] = 1
    pixels = np.asarray(image, np.float32)
    pixels = pixels + (colours.take(classes, axis=0) - pixels) * opacity
    return _legend(Image.fromarray(np.rint(pixels).astype(np.uint8)), painted)


def _is_background(share: Share, answer: Segmentation) -> bool:
    """Whether a class is left as it is: the one called so; without any names the first, which it mostly is."""
    return share.label.lower() == "background" if answer.labels else share.index == 0


def _edges(classes: npt.NDArray[np.int32], wide: int) -> npt.NDArray[np.bool_]:
    """The pixels that have another class so many pixels further up, down, left or right."""
    edges = np.zeros(classes.shape, np.bool_)
    rows, columns = classes[:-wide] != classes[wide:], classes[:, :-wide] != classes[:, wide:]
    for side, differs in (
        (edges[:-wide], rows),
        (edges[wide:], rows),
        (edges[:, :-wide], columns),
        (edges[:, wide:], columns),
    ):
        side |= differs
    return edges


def _legend(image: Image.Image, shares: Sequence[Share]) -> Image.Image:
    """Colour, name and share of each class, in as many lines below the picture as it takes."""
    if not shares:
        return image
    pen = Pen.on(image)
    step, wide = round(pen.height * 1.5), max(image.width, below(image, 0).width)
    places: list[tuple[float, int, str, Share]] = []
    left, line = step / 3, 0
    for share in shares:
        text = pen.fit(f"{shown(share.label, share.index)} {share.share:.1%}", wide - 2 * step)
        length = pen.font.getlength(text) + 2 * step
        if left > step and left + length - step / 2 > wide:
            left, line = step / 3, line + 1
        places.append((left, line, text, share))
        left += length
    sheet = below(image, step * (line + 1) + step // 3)
    pen = Pen(sheet, pen.height)
    for left, line, text, share in places:
        top = image.height + step // 6 + line * step
        pen.fill(Box(left, top + step * 0.15, left + step * 0.7, top + step * 0.85), colour_of(share.index))
        pen.write(text, left + step, top + step * 0.1, INK)
    return sheet
