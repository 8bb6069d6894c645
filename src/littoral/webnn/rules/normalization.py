"""Batch, instance and layer normalization."""

from __future__ import annotations

from littoral.webnn.program import Descriptor
from littoral.webnn.rules.given import Given, Rule


def _batch(given: Given) -> list[Descriptor]:
    shape = given["input"].shape
    axis = given.axis(len(shape))
    for name in ("mean", "variance", "scale", "bias"):
        given.expect_shape(name, (shape[axis],))
    return [given["input"]]


def _instance(given: Given) -> list[Descriptor]:
    channels = given["input"].shape[given.word("layout").index("c")]
    for name in ("scale", "bias"):
        given.expect_shape(name, (channels,))
    return [given["input"]]


def _layer(given: Given) -> list[Descriptor]:
    shape = given["input"].shape
    axes = given.axes(len(shape), range(1, len(shape)))
    for name in ("scale", "bias"):
        given.expect_shape(name, [shape[axis] for axis in axes])
    return [given["input"]]


RULES: dict[str, Rule] = {
    "batchNormalization": _batch,
    "instanceNormalization": _instance,
    "layerNormalization": _layer,
}
