"""wasi-nn: models of the host, called by a guest through handles.

Source: the witx file of wasi_ephemeral_nn (WebAssembly/wasi-nn, preview 1). The six calls give an error number, 0 when
they are done; what went wrong is also said in the log. A graph is a model, a context its inputs and outputs for one
computation. A model's weights stay with the host.

The standard has no int8: tensors of that type travel as u8, bit by bit.
"""

from __future__ import annotations

import math
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from littoral.errors import LittoralError
from littoral.functions.declare import table
from littoral.functions.host import Host, ModelLike
from littoral.functions.limits import show_size

if TYPE_CHECKING:
    from littoral.runtime import Model, TensorInfo
    from littoral.runtime.tensors import Array

MODULE = "wasi_ephemeral_nn"

INVALID_ARGUMENT, INVALID_ENCODING, MISSING_MEMORY, BUSY, RUNTIME_ERROR, UNSUPPORTED, TOO_LARGE, NOT_FOUND = range(1, 9)
TENSORFLOW_LITE, AUTODETECT = 4, 5  # of graph_encoding
TYPES = tuple(map(np.dtype, ("float16", "float32", "float64", "uint8", "int32", "int64")))
"""tensor_type by its number."""

_U8 = np.dtype("uint8")
_BYTES = {np.dtype("int8"): _U8, np.dtype("bool"): _U8}  # how types travel that the standard lacks
_TENSOR = struct.Struct("<IIBxxxII")  # dimensions, their number, type, data, its size
_MOST_GRAPHS, _MOST_CONTEXTS, _MOST_DIMENSIONS = 16, 64, 8


@dataclass
class Context:
    """The inputs of one computation, and its outputs when it has run."""

    model: ModelLike
    inputs: list[Array | None]
    outputs: list[Array] | None = None


@dataclass
class Tensors:
    """The handles of one instance: their numbers are places in the lists."""

    graphs: list[ModelLike] = field(default_factory=list)
    contexts: list[Context] = field(default_factory=list)
    loaded: list[Model] = field(default_factory=list)

    def close(self) -> None:
        """Frees the models that the guest loaded itself, and gives the memory of inputs back."""
        for model in self.loaded:
            model.close()
        for context in self.contexts:
            for value in context.inputs:
                if value is not None:
                    _spare.give(value)


