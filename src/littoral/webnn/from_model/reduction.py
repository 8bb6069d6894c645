"""Over axes: means and sums, the largest and its place, sums so far."""

from __future__ import annotations

from littoral.webnn.from_model.elementwise import Lowering
from littoral.webnn.from_model.node import Node, checked_axis
from littoral.webnn.from_model.recorder import data_type
from littoral.webnn.program import Ref, Value


def _axes(node: Node) -> dict[str, Value]:
    rank = len(node.shape(0))
    axes = sorted({checked_axis(axis, rank) for axis in node.numbers(1, "axes")})
    return {"axes": tuple(axes), "keepDimensions": bool(node.option("keep_dims", False))}


def _reduce(operation: str) -> Lowering:
    def lower(node: Node) -> None:
        source = node.real(0) if operation == "reduceMean" else node.numeric(0)
        node.put(node.call(operation, input=source, **_axes(node)))

    return lower


def _logic(operation: str) -> Lowering:
    """Of truth: the largest of 0 and 1 is "any", the smallest "all"; implementations reduce no uint8."""

    def lower(node: Node) -> None:
        source = node.call("cast", input=node.stored(0), dataType="int32")
        node.put(node.call("cast", input=node.call(operation, input=source, **_axes(node)), dataType="uint8"))

    return lower


def _arg(operation: str) -> Lowering:
    """Stored values are in the order of what they stand for."""

    def lower(node: Node) -> None:
        node.put(
            node.call(
                operation,
                input=node.stored(0),
                axis=node.axis(1, len(node.shape(0))),
                outputDataType=data_type(node.result()),
            )
        )

    return lower


def _cumulative_sum(node: Node) -> None:
    result: Ref = node.call(
        "cumulativeSum",
        input=node.numeric(0),
        axis=node.axis(1, len(node.shape(0))),
        exclusive=bool(node.option("exclusive", False)),
        reversed=bool(node.option("reverse", False)),
    )
    node.put(result)


LOWERINGS: dict[str, Lowering] = {
    "ARG_MAX": _arg("argMax"),
    "ARG_MIN": _arg("argMin"),
    "CUMSUM": _cumulative_sum,
    "MEAN": _reduce("reduceMean"),
    "REDUCE_ALL": _logic("reduceMin"),
    "REDUCE_ANY": _logic("reduceMax"),
    "REDUCE_MAX": _reduce("reduceMax"),
    "REDUCE_MIN": _reduce("reduceMin"),
    "REDUCE_PROD": _reduce("reduceProduct"),
    "SUM": _reduce("reduceSum"),
}
