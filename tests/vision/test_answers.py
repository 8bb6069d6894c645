"""Which task a model is for, and its answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.vision.conftest import Gives
from tests.vision.made import Array
from tests.vision.test_detect import FOUND

from littoral.errors import InputError
from littoral.runtime import load
from littoral.vision import Class, Object, Segmentation, answer, task

PICTURE = np.zeros((8, 8, 3), np.uint8)


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("mobilenet_v2_1.0_224_quant.tflite", "classify"),
        ("keras_lstm_mnist_ptq.tflite", "classify"),
        ("mobilenet_v1_1.0_224_quant_embedding_extractor.tflite", "classify"),
        ("deeplabv3_mnv2_pascal_quant.tflite", "segment"),
        ("automl_video_ondevice/traffic_model.tflite", "detect"),
    ],
)
def test_tasks_of_real_models(coral: Path, file: str, kind: str) -> None:
    with load(coral / file) as model:
        assert task(model) == kind


@pytest.mark.parametrize(
    "outputs",
    [
        {"a": np.zeros((1, 4)), "b": np.zeros((1, 3))},
        {"a": np.zeros((1, 1))},
        {"a": np.zeros((2, 4, 4, 4))},
        {f"output_{i}": np.zeros((1, 3)) for i in range(4)},
    ],
)
def test_outputs_that_do_not_tell(gives: Gives, outputs: dict[str, Array]) -> None:
    model = gives(outputs)
    with pytest.raises(
        InputError, match=r"does not tell what it is for\. Give the task: classify, detect, segment, pose"
    ):
        task(model)
    with pytest.raises(InputError, match="does not tell"):
        answer(model, PICTURE)


def test_an_answer_is_what_the_task_gives(gives: Gives) -> None:
    scores = np.array([[0.25, 0.5, 0.125, 0, 0, 0.0625]])
    found = answer(gives({"scores": scores}), PICTURE)
    assert isinstance(found, list)
    assert [type(each) for each in found] == [Class] * 5
    assert answer(gives({"scores": scores}), PICTURE, top_k=1) == [Class(1, "", 0.5)]
    assert answer(gives({"scores": scores}), PICTURE, top_k=1, labels="abcdef") == [Class(1, "b", 0.5)]
    objects = answer(gives(FOUND), PICTURE, labels=("cat",))
    assert isinstance(objects, list)
    assert [o.label for o in objects if isinstance(o, Object)] == ["cat", ""]
    assert answer(gives(FOUND), PICTURE, threshold=0.8) == []
    assert isinstance(answer(gives({"map": np.zeros((1, 4, 4))}), PICTURE), Segmentation)


def test_a_task_that_is_said_counts(gives: Gives) -> None:
    two = gives({"first": np.array([[0.25, 0.5]]), "second": np.zeros((1, 3))})
    assert answer(two, PICTURE, "classify", top_k=1) == [Class(1, "", 0.5)]
    with pytest.raises(InputError, match="no map of classes"):
        answer(two, PICTURE, "segment")
    with pytest.raises(InputError, match=r"'dance'\. Accepted: classify, detect, segment, pose"):
        answer(two, PICTURE, "dance")
