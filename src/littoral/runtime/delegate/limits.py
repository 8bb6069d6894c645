"""What no delegate can take, whatever the accelerator: tensors that are not plain memory of a known size."""

from __future__ import annotations

from collections.abc import Mapping

from littoral.tflite import Graph, Operator, Tensor, TensorType
from littoral.tflite.calls import called_subgraphs
from littoral.tflite.elements import BITS

_DECIDES_SHAPE: Mapping[str, tuple[int, ...]] = {
    "ARG_MAX": (1,),
    "ARG_MIN": (1,),
    "BATCH_TO_SPACE_ND": (1, 2),
    "BROADCAST_TO": (1,),
    "CONV_3D_TRANSPOSE": (0,),
    "DILATE": (1,),
    "EXPAND_DIMS": (1,),
    "FILL": (0,),
    "MEAN": (1,),
    "MIRROR_PAD": (1,),
    "MULTINOMIAL": (1,),
    "NON_MAX_SUPPRESSION_V4": (2,),
    "NON_MAX_SUPPRESSION_V5": (2,),
    "ONE_HOT": (1,),
    "PAD": (1,),
    "PADV2": (1,),
    "RANDOM_STANDARD_NORMAL": (0,),
    "RANDOM_UNIFORM": (0,),
    "RANGE": (0, 1, 2),
    "REDUCE_ALL": (1,),
    "REDUCE_ANY": (1,),
    "REDUCE_MAX": (1,),
    "REDUCE_MIN": (1,),
    "REDUCE_PROD": (1,),
    "REDUCE_WINDOW": (2, 3, 4, 5, 6),
    "RESHAPE": (1,),
    "RESIZE_BILINEAR": (1,),
    "RESIZE_NEAREST_NEIGHBOR": (1,),
    "RFFT2D": (1,),
    "SCATTER_ND": (2,),
    "SEGMENT_SUM": (1,),
    "SLICE": (1, 2),
    "SPACE_TO_BATCH_ND": (1, 2),
    "SPARSE_TO_DENSE": (1,),
    "SPLIT": (0,),
    "SPLIT_V": (1, 2),
    "STRIDED_SLICE": (1, 2, 3),
    "SUM": (1,),
    "TILE": (1,),
    "TOPK_V2": (1,),
    "TRANSPOSE": (1,),
    "TRANSPOSE_CONV": (0,),
    "UNSORTED_SEGMENT_MAX": (1, 2),
    "UNSORTED_SEGMENT_MIN": (1, 2),
    "UNSORTED_SEGMENT_PROD": (1, 2),
    "UNSORTED_SEGMENT_SUM": (1, 2),
}
"""The inputs whose values, not shapes, decide the shape of the output (TFLite's kernels: tflite/kernels/*.cc)."""

_DECIDED_BY_DATA = {"EMBEDDING_LOOKUP_SPARSE", "READ_VARIABLE", "SKIP_GRAM", "UNIQUE", "WHERE"}
_WITHOUT_ELEMENTS = {TensorType.STRING, TensorType.RESOURCE, TensorType.VARIANT}


def limit(graph: Graph, subgraph: int, operator: Operator, unknown: frozenset[int]) -> str:
    """Why no delegate can take an operator; empty when one may.

    Args:
        graph: The model.
        subgraph: Where the operator is.
        operator: One operator of it.
        unknown: What `unknown_shapes` says of the subgraph.
    """
    if called_subgraphs(operator):
        return "it runs other subgraphs"
    tensors = graph.subgraphs[subgraph].tensors
    for index in (*operator.inputs, *operator.outputs):
        if index >= 0 and (reason := _tensor_limit(tensors[index], index in unknown)):
            return reason
    return ""


def _tensor_limit(tensor: Tensor, unknown: bool) -> str:
    if tensor.type in _WITHOUT_ELEMENTS:
        return f"it handles {tensor.type.name} tensors ({tensor.name!r})"
    if tensor.is_variable:
        return f"it keeps state in a variable ({tensor.name!r})"
    if unknown:
        return f"the shape of {tensor.name!r} is known only while the model runs"
    if BITS[tensor.type] < 8 and not tensor.is_constant:
        return f"{tensor.name!r} has {tensor.type.name} elements, several a byte"
    return ""


def is_static(graph: Graph) -> bool:
    """Whether the sizes of all tensors follow from those of the inputs, so that memory is planned before it runs."""
    return not any(
        unknown_shapes(graph, index) or any(tensor.type in _WITHOUT_ELEMENTS for tensor in subgraph.tensors)
        for index, subgraph in enumerate(graph.subgraphs)
    )


def unknown_shapes(graph: Graph, subgraph: int) -> frozenset[int]:
    """The tensors of a subgraph whose shapes follow from values, so that they are known only while it runs."""
    whole = graph.subgraphs[subgraph]
    unknown: set[int] = set()
    for operator in whole.operators:
        if any(index in unknown for index in operator.inputs) or _decided_late(graph, subgraph, operator):
            unknown.update(index for index in operator.outputs if index >= 0)
    return frozenset(unknown)


def _decided_late(graph: Graph, subgraph: int, operator: Operator) -> bool:
    if operator.name in _DECIDED_BY_DATA:
        return True
    tensors = graph.subgraphs[subgraph].tensors
    outputs = [tensors[index].shape for index in operator.outputs if index >= 0]
    for called in called_subgraphs(operator):
        inner = graph.subgraphs[called]
        shapes = [inner.tensors[index].shape for index in inner.outputs]
        late = unknown_shapes(graph, called)
        if any(index in late for index in inner.outputs) or (len(shapes) == len(outputs) and shapes != outputs):
            return True
    deciding = (
        operator.inputs[place] for place in _DECIDES_SHAPE.get(operator.name, ()) if place < len(operator.inputs)
    )
    return any(index >= 0 and not tensors[index].is_constant for index in deciding)
