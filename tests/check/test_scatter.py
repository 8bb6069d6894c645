from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from littoral.check.scatter import Point, scatter

FLOATS = st.floats(-1e9, 1e9)


def test_points_lie_where_they_belong() -> None:
    points = [Point(0, 0, "a"), Point(10, 1, "b"), Point(5, 0.5, "c")]
    assert scatter(points, ("0 B", "10 B"), ("0 %", "100 %"), width=11, height=3) == [
        "100 % ┤          b",
        "      ┤     c",
        "  0 % ┤a",
        "      └───────────",
        "       0 B    10 B",
    ]


def test_points_at_one_place_stand_side_by_side() -> None:
    lines = scatter([Point(1, 1, mark) for mark in "abc"] + [Point(1, 2, "d")], ("", ""), ("", ""), width=5, height=2)
    assert lines[0] == " ┤  d"
    assert lines[1] == " ┤  abc"


def test_at_the_right_edge_the_next_cell_to_the_left_is_taken() -> None:
    lines = scatter([Point(0, 0, "a"), Point(1, 0, "b"), Point(1, 0, "c")], ("", ""), ("", ""), width=4, height=2)
    assert lines[1] == " ┤a cb" or lines[0] == " ┤a cb"


@given(st.lists(st.tuples(FLOATS, FLOATS), min_size=1, max_size=8))
def test_every_point_is_drawn_within_the_frame(spots: list[tuple[float, float]]) -> None:
    marks = "abcdefgh"[: len(spots)]
    lines = scatter([Point(x, y, mark) for (x, y), mark in zip(spots, marks, strict=True)], ("", ""), ("", ""))
    assert len(lines) == 8 + 2
    assert all(len(line) <= 2 + 56 for line in lines)
    assert sorted(character for line in lines for character in line if character in marks) == sorted(marks)
