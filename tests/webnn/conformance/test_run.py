"""The runner: what becomes of a test that passes, fails, is listed, or cannot be run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from littoral.errors import DataError
from littoral.webnn import conformance
from littoral.webnn.conformance.cases import read_folder
from littoral.webnn.errors import NotSupportedError

OWN = Path(__file__).parent / "data"


def case(name: str, operation: str, arguments: list[Any], expected: list[float], **options: Any) -> dict[str, Any]:
    given, wanted = (
        {"data": data, "descriptor": {"shape": [len(data)], "dataType": "float32"}} for data in ([1, 2], expected)
    )
    step = {"name": operation, "arguments": [*arguments, {"options": options}], "outputs": "y"}
    graph = {"inputs": {"x": given}, "operators": [step], "expectedOutputs": {"y": wanted}}
    return {"name": name, "tolerance": {"metric": "ULP", "value": 0}, "graph": graph}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tests = [
        case("right", "add", [{"a": "x"}, {"b": "x"}], [2, 4]),
        case("wrong", "add", [{"a": "x"}, {"b": "x"}], [2, 5]),
        case("lost", "add", [{"a": "x"}, {"b": "z"}], [2, 4]),
        case("short", "add", [], [2, 4]),
        case("long", "add", [{"a": "x"}, {"b": "x"}, {"c": "x"}], [2, 4]),
        case("symmetric", "pad", [{"input": "x"}, {"b": [1]}, {"e": [1]}], [1, 1, 2, 2], mode="symmetric"),
    ]
    (tmp_path / "add.json").write_text(json.dumps({"tests": tests}))
    return tmp_path


def gaps(monkeypatch: pytest.MonkeyPatch, *found: conformance.Gap) -> None:
    monkeypatch.setattr(conformance, "known_gaps", lambda _: found)


WRONG = conformance.Gap("adds wrongly", "add", ("wrong", "lost"))
SAYS = conformance.Gap("takes two", says="OperandError")


def outcomes(found: conformance.Conformance) -> Mapping[str, conformance.Outcome]:
    return {outcome.name: outcome for outcome in found.outcomes}


def test_every_test_has_its_status_and_reason(folder: Path) -> None:
    found = conformance.run(folder)
    by_name = outcomes(found)
    assert {name: outcome.status for name, outcome in by_name.items()} == {
        "right": "passed",
        **dict.fromkeys(("wrong", "lost", "short", "long"), "failed"),
        "symmetric": "other form",
    }
    assert by_name["right"].reason == ""
    assert by_name["wrong"].reason.startswith("y: 4.0 for 5.0 at [1]:")
    assert by_name["lost"].reason == "DataError: there is no operand 'z'. There are x"
    assert by_name["short"].reason == "OperandError: add: a is missing"
    assert by_name["long"].reason.startswith("OperandError: ")
    assert found.table["add"] == {"passed": 1, "failed": 4}
    assert found.total == {"passed": 1, "failed": 4, "other form": 1}
    assert found.share == 1 / 5
    assert not found.ok
    assert "add" not in found.untested
    assert "sub" in found.untested


def test_a_listed_gap_is_no_failure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gaps(monkeypatch, WRONG, SAYS)
    found = conformance.run(folder)
    assert found.ok
    assert found.total == {"passed": 1, "known gap": 4, "other form": 1}
    reasons = {name: outcome.reason for name, outcome in outcomes(found).items() if outcome.status == "known gap"}
    assert reasons == {"wrong": "adds wrongly", "lost": "adds wrongly", "short": "takes two", "long": "takes two"}


def test_a_listed_gap_that_passes_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gaps(monkeypatch, WRONG, SAYS, conformance.Gap("once wrong", "add", ("right",)))
    found = conformance.run(folder)
    assert not found.ok
    assert [outcome.name for outcome in found.outcomes if outcome.stale] == ["right"]


def test_a_gap_may_be_a_whole_file() -> None:
    gap = conformance.Gap("why", "add")
    assert gap.names("add", "anything")
    assert not gap.names("sub", "anything")
    assert not SAYS.names("add", "short")


def test_gaps_of_a_device_are_those_of_its_name_and_of_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = {name: [{"file": name, "tests": ["1"], "reason": "r"}] for name in ("any", "cpu", "tpu", "tpu:fast")}
    monkeypatch.setattr(json, "loads", lambda _: listed)

    def files(device: str) -> list[str]:
        return [gap.file for gap in conformance.known_gaps(device)]

    assert files("gpu") == ["any"]
    assert files("tpu") == ["any", "tpu"]
    assert files("tpu:fast:2") == ["any", "tpu", "tpu:fast"]
    assert files("tpu:slow | cpu") == ["any", "tpu", "cpu"]


def test_every_shipped_gap_is_well_formed(shared_data: Path) -> None:
    cases = {(case.file, case.name) for case in read_folder(shared_data / "webnn-conformance")}
    for device in ("cpu", "cpu:reference", "openvino"):
        for gap in conformance.known_gaps(device):
            assert len(gap.reason.split()) > 3
            assert bool(gap.says) != bool(gap.file)
            assert cases.issuperset((gap.file, test) for test in gap.tests)


def test_progress_counts_the_tests(folder: Path) -> None:
    seen = []
    conformance.run([folder], progress=lambda *words: seen.append(words))
    assert seen == [("tests on cpu", number, 6) for number in range(6)]


def test_what_is_not_there_is_refused(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(DataError, match="no JSON file is there"):
        conformance.run(tmp_path / "absent")
    with pytest.raises(NotSupportedError, match="nowhere"):
        conformance.run(folder, "nowhere")


def check(found: conformance.Conformance) -> None:
    """Nothing fails but what is listed, and all that is listed does."""
    assert not [f"{each.file}: {each.name}: {each.reason}" for each in found.outcomes if each.status == "failed"]
    assert not [each.name for each in found.outcomes if each.stale]
    assert found.ok


def test_the_suite_passes_on_cpu(shared_data: Path) -> None:
    found = conformance.run([shared_data / "webnn-conformance", OWN], "cpu")
    check(found)
    assert found.share >= 0.995
    assert found.untested == ()


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cpu:reference", "openvino", "openvino|cpu"])
def test_the_suite_passes_elsewhere(shared_data: Path, device: str) -> None:
    if device.startswith("openvino"):
        pytest.importorskip("openvino", reason='OpenVINO is not installed: pip install "littoral[openvino]"')
    check(conformance.run([shared_data / "webnn-conformance", OWN], device))
