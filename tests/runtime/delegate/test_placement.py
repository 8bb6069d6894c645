"""Who runs what, and why not the accelerator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.delegate.conftest import Scripted, arithmetic, sums

from littoral.errors import DeviceError, MissingExtraError
from littoral.runtime.delegate import OperatorPlacement, Placement, Region, attach, plan
from littoral.tflite import Operator, read


def test_a_reason_of_the_delegate_is_reported() -> None:
    answers: Iterator[bool | str] = iter([True, "too small", False])
    placement = plan(sums(3), Scripted(arithmetic, claim=lambda _: next(answers))).placement()
    assert [(place.runner, place.reason) for place in placement.operators] == [
        ("scripted", ""),
        ("cpu", "too small"),
        ("cpu", "scripted does not take ADD"),
    ]


def test_regions_that_are_not_selected_say_so() -> None:
    def first(regions: Sequence[Region]) -> Sequence[Region]:
        return regions[:1]

    answers = iter([True, False, True])
    made = plan(sums(3), Scripted(arithmetic, claim=lambda _: next(answers), select=first))
    assert made.claimed == (frozenset({0}),)
    assert "its region (1 operators, 0 multiply-adds) was not selected" in made.reasons[0, 2]


def test_select_is_not_asked_without_regions() -> None:
    def never(_: Sequence[Region]) -> Sequence[Region]:
        raise AssertionError

    assert plan(sums(1), Scripted(arithmetic, claim=lambda _: False, select=never)).claimed == (frozenset(),)


def test_select_must_choose_among_what_it_is_offered() -> None:
    with pytest.raises(DeviceError, match="not offered"):
        plan(sums(2), Scripted(arithmetic, select=lambda _: [Region((0,), 0)]))


@pytest.mark.parametrize("where", ["claim", "select"])
def test_what_a_delegate_raises_is_the_cause(where: str) -> None:
    def fail(_: Any) -> Any:
        raise KeyError("no such kernel")

    with pytest.raises(DeviceError, match=rf"scripted failed in {where}.*KeyError: 'no such kernel'") as caught:
        plan(sums(2), Scripted(arithmetic, **{where: fail}))
    assert isinstance(caught.value.__cause__, KeyError)


def test_errors_of_ours_pass_as_they_are() -> None:
    def missing(_: Operator) -> bool:
        raise MissingExtraError("the driver", "openvino")

    with pytest.raises(MissingExtraError, match="the driver is not installed"):
        plan(sums(1), Scripted(arithmetic, claim=missing))


def test_the_share_is_of_multiply_adds(coral: Path) -> None:
    graph = read(coral / "mobilenet_v1_0.25_128_quant.tflite")
    delegate = Scripted(arithmetic, claim=lambda operator: operator.name == "CONV_2D")
    placement = plan(graph, delegate).placement()
    on = [place for place in placement.operators if place.runner == "scripted"]
    assert len(on) == 15
    assert placement.accelerated == pytest.approx(0.8954, abs=1e-4)


def test_the_share_is_of_operators_where_there_are_no_multiply_adds() -> None:
    answers = iter([True, True, False, False])
    assert plan(sums(4), Scripted(arithmetic, claim=lambda _: next(answers))).placement().accelerated == 0.5
    assert Placement(()).accelerated == 0.0


def test_placement_comes_from_kernels_not_from_claims() -> None:
    made = plan(sums(2), Scripted(arithmetic))
    place = made.placement(compiled={(0, 1)}).operators[0]
    assert place == OperatorPlacement(0, 0, "ADD", "cpu", "the runtime or another delegate kept it", 0)


def test_an_attached_delegate_has_the_foretold_placement(model_file: Path) -> None:
    graph = read(model_file)
    delegate = Scripted(lambda _: lambda inputs, outputs: None, claim=lambda operator: len(operator.inputs) == 3)
    with attach(graph, delegate, file=model_file) as session:
        assert session.placement == plan(graph, delegate).placement()
