"""The processor: `cpu`, `cpu:fp16`, `cpu:reference`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING

from littoral.devices import Device, survey
from littoral.errors import DeviceError
from littoral.runtime.engine import Engine, Source
from littoral.runtime.litert.compiled import Compiled, Settings, misfit
from littoral.runtime.litert.library import NativeError
from littoral.runtime.litert.weights import SMALLEST, packed_weights

if TYPE_CHECKING:
    from littoral.runtime.delegate.custom import Compile

_HALF_FLAGS = 1 | 2 | 4  # XNNPACK: signed and unsigned int8 as always, and float16 arithmetic forced


_WEIGHTS = 1024  # bytes: smaller constants are sizes and scales
_PROVEN = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "DEQUANTIZE", "ADD", "SUB", "MUL", "GATHER"}
"""Operators with large constants that were tried with a file of packed weights."""


class Scratch:
    """A file without a name, in which the engines of one model share packed weights that have no place on disk."""

    def __init__(self) -> None:
        self._descriptor: int | None = None

    def path(self) -> str:
        """Its path in this process; empty where the system has no such files."""
        if self._descriptor is None and hasattr(os, "memfd_create"):
            self._descriptor = os.memfd_create("littoral-weights")
        return "" if self._descriptor is None else f"/proc/self/fd/{self._descriptor}"

    @property
    def nbytes(self) -> int:
        """Of memory."""
        return 0 if self._descriptor is None else os.fstat(self._descriptor).st_size

    def close(self) -> None:
        """Lets go of it; closing again does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None


def open_cpu(
    source: Source, device: Device, threads: int, scratch: Scratch, operators: Mapping[str, Compile]
) -> tuple[Engine, str]:
    """A model on the processor, and what there is to say about that.

    Args:
        source: The model.
        device: cpu, with its options.
        threads: For each call.
        scratch: Shared by the engines of the model.
        operators: What runs custom operators in Python, by their names.

    Raises:
        DeviceError: LiteRT cannot run the model, or the processor has no half precision.
    """
    from littoral.runtime.litert.interpreter import Delegated, Interpreted

    def interpreted(reference: bool = False) -> Engine:
        if operators:
            return Delegated(source, str(device), threads, None, operators, reference)
        return Interpreted(source, str(device), threads, reference)

    if device.options == ("reference",):
        return interpreted(reference=True), ""
    half = device.options == ("fp16",)
    if half:
        _check_half_precision()
    refusal = misfit(source.graph)
    if not refusal:
        try:
            return _compiled(source, device, threads, half, scratch), ""
        except NativeError as error:
            refusal = str(error)
    if half:
        raise DeviceError(
            f"{source.name} does not run on cpu:fp16: {refusal}", "cpu runs it with the types that are in the file"
        )
    return interpreted(), f"runs on LiteRT's interpreter: {refusal}"


def _compiled(source: Source, device: Device, threads: int, half: bool, scratch: Scratch) -> Compiled:
    options: dict[str, object] = {"num_threads": threads}
    if half:
        options["flags"] = _HALF_FLAGS
    settings = Settings(str(device), options={"xnnpack": options})
    if half or not _shares_weights(source):  # XNNPACK aborts when it halves weights that it is to pack into a file
        return Compiled(source, settings)
    packed = packed_weights(source.path) if source.path else nullcontext("")
    try:
        with packed as file:
            return Compiled(source, settings, file or scratch.path())
    except NativeError:  # the file may be to blame: a full disk
        return Compiled(source, settings)


def _shares_weights(source: Source) -> bool:
    """Whether packed weights are worth a file, and XNNPACK packs them as it should.

    All must be packed on loading, as nothing may be added to the file later: one subgraph, fixed sizes. And XNNPACK
    ends the process when it is to pack weights that are not in the model file as they are, as sparse ones.
    """
    graph = source.graph
    if source.size < SMALLEST or len(graph.subgraphs) > 1:
        return False
    main = graph.main
    if any(-1 in main.tensors[index].shape_signature for index in main.inputs):
        return False
    for operator in main.operators:
        for tensor in (main.tensors[index] for index in operator.inputs if index >= 0):
            large = tensor.data is not None and tensor.data.nbytes >= _WEIGHTS
            if large and (operator.name not in _PROVEN or tensor.sparsity is not None):
                return False
    return True


def _check_half_precision() -> None:
    processor = survey().processor
    if not processor.half:
        raise DeviceError(
            f"this processor ({processor.name}) does not compute in half precision",
            "cpu:fp16 needs AVX512-FP16 or Armv8.2 half precision: use cpu",
        )
