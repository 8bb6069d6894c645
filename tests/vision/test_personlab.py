"""People out of fields: those that were put in, and those that a step-by-step reading of the method finds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.vision.people import Array, scene

from littoral.vision.personlab import KEYPOINTS, Field, People, decode, masks, sigmoid
from littoral.vision.skeleton import TREE

HEIGHT, WIDTH = 23, 31
RADIUS = 10 / 16


def standing(seeds: list[int], apart: float = 4.0) -> Array:
    """People at random places, anywhere up to the borders, of whom no two have a keypoint near each other's."""
    people: list[Array] = []
    for seed in seeds:
        person = np.random.default_rng(seed).uniform((0, 0), (HEIGHT - 1, WIDTH - 1), (KEYPOINTS, 2))
        if all((((person - other) ** 2).sum(axis=1) > apart**2).all() for other in people):
            people.append(person)
    return np.array(people).reshape(-1, KEYPOINTS, 2)


@given(st.lists(st.integers(0, 10_000), max_size=6))
def test_people_are_found_where_they_are(seeds: list[int]) -> None:
    people = standing(seeds)
    fields = scene(people, HEIGHT, WIDTH)
    found = decode(fields.heatmaps, fields.short, fields.mid, 20, 0.2, RADIUS)
    assert len(found.scores) == len(people)
    assert (np.diff(found.scores) <= 0).all()
    assert ((found.keypoint_scores > 0.99) & (found.keypoint_scores <= 1)).all()
    for person in people:
        assert np.abs(found.keypoints - person).max(axis=(1, 2)).min() < 1e-9


@pytest.mark.parametrize("corner", [(0.0, 0.0), (0.0, WIDTH - 1.0), (HEIGHT - 1.0, 0.0), (HEIGHT - 1.0, WIDTH - 1.0)])
def test_a_person_in_a_corner(corner: tuple[float, float]) -> None:
    person = np.full((1, KEYPOINTS, 2), corner)
    fields = scene(person, HEIGHT, WIDTH)
    found = decode(fields.heatmaps, fields.short, fields.mid, 20, 0.2, RADIUS)
    np.testing.assert_allclose(found.keypoints, person, atol=1e-12)


def test_nobody() -> None:
    fields = scene(standing([]), HEIGHT, WIDTH)
    found = decode(fields.heatmaps, fields.short, fields.mid, 20, 0.2, RADIUS)
    assert found.keypoints.shape == (0, KEYPOINTS, 2)
    assert masks(fields.long, found).shape == (0, HEIGHT, WIDTH)


def test_no_more_than_asked_for() -> None:
    fields = scene(standing([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], apart=2.5), HEIGHT, WIDTH)
    everybody = decode(fields.heatmaps, fields.short, fields.mid, 20, 0.2, RADIUS)
    assert len(everybody.scores) >= 3
    assert len(decode(fields.heatmaps, fields.short, fields.mid, 2, 0.2, RADIUS).scores) == 2


@pytest.mark.parametrize(("threshold", "count"), [(0.0, 20), (0.2, 20), (1.0, 0)])
def test_a_field_without_any_difference(threshold: float, count: int) -> None:
    field = np.full((HEIGHT, WIDTH, 1), 200, np.uint8)
    heatmaps = Field(field.repeat(KEYPOINTS, axis=2), 0.1, 180)
    short, mid = (Field(np.zeros((HEIGHT, WIDTH, depth))) for depth in (2 * KEYPOINTS, 4 * len(TREE)))
    assert len(decode(heatmaps, short, mid, 20, threshold, RADIUS).scores) == count


def test_a_keypoint_that_two_people_have_counts_for_the_surer() -> None:
    fields = scene(standing([3]), HEIGHT, WIDTH)
    other = np.full((HEIGHT, WIDTH, KEYPOINTS), -6.0)
    other[0, 0, 5] = 2.0  # a second left shoulder, whose edges all lead into the person
    heatmaps = Field(np.maximum(fields.heatmaps.stored, other))
    short = fields.short.stored.copy()
    short[0, 0, [5, 5 + KEYPOINTS]] = 0
    for y in range(2):
        for x in range(2):
            short[y, x, [5, 5 + KEYPOINTS]] = -y, -x
    found = decode(heatmaps, Field(short), fields.mid, 20, 0.0, RADIUS)
    second = found.scores.tolist()[1]
    assert second == pytest.approx(float(sigmoid(np.array(2.0))) / KEYPOINTS, abs=1e-9)
    assert len(decode(heatmaps, Field(short), fields.mid, 20, 0.2, RADIUS).scores) == 1


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=4))
def test_each_cell_is_of_the_person_that_it_points_to(seeds: list[int]) -> None:
    people = standing(seeds)
    fields = scene(people, HEIGHT, WIDTH)
    whose = masks(fields.long, People(people, np.ones((len(people), KEYPOINTS)), np.ones(len(people))))
    assert (whose.sum(axis=0) == 1).all()
    pointed = (
        fields.long.stored.reshape(HEIGHT, WIDTH, 2, KEYPOINTS)
        + np.indices((HEIGHT, WIDTH)).transpose(1, 2, 0)[..., None]
    )
    for person, cells in zip(people, whose, strict=True):
        np.testing.assert_allclose(pointed[cells], np.broadcast_to(person.T, (cells.sum(), 2, KEYPOINTS)), atol=1e-9)


