"""Answers on their pictures: what is painted where, that text stays in the picture, and that it is always the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.vision.made import Array

from littoral.errors import DataError, InputError
from littoral.vision import Answer, Box, Class, Keypoint, Object, Pose, Segmentation, draw
from littoral.vision.canvas import INK, PAPER, Pen, colour_of, ink_on
from littoral.vision.skeleton import NAMES

GRAY = np.full((300, 400, 3), 128, np.uint8)


def drawn(answer: Answer, picture: Array = GRAY) -> Array:
    return np.asarray(draw(picture, answer)).astype(int)


def near(pixels: Array, colour: tuple[int, int, int]) -> Array:
    """Which pixels have that colour."""
    same: Array = np.all(pixels == np.array(colour), axis=2)
    return same


def test_a_box_is_outlined_where_it_is() -> None:
    found = drawn([Object(7, "cat", 0.9, Box(100.4, 120.2, 200, 220))])
    painted = near(found, colour_of(7))
    assert painted[219, 100:200].all()
    assert painted[120:220, 100].all()
    assert painted[120:220, 199].all()
    assert (found[130:210, 110:190] == 128).all()
    assert not painted[221:].any()
    outside = found.copy()
    outside[95:225, 95:205] = 128
    assert (outside == 128).all()  # the label lies right above the box


def test_labels_stay_in_the_picture_and_apart() -> None:
    corner = Object(1, "", 0.5, Box(350, -20, 460, 60))
    assert near(drawn([corner]), colour_of(1)).sum() > 350
    same = [Object(index, "a thing", 0.9, Box(50, 50, 350, 250)) for index in range(4)]
    found = drawn([Object(o.index, o.label, o.score, o.box) for o in same])
    for thing in same:  # each label is seen: more of its colour than letters hide
        assert near(found, colour_of(thing.index)).sum() > 500


def test_what_lies_outside_is_not_drawn() -> None:
    for box in (Box(500, 10, 600, 20), Box(-50, -50, -10, -10), Box(50, 50, 40, 60)):
        assert (drawn([Object(0, "far", 0.9, box)]) == 128).all()
    assert (drawn([]) == 128).all()


def test_classes_stand_below_the_picture() -> None:
    found = drawn([Class(0, "a parrot\nwith a very long name " * 9, 0.75), Class(1, "", 0.25)])
    assert (found[:300] == 128).all()
    assert found.shape[0] > 300 + 2 * 13
    assert near(found[300:], INK).sum() > 50
    widths = [int(near(row[None], (191, 219, 254)).sum()) for row in found[300:]]
    assert 200 < max(widths) <= 301  # the bar of 0.75, with text on it
    logits = drawn([Class(0, "a", 7.5), Class(1, "b", -2.0)])
    assert not near(logits, (191, 219, 254)).any()


def test_a_mask_is_transparent_and_has_a_legend() -> None:
    classes = np.zeros((300, 400), np.int32)
    classes[100:200, 100:300] = 3
    for labels in ((), ("background", "a", "b", "c")):
        found = drawn(Segmentation(classes, labels))
        assert (found[:95] == 128).all()
        inside = np.rint(np.array([128] * 3) * 0.45 + np.array(colour_of(3)) * 0.55)
        assert np.abs(found[150, 200] - inside).max() <= 1
        assert near(found[:300], colour_of(3))[100, 100:300].all()
        assert near(found[300:], colour_of(3)).sum() > 100
    named = drawn(Segmentation(classes, ("road", "a", "b", "c")))
    assert (named[0, 0] != 128).any()  # a first class that is no background is painted


def test_a_mask_of_nothing_is_the_picture() -> None:
    assert (drawn(Segmentation(np.zeros((300, 400), np.int32))) == 128).all()


def test_a_skeleton_shows_what_is_sure() -> None:
    points = [
        Keypoint(name, 50.0 + 10 * i, 100.0 + 5 * i, 0.9 if "left" in name else 0.1) for i, name in enumerate(NAMES)
    ]
    found = drawn([Pose(0.8, tuple(points))])
    assert tuple(found[int(points[5].y), int(points[5].x)]) == PAPER  # the left shoulder
    assert (found[int(points[6].y), int(points[6].x)] != PAPER).any()  # the right one is only guessed
    middle = (points[5].x + points[7].x) / 2, (points[5].y + points[7].y) / 2
    assert tuple(found[int(middle[1]), int(middle[0])]) == colour_of(0)
    assert (drawn([Pose(0.1, tuple(Keypoint(name, 50, 50, 0.1) for name in NAMES))]) == 128).all()


def test_small_pictures_are_enlarged_and_others_keep_their_size() -> None:
    things: Answer = [Object(0, "dot", 0.9, Box(2, 2, 5, 5))]
    assert draw(np.zeros((28, 28, 3), np.uint8), things).size == (336, 336)
    assert draw(np.zeros((240, 320, 3), np.uint8), things).size == (320, 240)
    mask = Segmentation(np.ones((20, 10), np.int32))
    assert draw(np.zeros((20, 10, 3), np.uint8), mask).width == 240  # the legend needs room
    found = drawn(things, np.full((40, 40, 3), 128, np.uint8))
    assert near(found, colour_of(0))[39, 16:40].all()  # the box times 8


def test_pictures_of_every_kind(tmp_path: Path) -> None:
    things: Answer = [Object(0, "x", 0.9, Box(10, 10, 50, 50))]
    for mode in ("L", "LA", "RGBA", "P", "1", "CMYK"):
        Image.new(mode, (400, 300)).save(file := tmp_path / f"{mode}.tiff")
        assert draw(file, things).mode == "RGB"
    floats = np.full((300, 400), 127.6)
    assert (np.asarray(draw(floats, [])) == 128).all()
    with pytest.raises(DataError, match=r"absent\.png cannot be read"):
        draw(tmp_path / "absent.png", things)
    with pytest.raises(DataError, match="values of 0 to 4000"):
        draw(np.arange(4001).reshape(1, 4001), things)


def test_a_mask_of_another_picture() -> None:
    with pytest.raises(InputError, match=r"of 40 x 30 pixels, the picture has 400 x 300"):
        draw(GRAY, Segmentation(np.zeros((30, 40), np.int32)))


def test_drawing_again_gives_the_same_and_leaves_the_picture() -> None:
    picture = GRAY.copy()
    things: Answer = [Object(i, str(i), 0.9, Box(20 * i, 30, 20 * i + 60, 90)) for i in range(5)]
    assert (drawn(things, picture) == drawn(things, picture)).all()
    assert (picture == GRAY).all()
    image = Image.fromarray(GRAY)
    draw(image, things)
    assert (np.asarray(image) == GRAY).all()


def test_neighbouring_classes_have_colours_apart() -> None:
    colours = np.array([colour_of(index) for index in range(100)], float)
    apart = np.linalg.norm(colours[:, None] - colours[None, :], axis=2)
    neighbours = [apart[i, i + step] for i in range(90) for step in (1, 2, 3)]
    assert min(neighbours) > 60
    assert len({tuple(colour) for colour in colours.tolist()}) == 100


def test_ink_can_be_read_on_every_colour() -> None:
    assert (ink_on((255, 255, 255)), ink_on((0, 0, 0))) == (INK, PAPER)
    for index in range(100):
        colour, ink = np.array(colour_of(index)), np.array(ink_on(colour_of(index)))
        assert abs(float((colour - ink) @ [0.299, 0.587, 0.114])) > 75


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=200), st.integers(0, 400))
def test_fitted_text_fits(text: str, width: int) -> None:
    pen = Pen(Image.new("RGB", (10, 10)), 13)
    fitted = pen.fit(text, width)
    assert pen.font.getlength(fitted) <= width
    assert "\n" not in fitted


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.lists(st.tuples(*[st.floats(-1e6, 1e6)] * 4), max_size=4),
    st.text(max_size=9),
)
def test_any_boxes_on_any_picture(width: int, height: int, boxes: list[tuple[float, ...]], label: str) -> None:
    things: Answer = [Object(i, label, 0.5, Box(*sides)) for i, sides in enumerate(boxes)]
    times = -(-320 // max(width, height))
    assert draw(np.zeros((height, width, 3), np.uint8), things).size == (width * times, height * times)
