"""Objects of detectors: whichever order their outputs have, and wherever the picture lies in the input."""

from __future__ import annotations

import itertools
import struct
from pathlib import Path

import numpy as np
import pytest
from tests.vision.conftest import Gives
from tests.vision.made import Array, Builder

from littoral.data import Contract, InputContract
from littoral.errors import ContractError, DataError, InputError
from littoral.runtime import load
from littoral.tflite import Graph, Operator, OperatorCode, Tensor
from littoral.vision import Box, Object, detect, task
from littoral.vision.detect import OPERATOR, Roles, roles
from littoral.vision.look import look

PICTURE = np.full((40, 80, 3), 128, np.uint8)

FOUND = {  # top, left, bottom, right as shares; the third does not count
    "boxes": np.array([[[0.25, 0.5, 0.5, 1.0], [0.0, 0.0, 0.125, 0.25], [0.0, 0.0, 1.0, 1.0]]], np.float32),
    "classes": np.array([[2, 0, 1]], np.float32),
    "scores": np.array([[0.625, 0.75, 0.875]], np.float32),
    "count": np.array([2], np.float32),
}
LABELS = ("cat", "dog")
EXPECTED = [Object(0, "cat", 0.75, Box(0, 0, 20, 5)), Object(2, "", 0.625, Box(40, 10, 80, 20))]


def found(**changes: Array) -> dict[str, Array]:
    return FOUND | changes


def test_objects_by_score_in_pixels_of_the_picture(gives: Gives) -> None:
    model = gives(FOUND, labels=LABELS)
    assert detect(model, PICTURE) == EXPECTED
    assert detect(model, PICTURE, threshold=0.75) == EXPECTED[:1]
    assert detect(model, PICTURE, threshold=0.76) == []
    assert detect(model, PICTURE, top_k=1) == EXPECTED[:1]
    assert [o.label for o in detect(model, PICTURE, labels=["a", "b", "c", "d"])] == ["a", "c"]


def test_letterbox_bars_are_no_part_of_the_picture(gives: Gives) -> None:
    # 80 x 40 pixels become 16 x 8 in the middle of 16 x 16: rows 4 to 12 of the input.
    boxes = np.array([[[4 / 16, 0, 12 / 16, 1], [0, 0, 0.5, 0.5], [0, 0, 1, 1]]], np.float32)
    whole, half = detect(gives(found(boxes=boxes), resize="letterbox"), PICTURE)[::-1]
    assert whole.box == Box(0, 0, 80, 40)
    assert half.box == Box(0, -20, 40, 20)


@pytest.mark.parametrize("names", [("detection_boxes", "detection_classes", "detection_scores", "num_detections")])
def test_names_tell_the_order(gives: Gives, names: tuple[str, ...]) -> None:
    for order in itertools.permutations(range(4)):
        model = gives({names[i]: list(FOUND.values())[i] for i in order}, labels=LABELS)
        assert roles(model) == Roles(*names)
        assert detect(model, PICTURE) == EXPECTED


@pytest.mark.parametrize(
    "order",
    [
        ("boxes", "classes", "scores", "count"),
        ("scores", "boxes", "count", "classes"),
        ("count", "scores", "classes", "boxes"),
    ],
)
def test_shapes_tell_the_order(gives: Gives, order: tuple[str, ...]) -> None:
    model = gives({f"output_{i}": FOUND[name] for i, name in enumerate(order)}, labels=LABELS)
    assert task(model) == "detect"
    assert detect(model, PICTURE) == EXPECTED


def flexbuffer_map(**values: int | float) -> bytes:
    """A FlexBuffer map whose values and offsets are all four bytes wide (see littoral.tflite.flexbuffer)."""
    names = sorted(values)
    starts = list(itertools.accumulate((len(name) + 1 for name in names), initial=0))
    text = b"".join(name.encode() + b"\0" for name in names)
    text += bytes(-len(text) % 4)
    keys_at = len(text) + 4
    keys = struct.pack(f"<I{len(names)}I", len(names), *(keys_at + 4 * i - starts[i] for i in range(len(names))))
    map_at = len(text) + len(keys) + 12
    stored = b"".join(struct.pack("<f" if isinstance(values[n], float) else "<i", values[n]) for n in names)
    kinds = bytes((3 if isinstance(values[n], float) else 1) << 2 | 2 for n in names)
    body = struct.pack("<III", map_at - 12 - keys_at, 4, len(names)) + stored + kinds
    body += bytes(-len(body) % 4)
    whole = text + keys + body
    return whole + struct.pack("<I", len(whole) - map_at) + bytes([9 << 2 | 2, 4])


def ssd(outputs: tuple[int, ...] = (0, 1, 2, 3), names: tuple[str, ...] = ("a", "b", "c", "d")) -> Graph:
    """Four anchors, of which two overlap, and three class scores each, the first of the background."""
    builder = Builder()
    anchors = np.array([[0.5, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 0.45], [0.1, 0.2, 0.2, 0.4], [0.9, 0.9, 0.2, 0.2]])
    scores = np.array([[[0, 0.1, 0.9], [0, 0.1, 0.8], [0, 0.7, 0.2], [0, 0.1, 0.1]]], np.float32)
    inputs = [builder.value("", np.zeros((1, 4, 4), np.float32)), builder.value("", scores)]
    inputs.append(builder.constant(anchors.astype(np.float32)))
    start = len(builder.tensors)
    builder.tensors += [Tensor(name=name, shape=()) for name in names]
    options = {"max_detections": 5, "max_classes_per_detection": 1, "num_classes": 2, "use_regular_nms": 0}
    scales = {"y_scale": 10.0, "x_scale": 10.0, "h_scale": 5.0, "w_scale": 5.0}
    thresholds = {"nms_score_threshold": 0.3, "nms_iou_threshold": 0.5}
    results = tuple(range(start, start + 4))
    custom = flexbuffer_map(**options, **scales, **thresholds)
    code = OperatorCode.of(OPERATOR)
    builder.operators.append(Operator(code=code, inputs=tuple(inputs), outputs=results, custom_options=custom))
    return builder.graph([start + place for place in outputs])


