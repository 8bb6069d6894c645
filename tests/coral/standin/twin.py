"""What a pretended chip computes: the operators of a CPU model that a compiled model has inside its custom operator."""

from __future__ import annotations

import hashlib
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from littoral.runtime import load
from littoral.runtime.tensors import Array
from littoral.tflite import Graph, Operator, Subgraph, Tensor, read, slice_operators

OPERATOR = "edgetpu-custom-op"


class Twin:
    """One custom operator, run by LiteRT on the processor.

    Args:
        compiled: The subgraph that has the operator.
        operator: The operator.
        cpu: The model that it was compiled from. Its tensors bear the same names.
    """

    def __init__(self, compiled: Subgraph, operator: Operator, cpu: Graph) -> None:
        self._inputs = [compiled.tensors[index] for index in operator.inputs]
        self._outputs = [compiled.tensors[index] for index in operator.outputs]
        part = slice_operators(cpu, between(cpu.main, self._inputs, self._outputs))
        self._source = {tensor.name: tensor for tensor in part.main.tensors}
        self._model = load(part, threads=1)
        self._lock = threading.Lock()

    @classmethod
    def of(cls, compiled: Path, cpu: Path) -> Iterator[tuple[str, Twin]]:
        """The custom operators of a compiled model, by the SHA-256 of their options."""
        main, twin = read(compiled).main, read(cpu)
        for operator in main.operators:
            if operator.name == OPERATOR:
                yield hashlib.sha256(operator.custom_options or b"").hexdigest(), cls(main, operator, twin)

    def run(self, content: bytes) -> bytes:
        """The outputs' bytes for the inputs', one tensor after the other."""
        given, start = {}, 0
        for tensor in self._inputs:
            values = np.frombuffer(content, tensor.dtype, int(np.prod(tensor.shape)), start)
            start += values.nbytes
            given[tensor.name] = values.reshape(tensor.shape)
        wanted = {info.name for info in self._model.inputs}  # a variable is inside
        with self._lock:
            result = self._model({name: values for name, values in given.items() if name in wanted}, raw=True)
        results = result if isinstance(result, dict) else {self._model.outputs[0].name: result}
        return b"".join(self._stored(results[tensor.name], tensor).tobytes() for tensor in self._outputs)

    def reset(self) -> None:
        """Forgets the state of a recurrent model."""
        self._model.reset()

    def close(self) -> None:
        """Frees the model."""
        self._model.close()

    def _stored(self, values: Array, tensor: Tensor) -> Array:
        """In the quantization of the compiled model, which need not be that of its twin."""
        ours, theirs = self._source[tensor.name].quantization, tensor.quantization
        if ours is None or theirs is None or (ours.scale, ours.zero_point) == (theirs.scale, theirs.zero_point):
            return values
        real = (values.astype(np.float64) - ours.zero_point) * ours.scale
        limits = np.iinfo(tensor.dtype)
        return np.clip(np.rint(real / theirs.scale + theirs.zero_point), limits.min, limits.max).astype(tensor.dtype)


def between(main: Subgraph, inputs: list[Tensor], outputs: list[Tensor]) -> list[int]:
    """The operators from tensors of these names to tensors of those, in the order of the file."""
    numbers = {tensor.name: index for index, tensor in enumerate(main.tensors)}
    makers = {index: number for number, operator in enumerate(main.operators) for index in operator.outputs}
    given = {numbers[tensor.name] for tensor in inputs}
    open_ends, found = [numbers[tensor.name] for tensor in outputs], set[int]()
    while open_ends:
        index = open_ends.pop()
        maker = makers.get(index)
        if index not in given and maker is not None and maker not in found:
            found.add(maker)
            open_ends += main.operators[maker].inputs
    return sorted(found)


def least_runtime(options: bytes) -> int:
    """The runtime version that a package asks for: slot 0 of the flatbuffer with the identifier DWN1; 0 without one."""
    start = bytes(options).find(b"DWN1") - 4
    if start < 0:
        return 0
    [root] = struct.unpack_from("<I", options, start)
    table = start + root
    [vtable] = struct.unpack_from("<i", options, table)
    [slot] = struct.unpack_from("<H", options, table - vtable + 4)
    return int(struct.unpack_from("<i", options, table + slot)[0]) if slot else 0
