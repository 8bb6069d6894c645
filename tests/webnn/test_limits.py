"""Limits of browsers: shipped, recorded, read, refused; and what an operator becomes by them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.browsers import WITH_WEBNN
from typer.testing import CliRunner

from littoral.cli import app
from littoral.errors import DataError, DeviceError
from littoral.webnn.idl import signatures
from littoral.webnn.limits import Limits, from_standard, load, names, own_limits
from littoral.webnn.limits.record import record

pytestmark = pytest.mark.filterwarnings("error")


def test_chromium_is_shipped() -> None:
    limits = load("chromium")
    assert limits.name.startswith("Chromium ")
    assert limits.operations.keys() == signatures().keys()
    assert limits.operations["conv2d"]["input"].data_types == ("float32", "float16")
    assert limits.operations["equal"]["a"].most_rank == 4


@pytest.mark.parametrize("limits", [load(name) for name in names()] + [own_limits()], ids=lambda limits: limits.name)
def test_written_and_read_again(limits: Limits, tmp_path: Path) -> None:
    file = tmp_path / "limits.json"
    file.write_text(limits.to_json())
    assert load(file) == limits


def test_ours_are_the_standards() -> None:
    limits = own_limits()
    assert len(limits.operations) == 95
    assert limits.operations["quantizeLinear"]["scale"].data_types == ("float32", "float16")
    assert limits.operations["gather"]["indices"].data_types == ("int32", "uint32", "int64")
    assert (limits.operations["gemm"]["c"].least_rank, limits.operations["gemm"]["c"].most_rank) == (0, 2)


def test_chromium_s_operands_are_the_standards() -> None:
    for name, operands in load("chromium").operations.items():
        assert operands.keys() == own_limits().operations[name].keys(), name


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"name": "x"}', '{"name": "x", "opSupportLimits": 3}', '{"name": "x", "opSupportLimits": {}}'],
)
def test_other_files_are_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "limits.json"
    file.write_text(text)
    with pytest.raises(DataError, match="littoral webnn limits"):
        load(file)


def test_an_unknown_browser_is_refused() -> None:
    with pytest.raises(DataError, match="neither a file nor one of chromium"):
        load("mosaic")


def test_a_member_of_another_form_is_refused() -> None:
    given = own_limits().standard()
    given["add"]["a"]["rankRange"] = "all"
    with pytest.raises(DataError, match="another form"):
        from_standard("x", given)


def test_recorded_from_a_browser(tmp_path: Path) -> None:
    pytest.importorskip("playwright", reason="needs the extra browser")
    if not WITH_WEBNN.exists():
        pytest.skip("no browser with a WebNN backend: make test unpacks one")
    file = tmp_path / "limits.json"
    result = CliRunner().invoke(app, ["webnn", "limits", "--browser", str(WITH_WEBNN), "-o", str(file)])
    assert result.exit_code == 0, result.output
    recorded = load(file)
    assert recorded.name in result.output
    assert recorded.operations.keys() == signatures().keys()
    assert [path.name for path in tmp_path.iterdir()] == ["limits.json"]


def test_what_is_no_browser(tmp_path: Path) -> None:
    pytest.importorskip("playwright", reason="needs the extra browser")
    with pytest.raises(DeviceError, match="cannot be asked for its limits"):
        record(tmp_path / "none")


def test_inspect_shows_what_a_browser_makes_of_a_model(coral: Path) -> None:
    model = str(coral / "tf2_mobilenet_v2_1.0_224_ptq.tflite")
    page = CliRunner().invoke(app, ["inspect", model, "--device", "webnn"])
    assert page.exit_code == 0, page.output
    words = " ".join(page.output.split())  # lines break where the terminal ends
    assert "68 of 68 operators map, with 100.0% of the multiply-adds" in words
    answer = json.loads(CliRunner().invoke(app, ["inspect", model, "--device", "webnn", "--json"]).output)["webnn"]
    assert (answer["mapped"], answer["accelerated"]) == (68, 1.0)
    assert answer["operators"][1]["calls"] == [*["dequantizeLinear"] * 3, "conv2d", "quantizeLinear"]


def test_inspect_by_other_limits(coral: Path, tmp_path: Path) -> None:
    """A browser without softmax, and with int8 for nothing but weights."""
    given = load("chromium").standard()
    del given["softmax"]
    given["quantizeLinear"]["output"]["dataTypes"] = ["uint8"]
    file = tmp_path / "limits.json"
    file.write_text(from_standard("Mosaic", given).to_json())
    model = str(coral / "tf2_mobilenet_v2_1.0_224_ptq.tflite")
    found = CliRunner().invoke(app, ["inspect", model, "--device", "webnn", "--limits", str(file), "--json"])
    operators = json.loads(found.output)["webnn"]["operators"]
    reasons = {one["name"]: one["reason"] for one in operators}
    assert reasons["SOFTMAX"] == "Mosaic has no softmax"
    assert reasons["CONV_2D"] == "Mosaic: output of quantizeLinear is int8"
    assert reasons["RESHAPE"] == ""