@pytest.mark.parametrize("outputs", [(0, 1, 2, 3), (2, 0, 3, 1), (3, 2, 1, 0)])
def test_the_operator_tells_the_order(outputs: tuple[int, ...]) -> None:
    # Names that say something else do not count beside it.
    with load(ssd(outputs, ("count", "scores", "boxes", "classes")), threads=1) as model:
        assert roles(model) == Roles("count", "scores", "boxes", "classes")
        centre, corner = detect(model, PICTURE)
    assert (centre.index, corner.index) == (1, 0)
    assert (centre.score, corner.score) == pytest.approx((0.9, 0.7))
    assert list(vars(centre.box).values()) == pytest.approx([20, 10, 60, 30])
    assert list(vars(corner.box).values()) == pytest.approx([0, 0, 32, 8], abs=1e-4)


def test_a_real_detector_finds_cars(coral: Path) -> None:
    folder = coral / "automl_video_ondevice"
    with load(folder / "traffic_model.tflite") as model:
        assert task(model) == "detect"
        for frame in sorted((folder / "traffic_frames").iterdir()):
            best = detect(model, frame, threshold=0.35)
            dark, black = (max(best, key=lambda o: o.box.iou(where)) for where in CARS[frame.stem])
            assert dark.box.iou(CARS[frame.stem][0]) > 0.5
            assert black.box.iou(CARS[frame.stem][1]) > 0.5


CARS = {  # by eye: the car in the middle, the one at the right edge
    "0001": (Box(53, 150, 122, 200), Box(213, 143, 256, 190)),
    "0002": (Box(43, 150, 116, 200), Box(207, 143, 256, 191)),
    "0003": (Box(32, 150, 107, 200), Box(199, 142, 256, 191)),
}


def test_memory_is_carried_from_frame_to_frame() -> None:
    # The score is the sum of what was seen so far: memory + 1/4 of a white pixel.
    builder = Builder(8, 8)
    memory = builder.tensor("memory", (1, 3))
    score = builder.value("", np.full((1, 3), 0.25, np.float32))
    total = builder.add("ADD", [memory, score], (1, 3))
    builder.tensors[total] = builder.tensors[total].replaced(name="scores")
    rest = [builder.value(name, FOUND[name]) for name in ("boxes", "classes", "count")]
    copy = builder.add("ADD", [total, builder.constant(np.zeros(1, np.float32))], (1, 3))
    builder.tensors[copy] = builder.tensors[copy].replaced(name="after")
    graph = builder.graph([copy, total, *rest])
    graph = graph.replaced(subgraphs=[graph.main.replaced(inputs=(0, memory))])
    contract = Contract((InputContract(8, 8, "picture"),))
    with load(graph, threads=1, contract=contract) as model:
        state: dict[str, Array] = {}
        seen = [detect(model, PICTURE, 0, state=state)[0].score for _ in range(3)]
        assert seen == [0.25, 0.5, 0.75]
        assert detect(model, PICTURE, 0)[0].score == 0.25


def test_nothing_found(gives: Gives) -> None:
    assert detect(gives(found(count=np.array([0]))), PICTURE) == []
    empty = {"boxes": np.zeros((1, 3, 4)), "scores": np.zeros((1, 3)), "classes": np.zeros((1, 3))}
    assert detect(gives(found(**empty)), PICTURE) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scores": np.array([[0.5, np.nan, 0.5]])}, "'scores' has NaN"),
        ({"count": np.array([np.nan])}, "'count' has NaN"),
        ({"boxes": np.full((1, 3, 4), np.nan)}, "boxes that are not finite"),
        ({"boxes": np.full((1, 3, 4), np.inf)}, "boxes that are not finite"),
        ({"classes": np.array([[0.5, 1, 2]])}, "no whole numbers"),
        ({"classes": np.array([[-1, 1, 2]])}, "no whole numbers"),
        ({"boxes": np.zeros((1, 2, 4))}, r"shapes \[1, 2, 4\], \[1, 3\]"),
        ({"boxes": np.zeros((1, 4))}, "have shapes"),
        ({"count": np.zeros(3)}, "have shapes"),
    ],
)
def test_outputs_that_are_no_detections(gives: Gives, changes: dict[str, Array], words: str) -> None:
    with pytest.raises(InputError, match=words):
        detect(gives(found(**changes)), PICTURE)


def test_what_lies_behind_the_count_is_not_looked_at(gives: Gives) -> None:
    outputs = {name: values.copy() for name, values in FOUND.items()}
    for name in ("boxes", "classes", "scores"):
        outputs[name][0, 2:] = np.nan  # LiteRT's own operator leaves there what was in memory before
    model = gives(outputs, labels=LABELS)
    assert detect(model, PICTURE) == EXPECTED


def test_other_models_and_pictures(gives: Gives, coral: Path) -> None:
    scores = gives({"scores": np.zeros((1, 10))})
    with pytest.raises(InputError, match="not boxes, classes, scores and count"):
        detect(scores, PICTURE)
    with pytest.raises(DataError, match="absent"):
        detect(gives(FOUND), coral / "absent.png")
    with (
        load(coral / "tools" / "split_concat.tflite") as two,
        pytest.raises(ContractError, match="does not take one picture but 'input1'"),
    ):
        look(two, PICTURE)
