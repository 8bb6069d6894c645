"""Fields as a network gives them that sees people perfectly, and the reference figures of Coral's models."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from littoral.vision.personlab import Field
from littoral.vision.skeleton import NAMES, TREE

Array = npt.NDArray[Any]
BACKGROUND = -6.0  # logit


@dataclass(frozen=True)
class Scene:
    """What a perfect network gives."""

    heatmaps: Field
    short: Field
    mid: Field
    long: Field


def scene(people: Array, height: int, width: int) -> Scene:
    """Fields of people given as (y, x) in cells [n, 17, 2]: each cell points to the keypoint nearest to it."""
    cells = np.indices((height, width)).transpose(1, 2, 0).astype(np.float64)
    count = len(NAMES)
    heatmaps = np.full((height, width, count), BACKGROUND)
    short, mid = np.zeros((height, width, 2, count)), np.zeros((height, width, 2, 2, len(TREE)))
    long = np.zeros((height, width, 2, count))
    if len(people):
        away = ((cells[:, :, None, None] - people) ** 2).sum(axis=-1)  # [height, width, n, 17]
        nearest = away.argmin(axis=2)
        heatmaps = np.maximum(6.0 - away.min(axis=2), BACKGROUND)
        for kind in range(count):
            short[..., kind] = people[nearest[..., kind], kind] - cells
        for edge, (a, b) in enumerate(TREE):
            mid[:, :, 0, :, edge] = people[nearest[..., a], b] - cells
            mid[:, :, 1, :, edge] = people[nearest[..., b], a] - cells
        owner = away.min(axis=3).argmin(axis=2)
        long[...] = np.moveaxis(people[owner], 3, 2) - cells[..., None]
    return Scene(*(Field(part.reshape(height, width, -1)) for part in (heatmaps, short, mid, long)))


def reference(file: Path) -> tuple[Array, Array, Array]:
    """Of a reference file: people's scores [n], (y, x) as shares of the input [n, 17, 2], keypoints' scores [n, 17]."""
    with file.open() as lines:
        rows = list(csv.DictReader(lines))
    columns = [[float(row[f"keypoint_{name}"]) for row in rows] for name in ("y", "x", "score")]
    y, x, scores = np.array(columns).reshape(3, -1, len(NAMES))
    return np.array([float(row["pose_score"]) for row in rows])[:: len(NAMES)], np.stack([y, x], axis=2), scores


def as_coral_resizes(file: Path, width: int, height: int) -> npt.NDArray[np.uint8]:
    """A picture resized as for the reference files: TFLite's bilinear with half-pixel centers, rounded down.

    In float32 and in the order of TFLite's optimized kernel, as what is rounded down is often whole but for the last
    digit.
    """
    pixels = np.asarray(Image.open(file).convert("RGB"), np.float32)
    y0, y1, dy = _places(height, pixels.shape[0])
    x0, x1, dx = _places(width, pixels.shape[1])
    dy, dx = dy[:, None, None], dx[None, :, None]
    total = pixels[y0][:, x0] * ((1 - dy) * (1 - dx)) + pixels[y0][:, x1] * ((1 - dy) * dx)
    total = total + pixels[y1][:, x0] * (dy * (1 - dx)) + pixels[y1][:, x1] * (dy * dx)
    return np.asarray(total.astype(np.uint8))


def _places(size: int, length: int) -> tuple[Array, Array, npt.NDArray[np.float32]]:
    half = np.float32(0.5)
    at = (np.arange(size, dtype=np.float32) + half) * (np.float32(length) / np.float32(size)) - half
    low = np.maximum(np.floor(at), 0).astype(int)
    high = np.minimum(np.ceil(at), length - 1).astype(int)
    return low, high, at - low.astype(np.float32)
