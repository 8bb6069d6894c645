"""Advice: said where it means something, silent elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.coral.packages import L, X, caching_pair, executable, graph, one, options, package

from littoral import tflite
from littoral.coral.advice import Advice, advise, groups
from littoral.coral.compiled import Compiled, read_compiled
from littoral.tflite import Graph

TOGETHER = "They would fit on the chip: co-compile it with fewer models"


@pytest.fixture(scope="module")
def models(shared_data: Path) -> dict[str, Compiled]:
    return {
        file.stem.removesuffix("_edgetpu"): read_compiled(tflite.read(file))
        for file in sorted(shared_data.rglob("*_edgetpu.tflite"))
    }


def test_on_the_models_of_the_data(models: dict[str, Compiled]) -> None:
    found = {name: [one.what for one in advise(compiled)] for name, compiled in models.items()}
    assert {name: what for name, what in found.items() if what} == {
        "mobilenet_v1_0.25_128_quant_cocompiled_with_3quant": [
            "251,072 bytes of parameters stream to the chip at every inference"
        ],
        "mobilenet_v1_0.5_160_quant_cocompiled_with_3quant": [
            "448,320 bytes of parameters stream to the chip at every inference"
        ],
        "deeplab_mobilenet_edgetpu_slim_cityscapes_quant": [
            "the processor runs 2 operators beside the chip (RESIZE_BILINEAR, ARG_MAX)",
            "activations do not fit on the chip: 9,757,440 bytes of them go to the host and back at every inference",
        ],
        "deeplabv3_mnv2_pascal_quant": [
            "the processor runs 7 operators beside the chip (3 x RESIZE_BILINEAR, 2 x CONV_2D, CONCATENATION, ARG_MAX)"
            ", with 148,591,872 multiply-adds"
        ],
        "movenet_single_pose_lightning_ptq": [
            "the processor runs 43 operators beside the chip (11 x RESHAPE, 6 x ADD, 5 x MUL, 4 x SUB, 4 x GATHER_ND "
            "and 13 more)"
        ],
    }
    (streams,) = advise(models["mobilenet_v1_0.25_128_quant_cocompiled_with_3quant"])
    assert streams.remedy == TOGETHER
    assert "enlarging 33 times" in advise(models["deeplabv3_mnv2_pascal_quant"])[0].remedy


def said(model: Graph, **known: int) -> tuple[Advice, ...]:
    return advise(read_compiled(model), **known)


def test_a_newer_runtime_is_needed() -> None:
    model = one(*caching_pair(b"p"), runtime=13)
    assert said(model) == said(model, runtime_version=13) == ()
    (advice,) = said(model, runtime_version=12)
    assert advice.what == "it needs runtime version 13, and the library has 12"
    assert "--runtime-version" in advice.remedy


def test_streaming_depends_on_what_fits() -> None:
    few = caching_pair(b"p", bytes(16 << 10)[:-1])
    assert said(one(*few)) == ()
    assert [one.remedy for one in said(one(*caching_pair(b"p", bytes(16 << 10))))] == [TOGETHER]
    (large,) = said(one(*caching_pair(bytes(6 << 20), bytes(3 << 20))))
    assert "larger than the chip's memory" in large.remedy
    (alone,) = said(one(X(parameters=bytes(1 << 20))))
    assert "Nothing is kept on the chip" in alone.remedy


def test_several_segments() -> None:
    first = options(package([executable(X())]))
    second = options(package([executable(X(inputs=(L("out"),), outputs=(L("out1"),)))]))
    (advice,) = said(graph(first, second))
    assert advice.what.startswith("2 segments run on the chip")


def test_conversions_at_the_edges_are_no_news() -> None:
    assert said(one(X(), behind=["QUANTIZE"])) == ()
    (advice,) = said(one(X(), behind=["QUANTIZE", "RELU"]))
    assert advice.what == "the processor runs 1 operator beside the chip (RELU)"


def test_groups_of_the_data(models: dict[str, Compiled]) -> None:
    found = groups(models)
    assert [(len(group.members), group.pipeline) for group in found] == [(2, False), (2, False), (2, True), (4, True)]
    assert found[0].token == "99b484be30458cde"
    assert found[0].members == (
        "mobilenet_v1_0.25_128_quant_cocompiled_with_3quant",
        "mobilenet_v1_0.5_160_quant_cocompiled_with_3quant",
    )


def test_models_without_a_token_are_in_no_group() -> None:
    model = read_compiled(one(X()))
    assert groups({"a": model, "b": model}) == ()
