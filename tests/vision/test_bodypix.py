"""BodyPix: whose each pixel of a real picture is, and of which part."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from tests.vision.test_pose import BODYPIX, PICTURE, POSENET

from littoral.errors import InputError
from littoral.runtime import load
from littoral.vision import bodies, poses
from littoral.vision.bodypix import PARTS


def test_two_people(coral: Path) -> None:
    with load(coral / "posenet" / f"{BODYPIX}.tflite") as model:
        found = bodies(model, coral / PICTURE)
        assert list(found.poses) == poses(model, coral / PICTURE)
    for whole in (found.people.classes, found.parts.classes, found.mask):
        assert whole.shape == (480, 640)
    np.testing.assert_array_equal(found.people.classes > 0, found.mask)
    np.testing.assert_array_equal(found.parts.classes > 0, found.mask)
    assert found.people.labels == ("background", "person 1", "person 2")
    assert 0.1 < found.mask.mean() < 0.13
    inside = [
        found.people.classes[round(point.y), round(point.x)] == number
        for number, pose in enumerate(found.poses, 1)
        for point in pose.keypoints
        if point.score > 0.7
    ]
    assert len(inside) >= 24
    assert np.mean(inside) >= 0.9  # wrists of hands that hold each other may be of the other


@pytest.mark.parametrize(
    ("joint", "part"),
    [
        ("nose", "face"),
        ("left shoulder", "torso, front|left upper arm"),
        ("right elbow", "right"),
        ("left hip", "torso, front|left upper leg"),
        ("right knee", "right (upper|lower) leg"),
    ],
)
def test_parts_are_where_the_joints_are(coral: Path, joint: str, part: str) -> None:
    with load(coral / "posenet" / f"{BODYPIX}.tflite") as model:
        found = bodies(model, coral / PICTURE)
    at = next(point for point in found.poses[0].keypoints if point.name == joint)
    assert re.search(part, found.parts.labels[found.parts.classes[round(at.y), round(at.x)]])


def test_nobody(coral: Path) -> None:
    with load(coral / "posenet" / f"{BODYPIX}.tflite") as model:
        found = bodies(model, np.full((100, 120, 3), 90, np.uint8))
    assert found.poses == ()
    assert found.people.labels == ("background",)
    assert not found.people.classes.any()
    assert found.parts.labels[1:] == PARTS


def test_posenet_has_no_bodies(coral: Path) -> None:
    with (
        load(coral / "posenet" / f"{POSENET}.tflite") as model,
        pytest.raises(InputError, match=r"which are no bodies\. Give BodyPix with its decoder"),
    ):
        bodies(model, coral / PICTURE)
