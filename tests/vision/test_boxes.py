"""The arithmetic of boxes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from littoral.vision import Box

sides = st.integers(-50, 50)
lengths = st.integers(0, 60)
boxes = st.builds(lambda x, y, w, h: Box(x, y, x + w, y + h), sides, sides, lengths, lengths)


def pixels(box: Box) -> set[tuple[float, float]]:
    return {(x, y) for x in range(int(box.left), int(box.right)) for y in range(int(box.top), int(box.bottom))}


@given(boxes, boxes)
def test_intersection_is_what_both_have(a: Box, b: Box) -> None:
    common = a.intersect(b)
    assert (pixels(common) if common.valid else set()) == pixels(a) & pixels(b)
    assert common == b.intersect(a)


@given(boxes, boxes)
def test_union_is_the_smallest_around_both(a: Box, b: Box) -> None:
    both = a.union(b)
    assert both.intersect(a) == a
    assert both.intersect(b) == b
    for side in ("left", "top", "right", "bottom"):
        assert getattr(both, side) in (getattr(a, side), getattr(b, side))


@given(boxes, boxes)
def test_iou_counts_pixels(a: Box, b: Box) -> None:
    either = pixels(a) | pixels(b)
    assert a.iou(b) == (len(pixels(a) & pixels(b)) / len(either) if either else 0)
    assert a.iou(b) == b.iou(a)


@given(boxes)
def test_a_box_and_itself(box: Box) -> None:
    assert box.valid
    assert box.area == len(pixels(box))
    assert box.iou(box) == (1 if box.area else 0)


def test_scale_translate_and_map() -> None:
    box = Box(1, 2, 3, 5)
    assert (box.width, box.height, box.area) == (2, 3, 6)
    assert box.scale(2, 10) == Box(2, 20, 6, 50)
    assert box.translate(-1, 4) == Box(0, 6, 2, 9)
    assert Box(1.9, -0.5, 2.5, 7.2).map(int) == Box(1, 0, 2, 7)


@pytest.mark.parametrize("box", [Box(3, 0, 1, 5), Box(0, 3, 5, 1), Box(3, 3, 1, 1)])
def test_what_is_no_box(box: Box) -> None:
    assert not box.valid


def test_touching_boxes_have_nothing_in_common() -> None:
    assert Box(0, 0, 2, 2).iou(Box(2, 0, 4, 2)) == 0
    assert Box(0, 0, 2, 2).iou(Box(5, 5, 7, 7)) == 0
