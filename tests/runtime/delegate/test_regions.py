"""The foretold partitions are those that the runtime makes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.runtime.delegate.conftest import Scripted, graph_of, operator, subgraph, sums, tensor

from littoral.runtime.delegate import attach, regions
from littoral.runtime.delegate.limits import limit, unknown_shapes
from littoral.tflite import Graph, macs, read


def partitions(graph: Graph, claimed: set[int], file: Path | None = None) -> set[tuple[int, ...]]:
    """What the runtime makes of it."""
    wanted = {id(graph.main.operators[index]) for index in claimed}
    delegate = Scripted(lambda _: lambda inputs, outputs: None, claim=lambda operator: id(operator) in wanted)
    with attach(graph, delegate, file=file):
        return {partition.operators for partition in delegate.compiled}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_regions_are_the_partitions_of_the_runtime(model_file: Path, data: st.DataObject) -> None:
    graph = read(model_file)
    unknown = unknown_shapes(graph, 0)
    possible = [i for i, op in enumerate(graph.main.operators) if not limit(graph, 0, op, unknown)]
    claimed = data.draw(st.sets(st.sampled_from(possible)))
    assert {region.operators for region in regions(graph, 0, claimed)} == partitions(graph, claimed, model_file)


def test_all_operators_are_one_region_with_all_the_work(coral: Path) -> None:
    graph = read(coral / "mobilenet_v1_0.25_128_quant.tflite")
    everything = range(len(graph.main.operators))
    (region,) = regions(graph, 0, everything)
    assert region.operators == tuple(everything)
    assert region.macs == sum(macs(graph, 0, index) for index in everything) > 10**7


def diamond() -> Graph:
    """x -> a -> (b, c) -> d."""
    return graph_of(
        subgraph(
            [tensor(name) for name in "xabcd"],
            [
                operator("ABS", (0,), (1,)),
                operator("NEG", (1,), (2,)),
                operator("EXP", (1,), (3,)),
                operator("ADD", (2, 3), (4,)),
            ],
            (0,),
            (4,),
        )
    )


@pytest.mark.parametrize(
    ("claimed", "expected"),
    [
        (set(), []),
        ({0, 1, 2, 3}, [(0, 1, 2, 3)]),
        ({1, 2}, [(1, 2)]),
        ({0, 1, 3}, [(0, 1), (3,)]),  # not (0, 1, 3), which would wait for 2 that waits for 0
    ],
)
def test_a_region_never_waits_for_what_waits_for_it(claimed: set[int], expected: list[tuple[int, ...]]) -> None:
    assert [region.operators for region in regions(diamond(), 0, claimed)] == expected
    assert partitions(diamond(), claimed) == set(expected)


def test_a_thousand_operators() -> None:
    graph = sums(1000)
    assert len(regions(graph, 0, range(0, 1000, 2))) == 500
