"""Poses beside Coral's reference files, and what PoseNet's decoder costs: `python -m benchmarks.poses [--json]`.

1. Of each pose model that has a reference file: the largest and the mean distance of a keypoint (as a share of the
   input's side) and the largest difference of a score, on two kinds of kernels, the picture resized as for the
   reference files. Beside it the same between the two reference files: processor and Edge TPU.
2. Of PoseNet and BodyPix: the network and the decoder each on their own, median of many calls, in turn.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np
from benchmarks.device_models import DATA
from tests.vision.people import as_coral_resizes, reference

from littoral.data import prepare
from littoral.runtime import load
from littoral.runtime.delegate import Partition
from littoral.tflite import read, slice_operators
from littoral.vision import poses
from littoral.vision.posenet import OPERATOR, decoder

CORAL = DATA / "coral"
REFERENCES = (
    ("posenet/posenet_mobilenet_v1_075_353_481_16_quant_decoder", "posenet/test_image.bmp"),
    ("movenet_single_pose_lightning_ptq", "squat.bmp"),
)
DECODERS = (REFERENCES[0][0], "posenet/bodypix_mobilenet_v1_075_512_512_16_quant_decoder")


@dataclass(frozen=True)
class Agreement:
    """How far keypoints are from those of the reference file of the processor."""

    model: str
    device: str
    farthest: float
    mean: float
    score: float


@dataclass(frozen=True)
class Cost:
    """Milliseconds of one call."""

    model: str
    network: float
    decoder: float

    @property
    def share(self) -> float:
        """Of the decoder in both."""
        return self.decoder / (self.network + self.decoder)


def agreements(stem: str, picture: str) -> list[Agreement]:
    """On two kinds of kernels, then between the reference files."""
    _, places, scores = reference(CORAL / f"{stem}_reference.csv")
    _, chip_places, chip_scores = reference(CORAL / f"{stem}_edgetpu_reference.csv")
    rows = []
    for device in ("cpu", "cpu:reference"):
        with load(CORAL / f"{stem}.tflite", device) as model:
            width, height = model.contract.inputs[0].width, model.contract.inputs[0].height
            found = poses(model, as_coral_resizes(CORAL / picture, width, height))
        ours = np.array([[(point.y / height, point.x / width) for point in pose.keypoints] for pose in found])
        certain = np.array([[point.score for point in pose.keypoints] for pose in found])
        rows.append((device, np.abs(ours - places), np.abs(certain - scores)))
    rows.append(("published Edge TPU", np.abs(chip_places - places), np.abs(chip_scores - scores)))
    return [
        Agreement(stem, device, float(apart.max()), float(apart.mean()), float(unsure.max()))
        for device, apart, unsure in rows
    ]


def cost(stem: str, calls: int = 100) -> Cost:
    """The network without its decoder, and the decoder on what the network gave."""
    graph = read(CORAL / f"{stem}.tflite")
    last = next(index for index, operator in enumerate(graph.main.operators) if operator.name == OPERATOR)
    network = slice_operators(graph, [index for index in range(len(graph.main.operators)) if index != last])
    partition = Partition(graph, 0, (last,))
    kernel = decoder(partition)
    outputs = tuple(np.zeros(shape, np.float32) for shape in kernel.shapes)
    with load(network) as model:
        whole = model.inputs[0]
        picture = prepare(CORAL / REFERENCES[0][1], model.contract.inputs[0])
        stored = whole.quantize(picture)[np.newaxis]
        given = model(stored, raw=True)
        assert isinstance(given, dict)
        fields = tuple(given[partition.tensor(index).name] for index in partition.inputs)
        times = [(timed(lambda: model(stored, raw=True)), timed(lambda: kernel(fields, outputs))) for _ in range(calls)]
    return Cost(stem, *(median(column) * 1000 for column in zip(*times, strict=True)))


def timed(call: Callable[[], object]) -> float:
    """Seconds."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    """Prints the tables, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    agreed = [row for stem, picture in REFERENCES for row in agreements(stem, picture)]
    costs = [cost(stem) for stem in DECODERS]
    if as_json:
        print(json.dumps({"agreements": [asdict(row) for row in agreed], "costs": [asdict(row) for row in costs]}))
        return
    print("| model | beside the processor's reference | farthest keypoint | mean | score |\n|---|---|---|---|---|")
    for row in agreed:
        print(f"| {name(row.model)} | {row.device} | {row.farthest:.5f} | {row.mean:.5f} | {row.score:.4f} |")
    print("\n| model | network, ms | decoder, ms | share of the decoder |\n|---|---|---|---|")
    for each in costs:
        print(f"| {name(each.model)} | {each.network:.2f} | {each.decoder:.2f} | {each.share:.0%} |")


def name(stem: str) -> str:
    """A model's name without its folder."""
    return Path(stem).name


if __name__ == "__main__":
    main()
