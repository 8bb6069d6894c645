"""PoseNet compiled for the Edge TPU: the network on a pretended chip, its decoder here."""

from __future__ import annotations

from pathlib import Path

from tests.coral.standin.board import Board
from tests.coral.standin_fixtures import board, standin
from tests.vision.test_pose import BODYPIX, PICTURE, POSENET

from littoral.runtime import load
from littoral.vision import bodies, poses

__all__ = ["board", "standin"]


def test_posenet_on_a_chip(board: Board, coral: Path) -> None:
    folder = coral / "posenet"
    compiled, cpu = folder / f"{POSENET}_edgetpu.tflite", folder / f"{POSENET}.tflite"
    board.teach(compiled, cpu)
    board.plug("usb", "2-1")
    with load(compiled, "coral") as model, load(cpu) as twin:
        found = poses(model, coral / PICTURE)
        runners = {place.name: place.runner for place in model.placement.operators}
        assert found == poses(twin, coral / PICTURE)
    assert len(found) == 2
    assert runners["edgetpu-custom-op"] == "coral"
    assert runners["PosenetDecoderOp"] == "cpu"


def test_bodypix_on_a_chip(board: Board, coral: Path) -> None:
    folder = coral / "posenet"
    compiled, cpu = folder / f"{BODYPIX}_edgetpu.tflite", folder / f"{BODYPIX}.tflite"
    board.teach(compiled, cpu)
    board.plug("usb", "2-1")
    with load(compiled, "coral") as model:
        found = bodies(model, coral / PICTURE)
    assert len(found.poses) == 2
    assert 0.1 < found.mask.mean() < 0.13
