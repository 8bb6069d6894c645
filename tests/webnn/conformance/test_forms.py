"""Old forms said in today's words, and those that cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from littoral.webnn.conformance.cases import Case, Given, Step, read_folder
from littoral.webnn.conformance.forms import modernize, objection
from littoral.webnn.conformance.tolerance import Tolerance


def made(operation: str, arguments: tuple[Any, ...], inputs: Mapping[str, Given], **options: Any) -> Case:
    step = Step(operation, arguments, options, ("y",))
    return Case("file", "name", inputs, (step,), {}, Tolerance("ULP", 0))


def zeros(*shape: int, data_type: str = "float32") -> Given:
    return Given(data_type, np.zeros(shape, np.int8 if "int4" in data_type else np.dtype(data_type)))


def test_a_case_of_today_is_left_alone() -> None:
    case = made("softmax", ("x", 0), {"x": zeros(2, 2)})
    assert modernize(case) == (case, ())
    assert objection(case) is None


def test_softmax_names_its_axis() -> None:
    case, changes = modernize(made("softmax", ("x",), {"x": zeros(2, 2)}))
    assert case.steps[0].arguments == ("x", 1)
    assert len(changes) == 1


def test_rounding_has_its_name_of_today() -> None:
    case, _ = modernize(made("maxPool2d", ("x",), {"x": zeros(1, 1, 4, 4)}, roundingType="ceil", strides=[2]))
    assert case.steps[0].options == {"outputShapeRounding": "ceil", "strides": [2]}


def test_scales_get_the_rank_of_the_input() -> None:
    case, _ = modernize(
        made("quantizeLinear", ("x", "s", "z"), {"x": zeros(1, 2, 4), "s": zeros(2, 2), "z": zeros(2, 2)})
    )
    assert case.inputs["s"].value.shape == case.inputs["z"].value.shape == (1, 2, 2)
    assert case.inputs["x"].value.shape == (1, 2, 4)


def test_nibbles_are_read_as_bytes_and_never_written_as_such() -> None:
    nibbles = {"s": zeros(2), "z": zeros(2, data_type="int4")}
    read, _ = modernize(made("dequantizeLinear", ("x", "s", "z"), {"x": zeros(2, data_type="int4"), **nibbles}))
    assert {given.data_type for given in read.inputs.values()} == {"int8", "float32"}
    assert objection(read) is None
    written, changes = modernize(made("quantizeLinear", ("x", "s", "z"), {"x": zeros(2), **nibbles}))
    assert changes == ()
    assert objection(written) == "quantizeLinear: MLOperandDataType has no int4"


def test_what_the_standard_dropped_is_an_objection() -> None:
    case = made("pad", ("x", [1], [1]), {"x": zeros(2)}, mode="symmetric")
    assert objection(case) == "pad: MLPaddingMode has no symmetric"


@pytest.fixture(scope="module")
def suite(shared_data: Path) -> tuple[Case, ...]:
    return read_folder(shared_data / "webnn-conformance")


def test_every_case_of_the_suite_has_a_tolerance_afterwards(suite: tuple[Case, ...]) -> None:
    assert all(modernize(case)[0].tolerance for case in suite)


def test_six_cases_of_the_suite_cannot_be_said_today(suite: tuple[Case, ...]) -> None:
    apart = [case.name for case in suite if objection(modernize(case)[0])]
    assert len(apart) == 6
    assert sum(name.startswith("quantizeLinear") for name in apart) == 5
