"""Who runs what on the processor."""

from __future__ import annotations

from pathlib import Path

from littoral.runtime import load
from littoral.runtime.engine import Source
from littoral.runtime.litert.interpreter import Interpreted
from littoral.tflite import Graph, read


def test_the_profiler_and_the_interpreters_plan_agree(coral: Path) -> None:
    file = coral / "mobilenet_v2_1.0_224_quant.tflite"
    with load(file) as model:
        placement = model.placement
    own = [place.name for place in placement.operators if place.reason == "LiteRT's own kernel"]
    assert own == ["AVERAGE_POOL_2D", "SOFTMAX"]
    assert {place.reason for place in placement.operators} == {"XNNPACK", "LiteRT's own kernel"}
    assert placement.accelerated == 0
    assert Interpreted(Source(read(file), str(file), file), "cpu", 1).placement() == placement


def test_reference_kernels(subtract: Graph) -> None:
    with load(subtract, "cpu:reference") as model:
        [place] = model.placement.operators
    assert (place.runner, place.name, place.reason) == ("cpu", "SUB", "LiteRT's reference kernel")


def test_what_is_not_known_is_not_guessed(two_signatures: Graph) -> None:
    with load(two_signatures) as model:
        first, second = model.placement.operators
    assert first.reason == "XNNPACK"
    assert second.reason == "not known: it is not in the main subgraph"
