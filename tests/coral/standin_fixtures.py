"""Fixtures of tests with pretended chips: import those that a test module uses.

Nothing here is a chip: `board` is a pretended machine, and the library that its chips are used with is a stand-in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest
from tests.coral.standin.board import Board
from tests.coral.standin.build import build, missing

from littoral.coral import chips, device

__all__ = ["Pair", "board", "mobilenet", "standin"]


@dataclass(frozen=True)
class Pair:
    """A compiled model and its CPU twin."""

    compiled: Path
    cpu: Path

    @property
    def files(self) -> dict[str, Path]:
        """For `load`."""
        return {"coral": self.compiled, "cpu": self.cpu}


@pytest.fixture(scope="session")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stand-in library."""
    if lack := missing():
        pytest.skip(lack)
    return build(tmp_path_factory.mktemp("standin"))


@pytest.fixture
def board(standin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Board]:
    """A machine without chips. Child processes see it in place of the real one, and so does the device in this one."""
    board = Board(tmp_path)
    for name, value in board.environment(standin).items():
        monkeypatch.setenv(name, value)

    def node(root: Path, path: str) -> chips.Node:
        there = (root / path.lstrip("/")).exists()  # umockdev makes a device of the file, in child processes only
        return chips.Node(path, there, usable=there)

    def found() -> tuple[chips.Chip, ...]:
        with patch.object(chips, "_node", node):
            return chips.find(board.root)

    monkeypatch.setattr(device, "find", found)
    yield board
    board.close()


@pytest.fixture
def mobilenet(board: Board, coral: Path) -> Pair:
    """MobileNet v1 0.25, which the chips of the board can run."""
    pair = Pair(coral / "mobilenet_v1_0.25_128_quant_edgetpu.tflite", coral / "mobilenet_v1_0.25_128_quant.tflite")
    board.teach(pair.compiled, pair.cpu)
    return pair
