"""The contract in a model file: written, read, or worked out of what the file says without one."""

from __future__ import annotations

from dataclasses import replace

from littoral.data import Contract, InputContract
from littoral.runtime.names import main_inputs
from littoral.runtime.tensors import TensorInfo
from littoral.tflite import Graph

ENTRY = "littoral"  # the name of the metadata entry


def embed(graph: Graph, contract: Contract) -> None:
    """Puts the contract into the graph, in place of one that is there."""
    graph.set_metadata(ENTRY, contract.to_json().encode())


def contract_of(graph: Graph) -> Contract | None:
    """The contract that a model file carries: the littoral entry, else None.

    Raises:
        ContractError: The littoral entry is malformed.
    """
    entry = graph.metadata_entry(ENTRY)
    return None if entry is None else Contract.from_json(bytes(entry), f"the metadata entry {ENTRY!r}")


def contract_or_default(graph: Graph) -> tuple[Contract, bool]:
    """The contract of the file, and whether its inputs had to be worked out from shapes and quantization.

    What is worked out: a quantized picture input takes pixels such that 0..255 fill the stored type (uint8: stored =
    pixel, int8: stored = pixel - 128), also where a QUANTIZE operator makes it out of floats; any other takes pixels
    as they are.

    Raises:
        ContractError: The littoral entry is malformed.
    """
    contract = contract_of(graph) or Contract()
    if contract.inputs or graph.metadata_entry(ENTRY) is not None:
        return contract, False
    pictures = [_derived(graph, info) for info in main_inputs(graph)]
    return replace(contract, inputs=tuple(picture for picture in pictures if picture)), True


def _derived(graph: Graph, info: TensorInfo) -> InputContract | None:
    picture = InputContract.from_shape(info.shape, info.name)
    if picture is None or info.dtype.kind not in "iuf":
        return None
    stored = info if info.dtype.kind != "f" else _quantized_inside(graph, info)
    lowest = 128 if stored.dtype == "int8" else 0  # the pixel that is stored as 0
    if not stored.is_quantized or stored.dtype.itemsize > 1:
        return replace(picture, mean=float(lowest))
    return replace(picture, mean=float(lowest + stored.zero_point), scale=stored.scale)


def _quantized_inside(graph: Graph, info: TensorInfo) -> TensorInfo:
    """What the QUANTIZE operator right behind a float input makes of it; the input itself where there is none."""
    for operator in graph.main.operators:
        if operator.name == "QUANTIZE" and operator.inputs[0] == info.index:
            index = operator.outputs[0]
            return TensorInfo.of(graph.main.tensors[index], index, info.name)
    return info
