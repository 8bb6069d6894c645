"""Learning with pycoral's interface."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from littoral.errors import LittoralError
from littoral.learn import Imprinter
from littoral.pycoral.adapters import classify, common
from littoral.pycoral.interpreter import Interpreter
from littoral.pycoral.learn.backprop.softmax_regression import SoftmaxRegression
from littoral.pycoral.learn.imprinting.engine import ImprintingEngine

EXTRACTOR = "mobilenet_v1_1.0_224_quant_embedding_extractor.tflite"
PETS = ("cat", "dog", "hotdog")


def fed(interpreter: Interpreter, path: Path) -> Interpreter:
    with Image.open(path) as picture:
        common.set_input(interpreter, picture.resize(common.input_size(interpreter), Image.Resampling.NEAREST))
    interpreter.invoke()
    return interpreter


def ready(content: bytes) -> Interpreter:
    interpreter = Interpreter(content)
    interpreter.allocate_tensors()
    return interpreter


def test_pictures_are_learned(coral: Path) -> None:
    engine = ImprintingEngine(str(coral / EXTRACTOR))
    assert (engine.embedding_dim, engine.num_classes) == (1024, 0)
    extractor = ready(engine.serialize_extractor_model())
    for index, name in enumerate(PETS):
        embedding = classify.get_scores(fed(extractor, coral / "imprinting" / f"{name}_train_0.bmp"))
        assert np.linalg.norm(embedding) == pytest.approx(1, abs=0.02)
        engine.train(embedding, class_id=index)
    assert engine.num_classes == 3
    classifier = ready(engine.serialize_model())
    assert classify.num_classes(classifier) == 3
    for index, name in enumerate(PETS):
        best = classify.get_classes(fed(classifier, coral / "imprinting" / f"{name}_test_0.bmp"), top_k=1)[0]
        assert best.id == index
        assert best.score > 0.7


def test_classes_are_kept_or_dropped(coral: Path, tmp_path: Path) -> None:
    with Imprinter(coral / EXTRACTOR) as imprinter:
        imprinter.add("cat", coral / "cat.bmp").save(tmp_path / "cat.tflite")
    assert ImprintingEngine(tmp_path / "cat.tflite").num_classes == 0
    assert ImprintingEngine(tmp_path / "cat.tflite", keep_classes=True).num_classes == 1


def test_what_cannot_be_learned(coral: Path) -> None:
    engine = ImprintingEngine(coral / EXTRACTOR)
    with pytest.raises(RuntimeError, match="Model is not trained"):
        engine.serialize_model()
    for embedding, index in ((np.zeros(3), 0), (np.zeros(1024), 1)):
        with pytest.raises(RuntimeError) as caught:
            engine.train(embedding, index)
        assert isinstance(caught.value, LittoralError)


@pytest.mark.parametrize("name", ["no_such.tflite", "mobilenet_v1_0.25_128_quant.tflite"])
def test_what_is_no_embedder(coral: Path, name: str) -> None:
    with pytest.raises(ValueError, match=f"Failed to open file: .*{name}"):
        ImprintingEngine(str(coral / name))
    with pytest.raises(ValueError, match=f"Failed to open file: .*{name}"):
        SoftmaxRegression(1024, 2).serialize_model(str(coral / name))


def clouds(seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    middles = 3 * np.array([[1, 1], [-1, -1], [1, -1]])
    classes = random.integers(3, size=230)
    return (middles[classes] + random.normal(size=(230, 2))).astype(np.float32), classes


def test_a_layer_is_trained(capsys: pytest.CaptureFixture[str]) -> None:
    vectors, classes = clouds(0)
    data = {
        "data_train": vectors[:200],
        "labels_train": classes[:200],
        "data_val": vectors[200:],
        "labels_val": classes[200:],
    }
    model = SoftmaxRegression(2, 3)
    model.train_with_sgd(data, num_iter=200, learning_rate=0.1, batch_size=100, print_every=50)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert all(line.startswith("Loss: ") and "Train Acc: " in line and "Valid Acc: " in line for line in lines)
    assert model.get_accuracy(data["data_train"], data["labels_train"]) > 0.98  # the clouds touch
    model.train_with_sgd(data, 20, 0.01, print_every=0)
    assert not capsys.readouterr().out


def test_costs_of_weights_shrink_them() -> None:
    vectors, classes = clouds(1)
    data = {"data_train": vectors, "labels_train": classes, "data_val": vectors, "labels_val": classes}
    sizes = []
    for reg in (0.0, 0.5):
        model = SoftmaxRegression(2, 3, reg=reg)
        model.train_with_sgd(data, 200, 0.1, print_every=0)
        sizes.append(np.abs(model._head.weights).max())
    assert sizes[1] < sizes[0] / 2


def test_a_layer_goes_onto_its_embedder(coral: Path) -> None:
    """What the file answers is what the layer says of the embedding."""
    random = np.random.default_rng(0)
    extractor = ready((coral / EXTRACTOR).read_bytes())
    vectors = np.stack([classify.get_scores(fed(extractor, path)) for path in sorted((coral / "imprinting").iterdir())])
    labels = np.repeat([0, 1, 2], 2)
    data = {"data_train": vectors, "labels_train": labels, "data_val": vectors, "labels_val": labels}
    model = SoftmaxRegression(1024, 3, weight_scale=5e-2)
    model.train_with_sgd(data, 300, 1e-2, batch_size=20, print_every=0)
    assert model.get_accuracy(vectors, labels) == 1
    classifier = ready(model.serialize_model(coral / EXTRACTOR))
    order = random.permutation(6)
    paths = sorted((coral / "imprinting").iterdir())
    assert [classify.get_classes(fed(classifier, paths[i]), 1)[0].id for i in order] == [int(labels[i]) for i in order]


def test_an_untrained_layer_can_be_written(coral: Path) -> None:
    interpreter = ready(SoftmaxRegression(1024, 5).serialize_model(str(coral / EXTRACTOR)))
    assert classify.num_classes(interpreter) == 5


@pytest.mark.parametrize(
    ("vectors", "labels"),
    [(np.zeros((2, 3)), [0, 1]), (np.zeros((2, 2)), [0, 3]), (np.zeros((2, 2)), [0]), (np.zeros(2), [0, 1])],
)
def test_data_that_do_not_fit(vectors: np.ndarray, labels: list[int]) -> None:
    with pytest.raises(RuntimeError, match="Accepted"):
        SoftmaxRegression(2, 3).get_accuracy(vectors, labels)