class Spare:
    """Memory for inputs that was used before: the system takes longer to find and clear pages than we to copy."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._total = 0
        self._free: dict[int, list[Array]] = {}
        self._lock = threading.Lock()

    def take(self, size: int) -> Array:
        """So many bytes, with anything in them."""
        with self._lock:
            if self._free.get(size):
                self._total -= size
                return self._free[size].pop()
        return np.empty(size, np.uint8)

    def give(self, value: Array) -> None:
        """Takes back what is not used any more."""
        with self._lock:
            if self._total + value.nbytes <= self._most:
                self._total += value.nbytes
                self._free.setdefault(value.nbytes, []).append(value.reshape(-1).view(np.uint8))


_spare = Spare(16 << 20)


def _tensors(host: Host) -> Tensors:
    if host.tensors is None:
        host.tensors = Tensors()
    return host.tensors


def _say(host: Host, number: int, text: str) -> int:
    host.remark(text)
    return number


def _put(host: Host, pointer: int, value: int) -> int:
    host.memory.span(pointer, 4)[:] = value.to_bytes(4, "little")
    return 0


def _new_graph(host: Host, model: ModelLike, result: int) -> int:
    graphs = _tensors(host).graphs
    host.memory.span(result, 4)
    graphs.append(model)
    return _put(host, result, len(graphs) - 1)


def load_by_name(host: Host, pointer: int, size: int, result: int) -> int:
    """A graph for one of the models that the manifest names."""
    name = bytes(host.memory.span(pointer, size)).decode(errors="replace")
    models = host.world.models
    if models is None:
        return _say(host, UNSUPPORTED, "load_by_name: models are there in handle, not yet in init")
    if len(_tensors(host).graphs) >= _MOST_GRAPHS:
        return _say(host, BUSY, f"load_by_name: a request may load {_MOST_GRAPHS} graphs")
    if name not in models:
        there = ", ".join(models) or "none"
        return _say(host, NOT_FOUND, f"load_by_name: there is no model {name[:80]!r}; the manifest has: {there}")
    return _new_graph(host, models[name], result)


def load(host: Host, builders: int, count: int, encoding: int, _target: int, result: int) -> int:
    """A graph from the bytes of a model file, where the manifest allows that."""
    if not host.world.load_models or host.world.models is None:
        return _say(host, UNSUPPORTED, "load: the manifest does not say load_models = true; use load_by_name")
    if encoding not in (TENSORFLOW_LITE, AUTODETECT):
        return _say(host, INVALID_ENCODING, f"load: encoding {encoding}; accepted: 4 (tensorflowlite), 5 (autodetect)")
    if count != 1:
        return _say(host, INVALID_ARGUMENT, f"load: {count} buffers; a model file is one")
    if len(_tensors(host).graphs) >= _MOST_GRAPHS:
        return _say(host, BUSY, f"load: a request may load {_MOST_GRAPHS} graphs")
    content = bytes(host.memory.span(*struct.unpack("<II", host.memory.span(builders, 8))))
    from littoral.runtime import load as load_model

    try:
        model = load_model(content, threads=1)
    except LittoralError as error:
        return _say(host, INVALID_ARGUMENT, f"load: {error}")
    finally:
        host.check_time()
    _tensors(host).loaded.append(model)
    return _new_graph(host, model, result)


def init_execution_context(host: Host, graph: int, result: int) -> int:
    """A context for a graph."""
    tensors = _tensors(host)
    if graph >= len(tensors.graphs):
        return _say(host, INVALID_ARGUMENT, f"init_execution_context: there is no graph {graph}")
    if len(tensors.contexts) >= _MOST_CONTEXTS:
        return _say(host, BUSY, f"init_execution_context: a request may have {_MOST_CONTEXTS} contexts")
    host.memory.span(result, 4)
    model = tensors.graphs[graph]
    tensors.contexts.append(Context(model, [None] * len(model.inputs)))
    return _put(host, result, len(tensors.contexts) - 1)


def _context(host: Host, handle: int, call: str) -> Context | int:
    tensors = _tensors(host)
    if handle < len(tensors.contexts):
        return tensors.contexts[handle]
    return _say(host, INVALID_ARGUMENT, f"{call}: there is no context {handle}")


def set_input(host: Host, handle: int, index: int, tensor: int) -> int:
    """Gives a context an input: it is copied, as the guest may use its memory for something else before compute."""
    context = _context(host, handle, "set_input")
    if isinstance(context, int):
        return context
    if index >= len(context.inputs):
        return _say(host, INVALID_ARGUMENT, f"set_input: there is no input {index} of {len(context.inputs)}")
    span = host.memory.span
    dimensions, rank, kind, data, size = _TENSOR.unpack(span(tensor, _TENSOR.size))
    if rank > _MOST_DIMENSIONS:
        return _say(host, INVALID_ARGUMENT, f"set_input: {rank} dimensions; accepted: up to {_MOST_DIMENSIONS}")
    shape = struct.unpack(f"<{rank}I", span(dimensions, 4 * rank))
    info = context.model.inputs[index]
    if wrong := _misfit(info, shape, kind, size):
        return _say(host, INVALID_ARGUMENT, f"set_input: input {info} got {wrong}")
    content = span(data, size)
    if (number := _hold(host, size, context.inputs[index], "set_input")) != 0:
        return number
    kept = _spare.take(size)
    kept.data[:] = content
    context.inputs[index] = kept.view(info.dtype).reshape(shape)
    return 0


def _misfit(info: TensorInfo, shape: tuple[int, ...], kind: int, size: int) -> str:
    """What is wrong with a tensor for an input; empty when nothing is."""
    if kind >= len(TYPES):
        return f"the type number {kind}"
    if TYPES[kind] != _BYTES.get(info.dtype, info.dtype):
        return f"{TYPES[kind]}"
    if len(shape) != len(info.shape) or any(
        side != wanted and not (wanted == -1 and side > 0) for side, wanted in zip(shape, info.shape, strict=True)
    ):
        return f"shape {list(shape)}"
    if size != math.prod(shape) * info.dtype.itemsize:
        return f"{size} bytes for shape {list(shape)}"
    return ""


def _hold(host: Host, size: int, instead_of: Array | None, call: str) -> int:
    """Counts bytes that are kept for the instance."""
    held = host.held + size - (instead_of.nbytes if instead_of is not None else 0)
    if held > host.world.limits.memory:
        limit = show_size(host.world.limits.memory)
        return _say(host, TOO_LARGE, f"{call}: tensors of this request take more than limits.memory, {limit}")
    host.held = held
    return 0


def compute(host: Host, handle: int) -> int:
    """Runs the model."""
    context = _context(host, handle, "compute")
    if isinstance(context, int):
        return context
    inputs = [value for value in context.inputs if value is not None]
    if len(inputs) < len(context.inputs):
        missing = context.inputs.index(None)
        return _say(host, INVALID_ARGUMENT, f"compute: input {missing} ({context.model.inputs[missing]}) was not set")
    start = time.perf_counter()
    try:
        result = context.model(*inputs, raw=True)
    except LittoralError as error:
        return _say(host, RUNTIME_ERROR, f"compute: {error}")
    finally:
        host.inference += time.perf_counter() - start
        host.check_time()
    outputs = list(result.values()) if isinstance(result, dict) else [result]
    before = sum(output.nbytes for output in context.outputs or ())
    if (number := _hold(host, sum(output.nbytes for output in outputs) - before, None, "compute")) != 0:
        return number
    context.outputs = outputs
    return 0


def get_output(host: Host, handle: int, index: int, buffer: int, room: int, written: int) -> int:
    """Copies an output into the guest's memory."""
    context = _context(host, handle, "get_output")
    if isinstance(context, int):
        return context
    if context.outputs is None:
        return _say(host, RUNTIME_ERROR, "get_output: compute has not run")
    if index >= len(context.outputs):
        return _say(host, INVALID_ARGUMENT, f"get_output: there is no output {index} of {len(context.outputs)}")
    output = context.outputs[index]
    if output.nbytes > room:
        return _say(host, TOO_LARGE, f"get_output: output {index} has {output.nbytes} bytes, the buffer {room}")
    host.memory.span(buffer, output.nbytes)[:] = output.reshape(-1).view(np.uint8).data
    return _put(host, written, output.nbytes)


FUNCTIONS = table(
    MODULE,
    {
        "load": ("iiiii:i", load),
        "load_by_name": ("iii:i", load_by_name),
        "init_execution_context": ("ii:i", init_execution_context),
        "set_input": ("iii:i", set_input),
        "compute": ("i:i", compute),
        "get_output": ("iiiii:i", get_output),
    },
    bad_pointer=INVALID_ARGUMENT,
)
"""The six calls."""
