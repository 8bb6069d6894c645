"""The 17 keypoints of a person that COCO, PoseNet, BodyPix and MoveNet share, and the lines between them."""

from __future__ import annotations

NAMES = (
    "nose",
    "left eye",
    "right eye",
    "left ear",
    "right ear",
    "left shoulder",
    "right shoulder",
    "left elbow",
    "right elbow",
    "left wrist",
    "right wrist",
    "left hip",
    "right hip",
    "left knee",
    "right knee",
    "left ankle",
    "right ankle",
)
"""In the order of the models' outputs. Left and right are the person's own."""

TREE = (
    (0, 1),
    (1, 3),
    (0, 2),
    (2, 4),
    (0, 5),
    (5, 7),
    (7, 9),
    (5, 11),
    (11, 13),
    (13, 15),
    (0, 6),
    (6, 8),
    (8, 10),
    (6, 12),
    (12, 14),
    (14, 16),
)
"""The edges along which PoseNet's mid-range offsets lead from keypoint to keypoint, in the order of their channels."""

EDGES = (*(edge for edge in TREE if edge not in {(0, 5), (0, 6)}), (5, 6), (11, 12))
"""The lines that make a person when drawn: limbs, shoulders, hips, face."""
