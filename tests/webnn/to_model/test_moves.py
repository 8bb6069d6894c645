"""What all that moves values about relies on."""

from __future__ import annotations

import numpy as np
import pytest
from tests.webnn.to_model.conftest import operators, run, same

from littoral.webnn.builder import MLGraphBuilder
from littoral.webnn.context import create_context
from littoral.webnn.program import Descriptor
from littoral.webnn.to_model.moves import around, resized


@pytest.mark.parametrize(
    ("axis", "three", "other"),
    [(0, (1, 2, 60), (9, 3, 4, 5)), (2, (6, 4, 5), (2, 3, 9, 5)), (3, (24, 5, 1), (2, 3, 4, 9))],
)
def test_shapes_about_an_axis(axis: int, three: tuple[int, ...], other: tuple[int, ...]) -> None:
    assert around((2, 3, 4, 5), axis) == three
    assert resized((2, 3, 4, 5), axis, 9) == other


def test_types_that_a_kernel_lacks_go_through_as_integers() -> None:
    parts = [np.zeros(2, np.uint64)] * 2
    assert operators("concat", inputs=parts, axis=0) == ["BITCAST", "BITCAST", "CONCATENATION", "BITCAST"]


@pytest.mark.parametrize("data_type", ["int8", "uint8"])
def test_integers_of_different_scales_are_joined_as_they_are(data_type: str) -> None:
    value = np.arange(-4, 4, dtype=np.float32)
    with create_context() as context:
        builder = MLGraphBuilder(context)
        source, zero = builder.input("x", Descriptor("float32", (8,))), builder.constant(np.zeros(1, data_type))
        scales = [builder.constant(np.array([scale], np.float32)) for scale in (0.5, 0.25)]
        parts = [builder.quantizeLinear(source, scale, zero) for scale in scales]
        program = builder.record({"output0": builder.concat(parts, 0)})
    low, high = np.iinfo(data_type).min, np.iinfo(data_type).max
    wanted = np.clip(np.concatenate([value / 0.5, value / 0.25]), low, high).astype(data_type)
    assert same(run(program, {"x": value})[0], wanted)
