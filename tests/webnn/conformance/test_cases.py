"""The reader of the data: what it understands, and what it refuses."""

from __future__ import annotations

import contextlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from littoral.errors import DataError
from littoral.webnn.conformance.cases import Case, read, read_folder
from littoral.webnn.conformance.tolerance import Tolerance


def tensor(data: Any, shape: list[int], data_type: str = "float32", **more: bool) -> dict[str, Any]:
    return {"data": data, "descriptor": {"shape": shape, "dataType": data_type}, **more}


def document(**changes: Any) -> dict[str, Any]:
    graph = {
        "inputs": {"x": tensor([1, 2], [2]), "s": tensor([3], [1], constant=True)},
        "operators": [{"name": "elu", "arguments": [{"input": "x"}, {"options": {"alpha": 2}}], "outputs": "y"}],
        "expectedOutputs": {"y": tensor([1, 2], [2])},
    }
    test = {"name": "a test", "tolerance": {"metric": "ULP", "value": 18}, "graph": {**graph, **changes}}
    return {"tests": [test]}


def written(folder: Path, content: Any) -> Case:
    file = folder / "elu.json"
    file.write_text(json.dumps(content))
    (case,) = read(file)
    return case


def test_a_case_as_it_is_in_the_file(tmp_path: Path) -> None:
    case = written(tmp_path, document())
    assert (case.file, case.name, case.subject, case.operations) == ("elu", "a test", "elu", frozenset({"elu"}))
    assert case.tolerance == Tolerance("ULP", 18)
    (step,) = case.steps
    assert (step.operation, step.arguments, step.options, step.outputs) == ("elu", ("x",), {"alpha": 2}, ("y",))
    assert case.inputs["s"].constant
    assert not case.inputs["x"].constant
    assert case.expected["y"].value.tolist() == [1, 2]
    assert case.expected["y"].value.dtype == np.float32


def test_what_json_cannot_hold(tmp_path: Path) -> None:
    numbers = [{"$num": "NaN"}, {"$num": "Infinity"}, {"$num": "-Infinity"}, {"$num": "-0"}]
    inputs = {"x": tensor(numbers, [4]), "n": tensor([{"$bigint": str(2**64 - 1)}], [1], "uint64")}
    case = written(tmp_path, document(inputs=inputs))
    nan, infinity, minus, zero = case.inputs["x"].value.tolist()
    assert math.isnan(nan)
    assert (infinity, minus) == (math.inf, -math.inf)
    assert math.copysign(1, zero) == -1
    assert case.inputs["n"].value.tolist() == [2**64 - 1]


def test_one_number_fills_a_shape_and_four_bits_are_signed_or_not(tmp_path: Path) -> None:
    inputs = {
        "full": tensor(7, [2, 3]),
        "signed": tensor([10, -15], [2], "int4"),
        "unsigned": tensor([16, 15], [2], "uint4"),
    }
    case = written(tmp_path, document(inputs=inputs))
    assert case.inputs["full"].value.tolist() == [[7] * 3] * 2
    assert case.inputs["signed"].value.tolist() == [-6, 1]
    assert case.inputs["unsigned"].value.tolist() == [0, 15]


def test_a_hole_in_the_arguments_is_passed_over(tmp_path: Path) -> None:
    operators = [{"name": "softmax", "arguments": [{"input": "x"}, None, {"axis": 1}], "outputs": ["y"]}]
    (step,) = written(tmp_path, document(operators=operators)).steps
    assert step.arguments == ("x", 1)
    assert step.outputs == ("y",)


@pytest.mark.parametrize(
    "changes",
    [
        {"inputs": {"x": tensor([1, 2, 3], [2])}},
        {"inputs": {"x": tensor([1, 2], [2], "float64")}},
        {"inputs": {"x": tensor([300], [1], "uint8")}},
        {"inputs": {"x": tensor(["many"], [1])}},
        {"inputs": {"x": tensor({"$num": "much"}, [1])}},
        {"inputs": {"x": {"data": [1]}}},
        {"inputs": [1]},
        {"operators": [{"name": "elu"}]},
        {"operators": [{"name": "build", "arguments": [], "outputs": "y"}]},
        {"operators": [{"name": ["elu"], "arguments": [], "outputs": "y"}]},
        {"operators": [{"name": "elu", "arguments": [7], "outputs": "y"}]},
        {"expectedOutputs": None},
    ],
)
def test_a_malformed_case_is_named(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"elu\.json: test 0 is malformed"):
        written(tmp_path, document(**changes))


@pytest.mark.parametrize("content", ["", "{", "[]", "3", '{"tests": 3}', "[" * 100_000, '{"test": []}'])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "elu.json"
    file.write_text(content)
    with pytest.raises(DataError, match=r"elu\.json: is not a file of tests"):
        read(file)


def test_a_folder_without_data_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(DataError, match="no JSON file is there"):
            read_folder(folder)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.sampled_from(["x", "y", "float32", "$num"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["x", "data", "$num"]), inner),
    max_leaves=6,
)


@settings(max_examples=200)
@given(st.data())
def test_anything_in_place_of_anything_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    content = document()
    place = content["tests"][0]
    while isinstance(place, dict | list) and len(place) and data.draw(st.booleans()):
        inner = place[data.draw(st.sampled_from(range(len(place)) if isinstance(place, list) else sorted(place)))]
        if not isinstance(inner, dict | list) or not len(inner):
            break
        place = inner
    key = data.draw(st.sampled_from(range(len(place)) if isinstance(place, list) else sorted(place)))
    place[key] = data.draw(json_values)
    folder = tmp_path_factory.mktemp("fuzz")
    with contextlib.suppress(DataError):
        written(folder, content)


def test_all_of_the_suite_is_read(shared_data: Path) -> None:
    cases = read_folder(shared_data / "webnn-conformance")
    assert len(cases) == 1181
    assert [case.name for case in cases if case.tolerance is None] == ["quantized conv2d"]
