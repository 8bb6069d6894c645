"""Garbage is told from rounding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.openvino.cases import Array, Case, floats

from littoral.openvino import OpenVINO, compiler
from littoral.openvino.guard import LARGEST_ERROR, error, garbage
from littoral.runtime.delegate import Partition, RefusalError, attach
from littoral.tflite import to_bytes
from littoral.tflite.options.dense import FullyConnectedOptions

PRODUCT = Case("FULLY_CONNECTED", ((3, 8), floats(6, 8)), FullyConnectedOptions())


@given(st.integers(0, 2**32), st.floats(1e-3, 1e3))
def test_the_error_is_0_for_equals_and_1_for_strangers(seed: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    one, other = (scale * random.standard_normal(4000) for _ in range(2))
    assert error(one, one) == 0
    assert 0.8 < error(one, other) < 1.2
    assert error(one, -one) == pytest.approx(2)
    assert error(one, one * 1.02) < LARGEST_ERROR / 100


def test_one_step_of_quantized_values_is_no_difference() -> None:
    values = np.arange(-5, 6, dtype=np.int8)
    assert error(values, values + 1, zero=3, slack=1) == 0
    assert error(values, values + 3, zero=3, slack=1) > 0
    assert error(np.zeros(3), np.zeros(3)) == 0


def kernel_of(value: float) -> compiler.BoundRequest:
    class Constant:
        def __call__(self, inputs: tuple[Array, ...], outputs: tuple[Array, ...]) -> None:
            outputs[0][...] = value

    return Constant()  # type: ignore[return-value]


@pytest.mark.parametrize(("value", "words"), [(np.nan, "NaN or infinity"), (np.inf, "NaN"), (7.0, "something else")])
def test_garbage_is_named(value: float, words: str) -> None:
    graph = PRODUCT.graph()
    reason = garbage(to_bytes(graph), Partition(graph, 0, (0,)), kernel_of(value))
    assert words in reason
    assert "'y0'" in reason


def test_what_litert_does_not_run_is_not_judged() -> None:
    graph = PRODUCT.graph()
    partition = Partition(graph, 0, (0,))
    assert garbage(b"not a model", partition, kernel_of(np.nan)) == ""


def test_a_region_of_garbage_is_refused(openvino: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITTORAL_HOME", str(tmp_path))
    monkeypatch.setattr(compiler, "garbage", lambda *_: "it is garbage")
    with pytest.raises(RefusalError, match="openvino cannot run this model: it is garbage"):
        attach(PRODUCT.graph(), OpenVINO())
