from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from littoral.convert.child.channel import RefusalError
from littoral.convert.child.to_float import converted
from littoral.convert.child.trained import _classes, _missing_class, fixed, takes_pixels


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ("Could not locate class 'Halve'. Make sure custom classes are decorated", "Halve"),
        ("Could not locate function 'my_act'. Make sure custom", "my_act"),
        ("Unknown layer: 'Halve'. Please ensure you are using a `keras.utils.custom_object_scope`", "Halve"),
        ("Unknown layer: Halve. Please ensure", "Halve"),
        ("Unknown activation function: swish2. Please ensure", "swish2"),
        ("Layer expects 2 weights, got 1", None),
    ],
)
def test_the_missing_class_is_read_from_what_keras_says(message: str, name: str | None) -> None:
    assert _missing_class(message) == name


def test_classes_are_found_at_any_depth() -> None:
    config = {
        "class_name": "Functional",
        "config": {"layers": [{"config": {"function": {"class_name": "__lambda__"}}}]},
    }
    assert list(_classes(config)) == ["Functional", "__lambda__"]


@pytest.mark.parametrize(
    ("shape", "sizes", "result"),
    [
        ((None, 8), None, (1, 8)),
        ((None, None, None, 3), [20, 30], (1, 20, 30, 3)),
        ((None, None, 40, 3), [20, 30], (1, 20, 40, 3)),
        ((None,), None, (1,)),
    ],
)
def test_open_sizes_are_filled_in(shape: Any, sizes: Any, result: Any) -> None:
    assert fixed(shape, {"path": "m.keras", "sizes": sizes}, "x") == result


@pytest.mark.parametrize(("shape", "sizes"), [((None, None, 8), None), ((None, None, 8), [2, 3]), ((), None)])
def test_sizes_that_nobody_knows_are_refused(shape: Any, sizes: Any) -> None:
    with pytest.raises(RefusalError, match="open shape"):
        fixed(shape, {"path": "m.keras", "sizes": sizes}, "x")


def layer(kind: str, **values: Any) -> Any:
    return type(kind, (), values)()


@pytest.mark.parametrize(
    ("layers", "pixels"),
    [
        ([layer("InputLayer"), layer("Rescaling", scale=1 / 255)], True),
        ([layer("RandomFlip"), layer("Rescaling", scale=[1 / 127.5] * 3)], True),
        ([layer("Rescaling", scale=2.0)], False),
        ([layer("Normalization", variance=np.array([3364.0, 3249.0]))], True),
        ([layer("Normalization", variance=np.array([0.05]))], False),
        ([layer("InputLayer"), layer("Functional", layers=[layer("Rescaling", scale=1 / 255)])], True),
        ([layer("Conv2D"), layer("Rescaling", scale=1 / 255)], False),
        ([], False),
    ],
)
def test_models_that_scale_their_input_are_known(layers: list[Any], pixels: bool) -> None:
    assert takes_pixels(layer("Sequential", layers=layers)) is pixels


class Converter:
    def __init__(self, words: str) -> None:
        self.words = words

    def convert(self) -> bytes:
        raise RuntimeError(self.words)


def test_operators_that_litert_lacks_are_named() -> None:
    words = "error\nTF Select ops: Erfinv, Betainc\nDetails:\n\ttf.Erfinv(tensor)\nCustom ops: Mine\nDetails"
    with pytest.raises(RefusalError, match="m needs operators that LiteRT does not have: Betainc, Erfinv, Mine"):
        converted(Converter(words), "m")


def test_other_complaints_of_the_converter_pass() -> None:
    with pytest.raises(RuntimeError, match="out of luck"):
        converted(Converter("out of luck"), "m")
