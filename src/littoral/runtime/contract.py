"""The contract in a model file: written, read, or worked out of what the file says without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from littoral.data import Contract, InputContract
from littoral.errors import ContractError
from littoral.runtime.names import main_inputs
from littoral.runtime.tensors import TensorInfo, fits
from littoral.tflite import Graph, legacy_metadata

ENTRY = "littoral"  # the name of the metadata entry


def embed(graph: Graph, contract: Contract) -> None:
    """Puts the contract into the graph, in place of one that is there."""
    graph.set_metadata(ENTRY, contract.to_json().encode())


def contract_of(graph: Graph) -> Contract | None:
    """The contract that a model file carries: the littoral entry, else TFLite Metadata, else None.

    Of TFLite Metadata only labels and the normalisation (value = (pixel - mean) / std) are taken; size and channels are
    the input tensor's. Where that stores bytes they are the pixels, whatever the normalisation says: so does TFLite's
    Task Library, and Coral's models give mean and std that their quantization does not quite share.

    Raises:
        ContractError: The littoral entry or the normalisation is malformed.
        ModelFileError: The TFLite Metadata is damaged.
    """
    own = graph.metadata_entry(ENTRY)
    if own is not None:
        return Contract.from_json(bytes(own), f"the metadata entry {ENTRY!r}")
    legacy = legacy_metadata(graph)
    if legacy is None:
        return None
    pictures = []
    for info, entry in zip(main_inputs(graph), legacy.inputs, strict=False):
        picture = _derived(graph, info)
        if picture is None or len(entry.mean) != len(entry.std) or len(entry.mean) not in (1, picture.channels):
            continue
        if info.dtype.kind == "f":
            picture = replace(picture, mean=_single(entry.mean), scale=_single(_inverse(entry.std)))
        pictures.append(picture)
    return Contract(tuple(pictures), tuple(legacy.labels)) if pictures or legacy.labels else None


def contract_or_default(graph: Graph) -> tuple[Contract, bool]:
    """The contract of the file, and whether its inputs had to be worked out from shapes and quantization.

    What is worked out: a quantized picture input takes pixels such that 0..255 fill the stored type (uint8: stored =
    pixel, int8: stored = pixel - 128), also where a QUANTIZE operator makes it out of floats; any other takes pixels
    as they are.

    Raises:
        ContractError: The littoral entry or the normalisation is malformed.
        ModelFileError: The TFLite Metadata is damaged.
    """
    contract = contract_of(graph) or Contract()
    if contract.inputs or graph.metadata_entry(ENTRY) is not None:
        return contract, False
    pictures = [_derived(graph, info) for info in main_inputs(graph)]
    return replace(contract, inputs=tuple(picture for picture in pictures if picture)), True


def check_contract(contract: Contract, inputs: Sequence[TensorInfo]) -> None:
    """Refuses a contract that is not of this model, before a picture is made as it says.

    Raises:
        ContractError: It is of an input that the model does not have, or of another size.
    """
    for picture in contract.inputs:
        only = len(inputs) == 1 and not picture.name
        info = next((info for info in inputs if only or picture.name in (info.name, info.tensor)), None)
        if info is None:
            names = ", ".join(map(str, inputs))
            raise ContractError(
                f"the contract has an input {picture.name!r}, which the model lacks", f"Accepted: {names}"
            )
        if not fits(picture.shape, info.shape[1:]):
            made = f"the contract makes pictures of shape {list(picture.shape)}"
            raise ContractError(f"{made}, but input {info} takes others", "Give the contract of this model")


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


def _inverse(stds: tuple[float, ...]) -> tuple[float, ...]:
    if not all(stds):
        raise ContractError("TFLite Metadata has a standard deviation of 0", "Give a contract")
    return tuple(1 / std for std in stds)


def _single(values: tuple[float, ...]) -> float | tuple[float, ...]:
    return values[0] if len(values) == 1 else tuple(values)
