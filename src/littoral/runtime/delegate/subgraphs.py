"""Which part of the model file a context of the runtime stands for. All of this works inside `prepare` only."""

from __future__ import annotations

import ctypes

from littoral.errors import DeviceError
from littoral.runtime.delegate import structs
from littoral.tflite import Operator, Subgraph


def subgraph_index(context: int, count: int) -> int:
    """The index of the subgraph that a context belongs to: the runtime gives a delegate each, without saying which.

    Args:
        context: The address of a TfLiteContext.
        count: How many subgraphs the model has.
    """
    native = structs.Context.from_address(context)
    for index in range(count):
        acquired = ctypes.c_void_p()
        if native.acquire_subgraph_context(context, index, ctypes.byref(acquired)) != structs.OK:
            break
        native.release_subgraph_context(context, index)
        if acquired.value == context:
            return index
    raise _another_model(f"none of its {count} subgraphs is the one that runs")


def check_same_model(context: int, subgraph: Subgraph) -> None:
    """Refuses an interpreter that was made of another file than the graph, by names of tensors and types of given ones.

    Tensors behind those of the file are the runtime's own.

    Raises:
        DeviceError: It was.
    """
    native = structs.Context.from_address(context)
    if native.tensors_size < len(subgraph.tensors):
        raise _another_model(f"it has {len(subgraph.tensors)} tensors, and the interpreter {native.tensors_size}")
    for index, (tensor, seen) in enumerate(zip(subgraph.tensors, tensors(context), strict=False)):
        computed = not tensor.is_constant and index not in subgraph.inputs  # those the runtime may give another type
        expected = seen.type if computed else structs.RUNTIME_TYPES.get(tensor.type, seen.type)
        if (seen.name or b"") != tensor.name.encode() or seen.type != expected:
            raise _another_model(f"tensor {index} is {tensor.name!r} in one and {seen.name!r} in the other")


def tensors(context: int) -> ctypes.Array[structs.Tensor]:
    """All tensors of a context, where they are."""
    native = structs.Context.from_address(context)
    found: ctypes.Array[structs.Tensor] = (structs.Tensor * native.tensors_size).from_address(native.tensors)
    return found


def is_unchanged(context: int, node: int, operator: Operator) -> bool:
    """Whether a node is still the operator of the file: other delegates and the runtime may rewrite graphs."""
    native = structs.Context.from_address(context)
    found, registration = ctypes.POINTER(structs.Node)(), ctypes.c_void_p()
    if native.get_node_and_registration(context, node, ctypes.byref(found), ctypes.byref(registration)) != structs.OK:
        return False
    inputs, outputs = structs.items(found[0].inputs), structs.items(found[0].outputs)
    return inputs == tuple(operator.inputs) and outputs == tuple(operator.outputs)


def _another_model(how: str) -> DeviceError:
    return DeviceError(f"the interpreter runs another model than the graph: {how}", "Make both of the same file")
