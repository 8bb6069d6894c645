from __future__ import annotations

from pathlib import Path

import pytest

from littoral.check.operators import operator_share
from littoral.check.results import FloatOperator, KernelRun, OperatorShare
from littoral.check.statistics import OutputError
from littoral.check.tally import Tally
from littoral.check.verdict import failures, kernel_failures, notes
from littoral.tflite import read


def error(sqnr: float) -> OutputError:
    return OutputError("y", 10, 0.5, 0.1, 0.2, sqnr, 0.9)


def runs(fast: float, plain: float) -> list[KernelRun]:
    return [KernelRun("cpu", 8, errors=(error(fast),)), KernelRun("cpu:reference", 8, errors=(error(plain),))]


@pytest.mark.parametrize(
    ("fast", "plain", "between", "wrong"),
    [
        (30.0, 1.0, 1.0, "cpu:reference"),
        (-3.0, 40.0, -3.0, "cpu"),
        (30.0, 29.0, 28.0, ""),
        (6.0, 6.0, 5.0, ""),  # a poor model, not a kernel at fault
        (8.0, 9.0, 4.0, ""),
        (float("nan"), float("nan"), float("nan"), ""),
    ],
)
def test_a_kernel_at_fault_is_told_from_a_poor_model(fast: float, plain: float, between: float, wrong: str) -> None:
    found = list(kernel_failures(runs(fast, plain), [error(between)]))
    assert [f"Output y is wrong on {wrong}:" in failure for failure in found] == [True] * bool(wrong)


def test_without_a_float_model_no_kernel_is_blamed() -> None:
    without = [KernelRun("cpu", 8), KernelRun("cpu:reference", 8)]
    assert list(kernel_failures(without, [error(-10.0)])) == []


@pytest.mark.parametrize(("sqnr", "told"), [(5.0, True), (19.0, True), (21.0, False), (float("inf"), False)])
def test_a_large_difference_between_kernels_is_noted(models: Path, sqnr: float, told: bool) -> None:
    graph = read(models / "model.tflite")
    found = list(notes(graph, "int8", operator_share(graph), runs(30, 30), [error(sqnr)]))
    assert any("differs by up to 0.5 between XNNPACK and the reference kernels" in note for note in found) is told


def test_islands_are_a_note_for_int8_and_a_failure_for_full_int8(models: Path) -> None:
    graph = read(models / "model_full_integer.tflite")
    islands = tuple(FloatOperator(index, kind, f"out{index}") for index, kind in enumerate(["ELU", "EXP"]))
    share = OperatorShare(10, 8, 0, 100, 90, 0, islands)
    tallies = [Tally("cpu"), Tally("cpu:reference")]
    assert list(notes(graph, "int8", share, (), ())) == ["2 of 10 operators compute in float: ELU, EXP."]
    assert list(failures(graph, "int8", share, tallies, ["y"])) == []
    assert list(notes(graph, "full-int8", share, (), ())) == []
    partial = "It is partial: 2 of 10 operators compute in float: ELU (out0), EXP (out1)."
    assert list(failures(graph, "full-int8", share, tallies, ["y"])) == [partial]


def test_many_islands_are_not_all_named(models: Path) -> None:
    islands = tuple(FloatOperator(index, "ELU", f"out{index}") for index in range(9))
    share = OperatorShare(10, 1, 0, 0, 0, 0, islands)
    found = next(failures(read(models / "model.tflite"), "full-int8", share, [], ["y"]))
    assert found.endswith("ELU (out4) and 4 more.")


def test_float_edges_of_full_int8_are_noted(models: Path) -> None:
    graph = read(models / "model_integer.tflite")
    assert list(notes(graph, "full-int8", operator_share(graph), (), ())) == [
        "Inputs or outputs are float: conv2d_19_input, Identity."
    ]


def test_a_refusal_by_all_is_one_failure(models: Path) -> None:
    tallies = [Tally("cpu", refused="no kernel"), Tally("cpu:reference", refused="no kernel")]
    graph = read(models / "model.tflite")
    assert list(failures(graph, "", operator_share(graph), tallies, ["y"])) == ["It does not run: no kernel"]
