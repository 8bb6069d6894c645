"""Model files for the Edge TPU's compiler: what it can read, and what it will make of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from littoral.convert.engines import Io
from littoral.convert.recipes import RECIPES, Recipe, Rule
from littoral.coral.placement import Prediction, predict
from littoral.errors import SourceError
from littoral.tflite import Graph

Target = Literal["edgetpu"]
"""What a model file is compiled for."""

_INTEGER = RECIPES["full-int8"]
EDGE_TPU = replace(
    _INTEGER,
    # The compiler holds the TensorFlow of July 2021, which has no dense layers with a scale a channel.
    rules=(*_INTEGER.rules, Rule(8, 8, operator="FULLY_CONNECTED", by_channel=False)),
    by_tensorflow="int8-dense-by-tensor",
)
"""full-int8 as the Edge TPU's compiler takes it."""

# The version of each operator that has kernels for 8 bits (tensorflow/lite/tools/versioning/op_version.cc).
_VERSIONS = {"CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 4} | dict.fromkeys(
    (
        "ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM", "LOGISTIC", "TANH", "RELU", "RELU6", "L2_NORMALIZATION", "SLICE",
        "SPACE_TO_DEPTH", "PACK", "SUM", "TRANSPOSE_CONV", "AVERAGE_POOL_2D", "MAX_POOL_2D", "CONCATENATION", "MEAN",
        "PAD", "REDUCE_MAX", "REDUCE_MIN", "SPLIT", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "SOFTMAX",
        "STRIDED_SLICE", "TRANSPOSE", "RSQRT", "SQUARED_DIFFERENCE",
    ),
    2,
)  # fmt: skip


def for_target(
    target: Target | None, wanted: list[Recipe] | None, io: Io | None
) -> tuple[list[Recipe] | None, Io | None]:
    """The recipes and the types of inputs and outputs, as a target needs them.

    For the Edge TPU they are full-int8 and uint8 where nothing else was asked for.

    Raises:
        SourceError: There is no such target, or it needs what was not asked for.
    """
    if target is None:
        return wanted, io
    if target != "edgetpu":
        raise SourceError(f"there is no target {target!r}", "Accepted: edgetpu")
    if wanted is not None and _INTEGER not in wanted:
        raise SourceError("the Edge TPU takes full-int8, which is not among the recipes", "Add -r full-int8")
    if io == "float32":
        raise SourceError("the Edge TPU takes integers, not float32", "Use --io uint8 or --io int8")
    return [EDGE_TPU if recipe == _INTEGER else recipe for recipe in wanted or (_INTEGER,)], io or "uint8"


def make_ready(graph: Graph) -> list[str]:
    """Give operators the versions that their 8-bit kernels have, which the quantizer does not; this changes the graph.

    Returns:
        What will run on the Edge TPU, in sentences.
    """
    for operator in graph.main.operators:
        operator.code.version = max(operator.code.version, _VERSIONS.get(operator.name, 1))
    return [summary(predict(graph))]


def summary(prediction: Prediction) -> str:
    """A prediction in one sentence."""
    obstacle = "".join(f" Its compiler will refuse the file: {one.cause}." for one in prediction.obstacles[:1])
    total, share = len(prediction.operators), f"{prediction.accelerated:.1%}"
    return (
        f"Edge TPU (prediction): {prediction.mapped} of {total} operators will run on it, "
        f"with {share} of the multiply-adds.{obstacle}"
    )