def test_values_between_cells() -> None:
    field = Field(np.arange(24, dtype=np.uint8).reshape(2, 3, 4), 0.5, 2)
    points = np.array([[0.0, 1.0, 0.25, 1.0], [0.0, 2.0, 1.5, 0.5]])
    channels = np.array([[0, 3, 1, 2]])
    np.testing.assert_allclose(field.at(points, channels), [[-1.0, 10.5, 4.0, 7.0]])


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("threshold", "most"), [(0.2, 12), (0.2, 4), (0.45, 12)])
def test_the_same_as_step_by_step(seed: int, threshold: float, most: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = 6, 7
    heatmaps, short, mid = (
        Field(rng.integers(0, 256, (height, width, depth), np.uint8, endpoint=False), scale, zero)
        for depth, scale, zero in ((KEYPOINTS, 0.02, 128.0), (2 * KEYPOINTS, 0.01, 128.0), (4 * len(TREE), 0.02, 128.0))
    )
    found = decode(heatmaps, short, mid, most, threshold, RADIUS)
    expected = Slowly(real(heatmaps), real(short), real(mid), threshold).people(most)
    assert len(found.scores) == len(expected)
    for index, (person, score) in enumerate(expected):
        np.testing.assert_allclose(found.keypoints[index], person.points, atol=1e-9)
        np.testing.assert_allclose(found.keypoint_scores[index], person.scores, atol=1e-9)
        assert found.scores[index] == pytest.approx(score, abs=1e-9)


Point = tuple[float, float]


@dataclass
class Person:
    """Keypoints and their scores, in a plain list each."""

    points: list[Point]
    scores: list[float]

    @property
    def mean(self) -> float:
        return sum(self.scores) / KEYPOINTS


@dataclass
class Slowly:
    """The method as a person reads it: one root, one edge, one value at a time."""

    heatmaps: Array
    short: Array
    mid: Array
    threshold: float

    def people(self, most: int) -> list[tuple[Person, float]]:
        found: list[Person] = []
        for _, y, x, kind in sorted(self.roots()):
            root = self.refined((float(y), float(x)), kind, 6)
            if len(found) < most and not any(same(root, person.points[kind]) for person in found):
                person = self.person(root, kind)
                found += [person] if person.mean >= self.threshold else []
        found.sort(key=lambda person: -person.mean)
        ranked = [(person, own_score(person, found[:index])) for index, person in enumerate(found)]
        return sorted((each for each in ranked if each[1] >= self.threshold), key=lambda each: -each[1])

    def roots(self) -> Iterator[tuple[float, int, int, int]]:
        for y, x, kind in np.ndindex(self.heatmaps.shape):
            around = self.heatmaps[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2, kind]
            score = self.heatmaps[y, x, kind]
            if score == around.max() and probability(score) >= self.threshold:
                yield -score, y, x, kind

    def person(self, root: Point, kind: int) -> Person:
        points = {kind: root}
        while len(points) < KEYPOINTS:
            for edge, (a, b) in enumerate(TREE):
                for source, target, channel in ((a, b, edge), (b, a, 2 * len(TREE) + edge)):
                    if source in points and target not in points:
                        there = self.moved(points[source], self.mid, channel, channel + len(TREE))
                        points[target] = self.refined(there, target, 5)
        whole = [points[each] for each in range(KEYPOINTS)]
        return Person(whole, [probability(value(self.heatmaps, at, each)) for each, at in enumerate(whole)])

    def moved(self, at: Point, field: Array, down: int, along: int) -> Point:
        height, width, _ = self.heatmaps.shape
        y, x = at[0] + value(field, at, down), at[1] + value(field, at, along)
        return min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0)

    def refined(self, at: Point, kind: int, steps: int) -> Point:
        for _ in range(steps):
            at = self.moved(at, self.short, kind, kind + KEYPOINTS)
        return at


def real(field: Field) -> Array:
    values: Array = field.scale * (field.stored - field.zero)
    return values


def value(field: Array, at: Point, channel: int) -> float:
    y, x = int(at[0]), int(at[1])
    total = 0.0
    for row, share in ((y, 1 - at[0] + y), (y + 1, at[0] - y)):
        for column, part in ((x, 1 - at[1] + x), (x + 1, at[1] - x)):
            if share and part:
                total += share * part * float(field[row, column, channel])
    return total


def probability(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def same(a: Point, b: Point) -> bool:
    return math.dist(a, b) <= RADIUS


def own_score(person: Person, surer: list[Person]) -> float:
    theirs = [any(same(at, other.points[each]) for other in surer) for each, at in enumerate(person.points)]
    return sum(score for score, taken in zip(person.scores, theirs, strict=True) if not taken) / KEYPOINTS
