from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from littoral.check.inputs import class_scores, in_order, matching, random_inputs, run
from littoral.data import Contract, InputContract
from littoral.errors import InputError
from littoral.runtime import load
from littoral.tflite import Graph, Operator, OperatorCode, Subgraph, Tensor, to_bytes


@pytest.mark.parametrize(
    ("names", "others", "order"),
    [
        (["a", "b"], ["a", "b"], [0, 1]),
        (["a", "b"], ["b", "a"], [1, 0]),
        (["a", "b"], ["x", "y"], [0, 1]),
        (["a", "a"], ["a", "a"], [0, 1]),
    ],
)
def test_outputs_are_matched_by_name_else_by_order(names: list[str], others: list[str], order: list[int]) -> None:
    assert matching(names, others) == order


def test_different_numbers_of_outputs_cannot_be_matched() -> None:
    with pytest.raises(InputError, match="one model has 1 outputs, the other 2"):
        matching(["a"], ["a", "b"])


@pytest.mark.parametrize(
    ("shapes", "classes", "found"),
    [
        ([(1, 10)], 0, 0),
        ([(1, 1)], 0, None),
        ([(1, 5, 5)], 0, None),
        ([(2, 10)], 0, None),
        ([(1, 4), (1, 10)], 10, 1),
        ([(1, 4), (1, 10)], 0, 0),
        ([(1, 4), (1, 10)], 7, 0),
        ([], 0, None),
    ],
)
def test_class_scores_are_one_row_of_several_columns(
    shapes: list[tuple[int, ...]], classes: int, found: int | None
) -> None:
    assert class_scores(shapes, classes) == found


def difference_model() -> bytes:
    """a - b: the order of the inputs shows."""
    tensors = [Tensor(name=name, shape=(1, 2)) for name in ("a", "b", "y")]
    subtract = Operator(code=OperatorCode.of("SUB"), inputs=(0, 1), outputs=(2,))
    main = Subgraph(tensors=tensors, inputs=(0, 1), outputs=(2,), operators=[subtract])
    return to_bytes(Graph(subgraphs=[main], metadata=[], signatures=[]))


def test_samples_are_fed_by_name_else_in_order() -> None:
    one, two = np.array([3.0, 3.0], np.float32), np.array([1.0, 1.0], np.float32)
    with load(difference_model()) as model:
        assert run(model, {"b": two, "a": one})[0].tolist() == [[2.0, 2.0]]
        assert run(model, {"x": two, "z": one})[0].tolist() == [[-2.0, -2.0]]
        with pytest.raises(InputError, match="the samples have inputs 'a'"):
            in_order(model, {"a": one})
        with pytest.raises(InputError, match="The model takes 'a', 'b'"):
            in_order(model, {"a": one, "z": two})


def test_random_inputs_depend_on_the_seed_only(models: Path) -> None:
    with load(models / "model.tflite") as model:
        first, again, other = (random_inputs(model, seed=seed)["conv2d_19_input"] for seed in (1, 1, 2))
    assert first.shape == (1, 100, 100, 3)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert -1 <= first.min() < -0.9
    assert 0.9 < first.max() <= 1


def test_random_inputs_of_quantized_models_use_the_whole_type(models: Path) -> None:
    with load(models / "model_full_integer.tflite") as model:
        raw = random_inputs(model, seed=0, raw=True)["conv2d_19_input"]
        real = random_inputs(model, seed=0)["conv2d_19_input"]
        assert raw.dtype == np.uint8
        assert (raw.min(), raw.max()) == (0, 255)
        assert np.array_equal(real, model.inputs[0].dequantize(raw))


def test_random_inputs_keep_to_the_contract(models: Path) -> None:
    contract = Contract((InputContract(100, 100, scale=1 / 255),))
    for file in ("model.tflite", "model_full_integer.tflite"):
        with load(models / file, contract=contract) as model:
            real = random_inputs(model, seed=0)["conv2d_19_input"]
            assert real.min() >= -0.01
            assert real.max() <= 1.01


def test_samples_of_a_model_with_memory_stand_for_themselves(coral: Path) -> None:
    with load(coral / "keras_lstm_mnist_ptq.tflite") as model:
        sample = {model.inputs[0].name: np.ones((1, 28, 28), np.float32)}
        [first] = run(model, sample)
        [again] = run(model, sample)
        assert np.array_equal(first, again)
        remembering = model(*sample.values())
        assert isinstance(remembering, np.ndarray)
        assert not np.array_equal(first, remembering)
