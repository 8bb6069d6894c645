"""From a partition to a kernel: a model file, OpenVINO's compiled model, and the interpreter's memory bound to it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from littoral.openvino import cache, library
from littoral.openvino.guard import garbage
from littoral.openvino.options import Options
from littoral.openvino.readable import readable
from littoral.runtime.delegate import Array, Kernel, Partition, RefusalError
from littoral.tflite import Tensor, to_bytes

_MEMORY_DISK = Path("/dev/shm")  # noqa: S108 - the file has a random name and lives for milliseconds
_EXPORTABLE = "EXPORT_IMPORT"
_LONGEST = 200


def compile_partition(partition: Partition, options: Options) -> Kernel:
    """A kernel that runs a partition in OpenVINO.

    Raises:
        RefusalError: OpenVINO does not take it, or computes something else than LiteRT.
    """
    part = partition.slice()
    content = to_bytes(readable(part))
    settings = _settings(options, partition.threads)
    name = cache.key(content, options, settings, library.version(options.unit))
    if (kept := cache.get(name)) and (compiled := _restored(kept, options, settings)):
        return BoundRequest(compiled.create_infer_request())
    compiled = _compile(content, options, settings)
    _check_edge(partition, compiled)
    kernel = BoundRequest(compiled.create_infer_request())
    if reason := garbage(to_bytes(part), partition, kernel):
        raise RefusalError("openvino", reason)
    if _EXPORTABLE in library.capabilities(options.unit):
        cache.put(name, compiled.export_model().getvalue())
    return kernel


class BoundRequest:
    """Runs OpenVINO's infer request on the interpreter's memory: nothing is copied."""

    def __init__(self, request: Any) -> None:
        self._request = request
        self._bound: tuple[tuple[Array, ...], tuple[Array, ...]] | None = None

    def __call__(self, inputs: tuple[Array, ...], outputs: tuple[Array, ...]) -> None:
        """The kernel. Other threads may run Python meanwhile."""
        if self._bound is None or inputs is not self._bound[0] or outputs is not self._bound[1]:
            self._bind(inputs, outputs)
        self._request.infer(share_outputs=True)  # in this thread; start_async would hand it to another

    def _bind(self, inputs: tuple[Array, ...], outputs: tuple[Array, ...]) -> None:
        self._bound = None
        tensor = library.openvino().Tensor
        for index, array in enumerate(inputs):
            self._request.set_input_tensor(index, tensor(_writable(array), shared_memory=True))
        for index, array in enumerate(outputs):
            self._request.set_output_tensor(index, tensor(array, shared_memory=True))
        self._bound = (inputs, outputs)


def _writable(array: Array) -> Array:
    """OpenVINO binds only memory that it could write to, though it does not write to inputs."""
    view: Array = array.view()
    view.flags.writeable = True
    return view


def _restored(kept: bytes, options: Options, settings: dict[str, Any]) -> Any:
    """A compiled model from the cache; None where OpenVINO does not take it back."""
    try:
        return library.core().import_model(kept, options.unit, settings)
    except RuntimeError:
        return None


def _compile(content: bytes, options: Options, settings: dict[str, Any]) -> Any:
    core = library.core()
    try:
        with _file(content) as path:
            return core.compile_model(core.read_model(path), options.unit, settings)
    except RuntimeError as error:
        raise RefusalError("openvino", f"OpenVINO refuses it: {_words(error)}") from error


@contextmanager
def _file(content: bytes) -> Iterator[Path]:
    """A file for a moment: OpenVINO reads model files only by path, and by their ending."""
    folder = _MEMORY_DISK if os.access(_MEMORY_DISK, os.W_OK) else None
    with tempfile.NamedTemporaryFile(prefix="littoral-", suffix=".tflite", dir=folder) as file:
        file.write(content)
        file.flush()
        yield Path(file.name)


def _settings(options: Options, threads: int | None) -> dict[str, Any]:
    """What OpenVINO is told. Pinning would put two models of one thread each on the same core."""
    wanted: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": options.precision,
        "ENABLE_CPU_PINNING": False,
        **({"INFERENCE_NUM_THREADS": threads} if threads else {}),
    }
    known = library.core().get_property(options.unit, "SUPPORTED_PROPERTIES")
    return {name: value for name, value in wanted.items() if name in known}


def _check_edge(partition: Partition, compiled: Any) -> None:
    """OpenVINO's reader may merge or drop what is at the edge of a model; then nothing could be bound."""
    for ports, indices in ((compiled.inputs, partition.inputs), (compiled.outputs, partition.outputs)):
        there = [(tuple(port.shape), np.dtype(port.element_type.to_dtype())) for port in ports]
        tensors: Sequence[Tensor] = [partition.tensor(index) for index in indices]
        if there != [(tensor.shape, tensor.dtype) for tensor in tensors]:
            raise RefusalError("openvino", "OpenVINO gives it other inputs and outputs than the model file")


def _words(error: RuntimeError) -> str:
    """The last sentence of what OpenVINO says: the lines before it are where in its sources it happened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:_LONGEST].rstrip(".") if lines else type(error).__name__
