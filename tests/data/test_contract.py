"""The contract: JSON both ways, strict about what it accepts, and the numbers that follow from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from littoral.data import Calibration, Contract, InputContract
from littoral.errors import ContractError, DataError

finite = st.floats(allow_nan=False, allow_infinity=False, width=32)
nonzero = finite.filter(bool)


@st.composite
def inputs(draw: st.DrawFn, name: str) -> InputContract:
    colour: Any = draw(st.sampled_from(["rgb", "bgr", "gray"]))
    channels = 1 if colour == "gray" else 3
    layout: Any = draw(st.sampled_from(["NHWC", "NCHW", "NHW"] if colour == "gray" else ["NHWC", "NCHW"]))
    return InputContract(
        draw(st.integers(1, 2000)),
        draw(st.integers(1, 2000)),
        name,
        layout,
        colour,
        draw(st.sampled_from(["bilinear", "area", "letterbox", "nearest"])),
        draw(nonzero | st.tuples(*[nonzero] * channels)),
        draw(finite | st.tuples(*[finite] * channels)),
    )


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    names = draw(st.lists(st.text(max_size=8), unique=True, max_size=3))
    calibration = st.builds(
        Calibration,
        st.integers(0, 10**6),
        st.integers(0, 2**32),
        st.integers(0, 9),
        st.dictionaries(st.text(max_size=5), st.tuples(finite, finite), max_size=2).map(
            lambda ranges: tuple((name, *ends) for name, ends in ranges.items())
        ),
    )
    return Contract(
        tuple(draw(inputs(name)) for name in names),
        tuple(draw(st.lists(st.text(max_size=10), max_size=4))),
        draw(st.sampled_from(["", "int8"])),
        draw(st.none() | calibration),
        draw(st.sampled_from(["", "ab" * 32])),
    )


@given(contracts())
def test_json_and_back_is_the_same(contract: Contract) -> None:
    assert Contract.from_json(contract.to_json()) == contract
    assert Contract.from_json(contract.to_json().encode()) == contract


def test_the_written_form_is_pinned() -> None:
    contract = Contract((InputContract(4, 3, "x", scale=0.5, mean=(1, 2, 3)),), ("a",), "int8", Calibration(5), "ff")
    assert json.loads(contract.to_json()) == {
        "version": 1,
        "inputs": [
            {
                "width": 4,
                "height": 3,
                "name": "x",
                "layout": "NHWC",
                "colour": "rgb",
                "resize": "bilinear",
                "scale": 0.5,
                "mean": [1, 2, 3],
            }
        ],
        "calibration": {"samples": 5, "seed": 0, "skipped": 0, "ranges": {}},
        "labels": ["a"],
        "recipe": "int8",
        "source_sha256": "ff",
    }


def test_a_person_writes_only_what_matters() -> None:
    text = '{"inputs": [{"width": 224, "height": 224, "scale": 0.00784, "mean": 127.5}], "labels": ["a", "b"]}'
    contract = Contract.from_json(text)
    assert contract.inputs == (InputContract(224, 224, scale=0.00784, mean=127.5),)
    assert contract.labels == ("a", "b")


REFUSED = {
    "{": "not JSON",
    "\xff": "not JSON",
    "[]": "Accepted: an object with version, inputs",
    '{"wide": 1}': "unknown key 'wide'. Accepted: version, inputs, labels",
    '{"version": 2}': "version is 2. This littoral reads version 1",
    '{"version": true}': "version is True",
    '{"inputs": {}}': "inputs is {}. Accepted: a list",
    '{"inputs": [{"width": 5}]}': r"inputs\[0\] has no 'height'",
    '{"inputs": [{"width": 5, "height": 5, "size": 5}]}': r"inputs\[0\] has an unknown key 'size'",
    '{"inputs": [{"width": 0, "height": 5}]}': "width is 0. Accepted: a whole number of 1 to 16384",
    '{"inputs": [{"width": 5.0, "height": 5}]}': "width is 5.0",
    '{"inputs": [{"width": 5, "height": 5, "scale": "1/255"}]}': "scale is '1/255'. Accepted: a finite number",
    '{"inputs": [{"width": 5, "height": 5, "scale": NaN}]}': "NaN is not a number",
    '{"inputs": [{"width": 5, "height": 5, "scale": 1e999}]}': "scale is inf",
    '{"inputs": [{"width": 5, "height": 5, "scale": 0}]}': "scale is 0",
    '{"inputs": [{"width": 5, "height": 5, "scale": 1' + "0" * 400 + "}]}": "Accepted: a finite number",
    '{"inputs": [{"width": 5, "height": 5, "mean": [1, 2]}]}': "mean has 2 numbers. Give one number, or 3 for rgb",
    '{"inputs": [{"width": 5, "height": 5, "colour": "RGB"}]}': "colour is 'RGB'. Accepted: rgb, bgr, gray",
    '{"inputs": [{"width": 5, "height": 5, "colour": ["rgb"]}]}': "Accepted: rgb, bgr, gray",
    '{"inputs": [{"width": 5, "height": 5, "layout": "NHW"}]}': "layout NHW has no channels",
    '{"inputs": [{"width": 5, "height": 5}, {"width": 5, "height": 5}]}': "two inputs have one name",
    '{"labels": "names.txt"}': "labels is 'names.txt'. Accepted: a list",
    '{"labels": [1]}': r"labels\[0\] is 1. Accepted: a string",
    '{"calibration": {"samples": 1, "ranges": {"x": [1]}}}': r"Accepted: \[low, high\]",
    '{"calibration": {"ranges": {}}}': "calibration has no 'samples'",
    "[" * 100_000: "not JSON",
}


@pytest.mark.parametrize(("text", "message"), REFUSED.items(), ids=range(len(REFUSED)))
def test_what_is_malformed_is_refused_and_says_what_is_accepted(text: str, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        Contract.from_json(text)


@given(st.recursive(st.none() | st.booleans() | finite | st.text(max_size=5), lambda c: st.lists(c) | st.dictionaries(
    st.sampled_from(["inputs", "version", "labels", "calibration", "width", "height", "scale", "ranges"]), c
), max_leaves=8))  # fmt: skip
def test_any_json_is_a_contract_or_one_error(data: Any) -> None:
    try:
        contract = Contract.from_json(json.dumps(data))
    except ContractError:
        return
    assert Contract.from_json(contract.to_json()) == contract


def test_bytes_that_are_not_text_are_refused() -> None:
    with pytest.raises(ContractError, match="not JSON"):
        Contract.from_json(b"\xff\xfe\x00")


def test_a_file_names_itself_in_errors_and_finds_labels_beside_it(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("cat\ndog\n")
    file = tmp_path / "contract.json"
    file.write_text('{"inputs": [{"width": 8, "height": 8}], "labels": "names.txt"}')
    assert Contract.load(file).labels == ("cat", "dog")
    file.write_text('{"labels": "absent.txt"}')
    with pytest.raises(DataError, match=r"absent\.txt"):
        Contract.load(file)
    file.write_text('{"inputs": 1}')
    with pytest.raises(ContractError, match=r"contract\.json: inputs is 1"):
        Contract.load(file)
    with pytest.raises(ContractError, match="cannot be read"):
        Contract.load(tmp_path / "absent.json")


def test_the_range_of_values() -> None:
    assert InputContract(1, 1).value_range == (0, 255)
    assert InputContract(1, 1, scale=1 / 127.5, mean=127.5).value_range == (-1, 1)
    assert InputContract(1, 1, scale=-1.0).value_range == (-255, 0)
    assert InputContract(1, 1, scale=(1, 2, 1), mean=(0, 0, 100)).value_range == (-100, 510)


def test_the_shape_follows_the_layout() -> None:
    assert InputContract(4, 3).shape == (3, 4, 3)
    assert InputContract(4, 3, layout="NCHW").shape == (3, 3, 4)
    assert InputContract(4, 3, colour="gray").shape == (3, 4, 1)
    assert InputContract(4, 3, colour="gray", layout="NHW").shape == (3, 4)


@pytest.mark.parametrize("shape", [(1, 20, 30, 3), (1, 3, 20, 30), (1, 20, 30, 1), (1, 28, 28), (-1, 20, 30, 3)])
def test_a_shape_is_guessed_back(shape: tuple[int, ...]) -> None:
    guessed = InputContract.from_shape(shape, "x")
    assert guessed is not None
    assert guessed.shape == shape[1:]
    assert (guessed.name, guessed.scale, guessed.mean) == ("x", 1, 0)


@pytest.mark.parametrize(
    "shape",
    [(), (1, 10), (1, 198, 32), (1, 20, 30, 7), (1, -1, -1, 3), (1, 1, 1, 1024), (1, 2, 3, 4, 5), (1, 1 << 20, 9, 3)],
)
def test_what_is_no_picture_is_not_guessed(shape: tuple[int, ...]) -> None:
    assert InputContract.from_shape(shape) is None


def test_inputs_by_name() -> None:
    only = Contract((InputContract(8, 8),))
    assert only.input("anything") is only.inputs[0]
    named = Contract((InputContract(8, 8, "a"), InputContract(8, 8, "b")))
    assert named.input("b") is named.inputs[1]
    assert named.input("c") is None
