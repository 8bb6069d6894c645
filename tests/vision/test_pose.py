"""Poses of real people by PoseNet and BodyPix, against Coral's reference figures and against each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.vision.conftest import Gives
from tests.vision.people import Array, as_coral_resizes, reference
from tests.vision.posenets import OPTIONS, decoder_graph, flexbuffer

from littoral.data import Contract, InputContract
from littoral.errors import ContractError, DataError, InputError
from littoral.runtime import load
from littoral.vision import Pose, poses
from littoral.vision.pose import finds_poses
from littoral.vision.skeleton import EDGES, NAMES

POSENET = "posenet_mobilenet_v1_075_353_481_16_quant_decoder"
BODYPIX = "bodypix_mobilenet_v1_075_512_512_16_quant_decoder"
PICTURE = "posenet/test_image.bmp"  # 640 x 480, two people


def points(found: list[Pose]) -> Array:
    return np.array([[(point.x, point.y) for point in pose.keypoints] for pose in found])


def scores(found: list[Pose]) -> Array:
    return np.array([[point.score for point in pose.keypoints] for pose in found])


# Published differences between the processor and the Edge TPU: 0.00175 in place, 0.04 in score. XNNPACK rounds
# otherwise than TFLite's kernels of 2021, of which the reference is.
@pytest.mark.parametrize(("device", "place", "score"), [("cpu:reference", 0.00175, 0.008), ("cpu", 0.0023, 0.024)])
def test_posenet_is_as_the_reference(coral: Path, device: str, place: float, score: float) -> None:
    people, expected, certain = reference(coral / "posenet" / f"{POSENET}_reference.csv")
    with load(coral / "posenet" / f"{POSENET}.tflite", device) as model:
        found = poses(model, as_coral_resizes(coral / PICTURE, 481, 353))
    assert len(found) == len(people) == 2
    assert np.abs(points(found) / (481, 353) - expected[..., ::-1]).max() <= place
    assert np.abs(scores(found) - certain).max() <= score
    assert np.abs(np.array([pose.score for pose in found]) - people).max() <= 0.003


def test_posenet_on_the_picture_itself(coral: Path) -> None:
    _, expected, _ = reference(coral / "posenet" / f"{POSENET}_reference.csv")
    with load(coral / "posenet" / f"{POSENET}.tflite") as model:
        found = poses(model, coral / PICTURE)
        again = poses(model, Image.open(coral / PICTURE))
        best = poses(model, coral / PICTURE, top_k=1)
        sure = poses(model, coral / PICTURE, threshold=0.88)
    assert found == again
    assert best == sure == found[:1]
    assert [point.name for point in found[0].keypoints] == list(NAMES)
    assert np.abs(points(found) / (640, 480) - expected[..., ::-1]).max() < 0.005  # 3 of 640 pixels
    assert 0 <= scores(found).min() < scores(found).max() <= 1
    assert found[0].score > found[1].score > 0.8


def test_bodypix_sees_what_posenet_sees(coral: Path) -> None:
    _, expected, certain = reference(coral / "posenet" / f"{POSENET}_reference.csv")
    with load(coral / "posenet" / f"{BODYPIX}.tflite") as model:
        found = poses(model, coral / PICTURE)
    assert len(found) == 2
    sure = np.minimum(scores(found), certain) > 0.7
    assert sure.sum() >= 24
    apart = np.abs(points(found) / (640, 480) - expected[..., ::-1])
    assert apart[sure].max() < 0.02  # it is another network: 12 of 640 pixels


def test_a_letterbox_is_taken_off(coral: Path) -> None:
    contract = Contract((InputContract(481, 353, resize="letterbox", scale=1 / 128, mean=128.0),))
    wide = Image.new("RGB", (900, 480), (114, 114, 114))
    wide.paste(Image.open(coral / PICTURE), (130, 0))
    with load(coral / "posenet" / f"{POSENET}.tflite", contract=contract) as model:
        alone, beside = poses(model, coral / PICTURE), poses(model, wide)
    sure = np.minimum(scores(alone), scores(beside)) > 0.9
    assert sure.sum() >= 20
    apart = points(alone) + np.array([130, 0]) - points(beside)
    assert np.abs(apart[sure]).max() < 12  # the people are half as large
    assert np.abs(apart[sure].mean(axis=0)).max() < 1.5


def test_an_empty_picture_has_no_people(coral: Path) -> None:
    with load(coral / "posenet" / f"{POSENET}.tflite") as model:
        assert poses(model, np.full((480, 640, 3), 90, np.uint8)) == []
        assert poses(model, coral / "posenet" / "test_image.bmp", threshold=1.0) == []


def test_what_is_no_pose_model(coral: Path, gives: Gives) -> None:
    with load(coral / "mobilenet_v1_0.25_128_quant.tflite") as model:
        assert not finds_poses(model)
        with pytest.raises(InputError, match=r"which are no poses. Accepted: \[1, 1, 17, 3\] of MoveNet, or"):
            poses(model, coral / PICTURE)
    for shape in ((1, 1, 16, 3), (1, 17, 3), (2, 1, 17, 3)):
        assert not finds_poses(gives({"points": np.zeros(shape)}))
    assert not finds_poses(gives({"points": np.zeros((1, 1, 17, 3)), "more": np.zeros((1, 2))}))


def test_bad_pictures(coral: Path, gives: Gives) -> None:
    model = gives({"points": np.zeros((1, 1, 17, 3))})
    with pytest.raises(DataError, match=r"absent\.jpg cannot be read"):
        poses(model, coral / "absent.jpg")
    broken = gives({"points": np.full((1, 1, 17, 3), np.nan)})
    with pytest.raises(InputError, match="output 'points' has NaN"):
        poses(broken, coral / PICTURE)


def test_a_decoder_without_a_picture() -> None:
    graph = decoder_graph([(1, 13, 17, depth) for depth in (17, 34, 64)], flexbuffer(OPTIONS))
    with (
        load(graph, threads=1) as model,
        pytest.raises(ContractError, match="does not take one picture but 'field 0'"),
    ):
        poses(model, np.zeros((20, 20, 3), np.uint8))


def test_the_skeleton_reaches_everything_and_is_the_same_on_both_sides() -> None:
    assert {index for edge in EDGES for index in edge} == set(range(len(NAMES)))
    named = {frozenset(NAMES[index] for index in edge) for edge in EDGES}
    assert len(named) == len(EDGES) == 16
    assert {frozenset(_other_side(name) for name in edge) for edge in named} == named
    assert frozenset(("left shoulder", "right shoulder")) in named
    assert frozenset(("nose", "left shoulder")) not in named


def _other_side(name: str) -> str:
    side, _, joint = name.partition(" ")
    return f"{'right' if side == 'left' else 'left'} {joint}" if joint else name
