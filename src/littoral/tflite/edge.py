"""The types at a graph's edge: float32, or the integers that it computes with."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from littoral.errors import LittoralError, ModelFileError
from littoral.tflite.edit import add_tensor, consumers, copied, moved_signature, producer, without_unused_tensors
from littoral.tflite.enums import TensorType
from littoral.tflite.graph import Graph, Operator, OperatorCode, Quantization, Subgraph, Tensor
from littoral.tflite.options.conversion import DequantizeOptions, QuantizeOptions

EDGE_TYPES = {
    "float32": TensorType.FLOAT32,
    "int8": TensorType.INT8,
    "uint8": TensorType.UINT8,
    "int16": TensorType.INT16,
}
"""What `set_io` accepts, by name."""

_BYTES = (TensorType.INT8, TensorType.UINT8)
_SHIFT = 128  # from the zero point of int8 to that of uint8
_DEQUANTIZE_VERSIONS = {TensorType.UINT8: 1, TensorType.INT8: 2, TensorType.INT16: 3}


def set_io(graph: Graph, inputs: str | None, outputs: str | None) -> Graph:
    """A graph that takes and gives other types: "float32", "int8", "uint8" or "int16"; None leaves a side as it is.

    A QUANTIZE or DEQUANTIZE operator at the edge is put in, changed or taken out, as TensorFlow's converter does: its
    uint8 is int8 with a zero point 128 higher, and gives the same bits. Names of inputs and outputs stay. Tensors of
    other types (indices, booleans, text) are left alone. `graph` does not change.

    Raises:
        LittoralError: The type is unknown.
        ModelFileError: There is no such conversion: the tensor is not quantized, say.
    """
    graph = copied(graph)
    main = graph.main
    moves: dict[int, int] = {}
    if inputs is not None:
        wanted = _type(inputs)
        moves.update((tensor, _set(main, _input_edge(main, tensor), wanted)) for tensor in dict.fromkeys(main.inputs))
        main.inputs = tuple(moves[tensor] for tensor in main.inputs)
    if outputs is not None:
        wanted = _type(outputs)
        moves.update((tensor, _set(main, _output_edge(main, tensor), wanted)) for tensor in dict.fromkeys(main.outputs))
        main.outputs = tuple(moves[tensor] for tensor in main.outputs)
    graph.signatures = [
        moved_signature(signature, moves) if signature.subgraph_index == 0 else signature
        for signature in graph.signatures
    ]
    return without_unused_tensors(graph)


class _Edge(NamedTuple):
    """A tensor that callers see and the one that the model computes with: the same, or joined by `operator`."""

    outer: int
    inner: int
    operator: Operator | None
    is_input: bool


def _type(name: str) -> TensorType:
    if name not in EDGE_TYPES:
        raise LittoralError(f"inputs and outputs cannot be {name!r}", f"Accepted: {', '.join(EDGE_TYPES)}")
    return EDGE_TYPES[name]


def _input_edge(subgraph: Subgraph, tensor: int) -> _Edge:
    readers = consumers(subgraph, tensor)
    if len(readers) == 1 and readers[0].name == "QUANTIZE" and tensor not in subgraph.outputs:
        inner = readers[0].outputs[0]
        if _same_values(subgraph.tensors[tensor], subgraph.tensors[inner]):
            return _Edge(tensor, inner, readers[0], is_input=True)
    return _Edge(tensor, tensor, None, is_input=True)


def _output_edge(subgraph: Subgraph, tensor: int) -> _Edge:
    maker = producer(subgraph, tensor)
    if maker and maker.name in ("QUANTIZE", "DEQUANTIZE") and not consumers(subgraph, tensor):
        inner = maker.inputs[0]
        constant = subgraph.tensors[inner].is_constant
        if not constant and _same_values(subgraph.tensors[tensor], subgraph.tensors[inner]):
            return _Edge(tensor, inner, maker, is_input=False)
    return _Edge(tensor, tensor, None, is_input=False)


def _same_values(outer: Tensor, inner: Tensor) -> bool:
    """Whether an edge tensor says the same as one inside, in another type."""
    if outer.type is TensorType.FLOAT32:
        return _scaled(inner)
    if not (_scaled(outer) and _scaled(inner) and {outer.type, inner.type} == set(_BYTES)):
        return False
    assert inner.quantization is not None
    return outer.quantization == _quantization(inner, outer.type)


def _scaled(tensor: Tensor) -> bool:
    """Whether a tensor has one scale and one zero point, and a type that an edge may have."""
    quantization = tensor.quantization
    if quantization is None or tensor.type not in EDGE_TYPES.values() or tensor.type is TensorType.FLOAT32:
        return False
    return quantization.scale.size == 1 and quantization.zero_point.size == 1


def _quantization(inner: Tensor, wanted: TensorType) -> Quantization | None:
    """The quantization of an edge tensor of a type."""
    if wanted is TensorType.FLOAT32:
        return None
    assert inner.quantization is not None
    shift = (_SHIFT if wanted is TensorType.UINT8 else 0) - (_SHIFT if inner.type is TensorType.UINT8 else 0)
    zero_point = np.array(inner.quantization.zero_point + shift, "<i8")
    return Quantization(scale=inner.quantization.scale, zero_point=zero_point)


def _set(subgraph: Subgraph, edge: _Edge, wanted: TensorType) -> int:
    """Give an edge another type; the index of the tensor that callers then see."""
    outer, inner = subgraph.tensors[edge.outer], subgraph.tensors[edge.inner]
    if outer.type in (wanted, *(set(TensorType) - set(EDGE_TYPES.values()))):
        return edge.outer
    if inner.type is wanted:
        assert edge.operator is not None
        del subgraph.operators[_place(subgraph, edge.operator)]
        subgraph.tensors[edge.inner] = inner.replaced(name=outer.name)
        return edge.inner
    _refuse_impossible(outer, inner, wanted, is_input=edge.is_input)
    changed = Tensor(
        name=outer.name,
        type=wanted,
        shape=outer.shape,
        shape_signature=outer.shape_signature,
        has_rank=outer.has_rank,
        quantization=_quantization(inner, wanted),
    )
    if edge.operator is not None:
        subgraph.tensors[edge.outer] = changed
        subgraph.operators[_place(subgraph, edge.operator)] = _conversion(subgraph, edge.outer, edge)
        return edge.outer
    subgraph.tensors[edge.inner] = inner.replaced(name=f"{inner.name}_{inner.type.name.lower()}")
    index = add_tensor(subgraph, changed)
    subgraph.operators.insert(0 if edge.is_input else len(subgraph.operators), _conversion(subgraph, index, edge))
    return index


def _place(subgraph: Subgraph, wanted: Operator) -> int:
    return next(index for index, operator in enumerate(subgraph.operators) if operator is wanted)


def _refuse_impossible(outer: Tensor, inner: Tensor, wanted: TensorType, *, is_input: bool) -> None:
    if _scaled(inner) and (wanted is TensorType.FLOAT32 or {wanted, inner.type} == set(_BYTES)):
        return
    what = f"{'input' if is_input else 'output'} {outer.name!r} cannot be {wanted.name.lower()}"
    if inner.type is TensorType.FLOAT32:
        raise ModelFileError(f"{what}: the model computes with it in float32", "Quantize the model fully first")
    if not _scaled(inner):
        raise ModelFileError(f"{what}: it is {inner.type.name.lower()} without one scale and zero point")
    raise ModelFileError(f"{what}: the model computes with it in {inner.type.name.lower()}")


def _conversion(subgraph: Subgraph, outer: int, edge: _Edge) -> Operator:
    """The operator between the edge tensor `outer` and the inner one."""
    inner = subgraph.tensors[edge.inner].type
    inputs, outputs = ((outer,), (edge.inner,)) if edge.is_input else ((edge.inner,), (outer,))
    if not edge.is_input and subgraph.tensors[outer].type is TensorType.FLOAT32:
        code = OperatorCode.of("DEQUANTIZE", _DEQUANTIZE_VERSIONS[inner])
        return Operator(code=code, inputs=inputs, outputs=outputs, options=DequantizeOptions())
    code = OperatorCode.of("QUANTIZE", 2 if inner is TensorType.INT16 else 1)
    return Operator(code=code, inputs=inputs, outputs=outputs, options=QuantizeOptions())
