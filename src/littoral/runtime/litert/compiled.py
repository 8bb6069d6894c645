"""LiteRT's compiled model as an engine: XNNPACK with its flags and its weight cache, or the GPU."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from littoral.errors import DeviceError
from littoral.runtime.delegate.limits import unknown_shapes
from littoral.runtime.delegate.placement import Place, Placement
from littoral.runtime.engine import Entry, Source, keeps_state, main_entry, signature_entry
from littoral.runtime.litert.library import (
    CPU,
    ELEMENTS,
    MAX_RANK,
    Event,
    Layout,
    NativeError,
    TensorType,
    environment,
    library,
)
from littoral.runtime.litert.placement import compiled_placement, uniform_placement
from littoral.runtime.tensors import Array, TensorInfo
from littoral.tflite import Graph
from littoral.tflite.operators import BUILTIN_CODES

_ALIGNMENT = 64  # what TFLite asks of memory that it is given
_PADDING = 128  # XNNPACK reads a few elements past the end
_COLLECT = 2  # errors are kept for us, not printed


@dataclass(frozen=True)
class Settings:
    """How to compile.

    Attributes:
        device: Names it in errors.
        accelerators: CPU or GPU, as in the library.
        options: Those of its accelerator by name, as LiteRT writes them: {"xnnpack": {"num_threads": 2}}.
        profile: Notes which operators LiteRT runs itself.
    """

    device: str
    accelerators: int = CPU
    options: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    profile: bool = False


def misfit(graph: Graph) -> str:
    """Why a compiled model cannot run a graph as we promise; empty when it can."""
    if keeps_state(graph):
        return "it keeps state, which a compiled model cannot set back"
    names = {operator.name for subgraph in graph.subgraphs for operator in subgraph.operators}
    if custom := sorted(names.difference(BUILTIN_CODES)):
        return f"it has the custom operator {custom[0]}, whose outputs have sizes that the file does not tell"
    entries = [main_entry(graph), *(signature_entry(graph, signature) for signature in graph.signatures)]
    return next(filter(None, (_entry_misfit(graph, entry) for entry in entries)), "")


def _entry_misfit(graph: Graph, entry: Entry) -> str:
    whole = graph.subgraphs[entry.subgraph]
    computed = {index for operator in whole.operators for index in operator.outputs}
    late = unknown_shapes(graph, entry.subgraph)
    for info in entry.outputs:
        if info.index in late:
            return f"the size of output {info.name!r} is known only while the model runs"
        if info.index not in computed:
            return f"output {info.name!r} is not computed"
    for info in (*entry.inputs, *entry.outputs):
        if info.dtype not in ELEMENTS or len(info.shape) > MAX_RANK:
            return f"tensor {info.name!r} ({info.dtype}, {len(info.shape)} axes) is of a kind that buffers are not"
    given = sorted(info.index for info in entry.inputs), sorted(info.index for info in entry.outputs)
    if given != (sorted(whole.inputs), sorted(whole.outputs)):
        return "a signature leaves out some of what its subgraph takes or gives"
    if entry.key is None and graph.signatures and all(signature.subgraph_index for signature in graph.signatures):
        return "no signature runs the main subgraph"
    return ""


class Compiled:
    """One compiled model: see `Engine`. Values are copied once into its buffers and once out of them.

    Args:
        source: A model for which `misfit` finds nothing.
        settings: How to compile it.
        weights: The file for packed weights, to be written or used; empty for none.

    Raises:
        NativeError: LiteRT cannot compile it.
    """

    def __init__(self, source: Source, settings: Settings, weights: str = "") -> None:
        self._source = source
        self._settings = settings
        self._native = library()
        self._bindings: dict[str | None, _Binding] = {}
        self._model: ctypes.c_void_p | None = None
        self._compiled: ctypes.c_void_p | None = None
        try:
            self._model = self._read()
            self._compiled = self._compile(weights)
            self._signatures = self._signature_indices()
            main = main_entry(source.graph)
            self._bind(main, _smallest(main))
        except NativeError as error:
            words = self._native.errors(self._compiled) if self._compiled else ""
            self.close()
            raise NativeError(words or str(error)) from error

    pid = None

    @property
    def nbytes(self) -> int:
        """Buffers of inputs and outputs."""
        return sum(binding.nbytes for binding in self._bindings.values())

    def run(self, entry: Entry, values: Sequence[Array]) -> list[Array]:
        """Runs once; see `Engine.run`."""
        binding = self._bindings.get(entry.key)
        try:
            shapes = [value.shape for value in values]
            if binding is None or shapes != binding.shapes:
                binding = self._bind(entry, shapes)
            return binding.run(self._native.run, self._compiled, values)
        except NativeError as error:
            words = self._native.errors(self._compiled) if self._compiled else ""
            raise DeviceError(
                f"LiteRT cannot run {self._source.name} on {self._settings.device}: {words or error}"
            ) from error

    def reset(self) -> None:
        """Nothing: models that keep state are not compiled."""

    def placement(self) -> Placement:
        """Where each operator runs: on the processor it is compiled once more with a profiler, and run on zeros.

        For the GPU alone LiteRT compiles a model only when the GPU takes all of it (runtime/compiled_model.cc).
        """
        if self._settings.accelerators != CPU:
            return uniform_placement(self._source.graph, self._settings.device.partition(":")[0])
        entry = main_entry(self._source.graph)
        profiled = Compiled(self._source, replace(self._settings, profile=True))
        try:
            return compiled_placement(self._source.graph, profiled.profile(entry))
        finally:
            profiled.close()

    def profile(self, entry: Entry) -> set[Place]:
        """The operators that LiteRT's own kernels ran, by subgraph and index. For `Settings.profile` only."""
        native = self._native
        profiler = native.make("LiteRtCompiledModelGetProfiler", self._compiled)
        native.call("LiteRtStartProfiler", profiler)
        self.run(entry, [np.zeros(shape, info.dtype) for info, shape in _shaped(entry)])
        native.call("LiteRtStopProfiler", profiler)
        number = ctypes.c_int()
        native.call("LiteRtGetNumProfilerEvents", profiler, ctypes.byref(number))
        events = (Event * number.value)()
        native.call("LiteRtGetProfilerEvents", profiler, number, events)
        graph = self._source.graph
        ran = {(event.subgraph, event.operator) for event in events if event.type == Event.OPERATOR}
        return {(part, index) for part, index in ran if index < len(graph.subgraphs[part].operators)}

    def close(self) -> None:
        """Frees the native memory; closing again does nothing."""
        for binding in self._bindings.values():
            binding.close()
        self._bindings.clear()
        if self._compiled:
            self._native.free("LiteRtDestroyCompiledModel", self._compiled)
        if self._model:
            self._native.free("LiteRtDestroyModel", self._model)
        self._compiled = self._model = None

    def _read(self) -> ctypes.c_void_p:
        here = environment(self._settings.accelerators)
        if self._source.path:
            return self._native.make("LiteRtCreateModelFromFile", here, os.fsencode(self._source.path))
        content = self._source.content  # `self._source` keeps it for as long as the model may read it
        return self._native.make("LiteRtCreateModelFromBuffer", here, content, len(content))

    def _compile(self, weights: str) -> ctypes.c_void_p:
        options = {name: dict(values) for name, values in self._settings.options.items()}
        if weights:
            options["xnnpack"]["weight_cache_file_path"] = weights
        options["runtime_options_string"] = {
            "error_reporter_mode": _COLLECT,
            "enable_profiling": self._settings.profile,
        }
        accelerators = self._settings.accelerators
        made = self._native.options(accelerators, options)
        try:
            return self._native.make("LiteRtCreateCompiledModel", environment(accelerators), self._model, made)
        finally:
            self._native.free("LiteRtDestroyOptions", made)

    def _signature_indices(self) -> dict[str | None, int]:
        """The runtime's index of each signature; that of the main subgraph as such is a signature which runs it."""
        native = self._native
        indices: dict[str | None, int] = {}
        for index in range(native.count("LiteRtGetNumModelSignatures", self._model)):
            signature = native.make("LiteRtGetModelSignature", self._model, index)
            indices[native.text("LiteRtGetSignatureKey", signature)] = index
        main = [entry.key for entry in self._source.graph.signatures if not entry.subgraph_index]
        indices[None] = indices[main[0]] if main else 0
        return indices

    def _bind(self, entry: Entry, shapes: Sequence[tuple[int, ...]]) -> _Binding:
        """Buffers of an entry for inputs of some shapes, in place of those that it had."""
        if old := self._bindings.pop(entry.key, None):
            old.close()
        signature = self._signatures[entry.key]
        whole = self._source.graph.subgraphs[entry.subgraph]
        order = {index: place for place, index in enumerate(whole.inputs)}
        for info, shape in zip(entry.inputs, shapes, strict=True):
            if -1 in info.shape:
                self._resize(signature, order[info.index], shape)
        sizes = dict(zip(whole.outputs, self._output_shapes(signature, len(whole.outputs)), strict=True))
        inputs = [_Buffer(info, shape) for info, shape in zip(entry.inputs, shapes, strict=True)]
        outputs = [_Buffer(info, sizes[info.index]) for info in entry.outputs]
        binding = self._bindings[entry.key] = _Binding(
            signature, inputs, outputs, _handles(whole.inputs, inputs), _handles(whole.outputs, outputs)
        )
        return binding

    def _resize(self, signature: int, place: int, shape: tuple[int, ...]) -> None:
        sides = (ctypes.c_int * len(shape))(*shape)
        arguments = (self._compiled, signature, place, sides, len(shape))
        self._native.call("LiteRtCompiledModelResizeInputTensor", *arguments)

    def _output_shapes(self, signature: int, count: int) -> list[tuple[int, ...]]:
        """What the runtime finds when it allocates for the shapes that inputs have now; in the subgraph's order."""
        layouts = (Layout * count)()
        arguments = (self._compiled, signature, count, layouts, True)
        self._native.call("LiteRtGetCompiledModelOutputTensorLayouts", *arguments)
        return [layout.shape for layout in layouts]


class _Buffer:
    """Memory of ours that a tensor lives in."""

    def __init__(self, info: TensorInfo, shape: tuple[int, ...]) -> None:
        size = int(np.prod(shape, dtype=np.int64)) * info.dtype.itemsize
        memory = np.zeros(size + _ALIGNMENT + _PADDING, np.uint8)
        start = -memory.ctypes.data % _ALIGNMENT
        self.index = info.index
        self.array: Array = memory[start : start + size].view(info.dtype).reshape(shape)
        layout = Layout(rank=len(shape))
        layout.sizes[: len(shape)] = shape
        kind = TensorType(ELEMENTS[info.dtype], layout)
        self.handle = library().make(
            "LiteRtCreateTensorBufferFromHostMemory", ctypes.byref(kind), self.array.ctypes.data, size, None
        )


class _Binding:
    """The buffers of one entry."""

    def __init__(
        self,
        signature: int,
        inputs: Sequence[_Buffer],
        outputs: Sequence[_Buffer],
        input_handles: ctypes.Array[ctypes.c_void_p],
        output_handles: ctypes.Array[ctypes.c_void_p],
    ) -> None:
        self._buffers = [*inputs, *outputs]
        self.inputs = [buffer.array for buffer in inputs]
        self.shapes = [array.shape for array in self.inputs]
        self._outputs = [buffer.array for buffer in outputs]
        self._arguments = (signature, len(inputs), input_handles, len(outputs), output_handles)

    @property
    def nbytes(self) -> int:
        return sum(buffer.array.nbytes for buffer in self._buffers)

    def run(self, native_run: Any, compiled: ctypes.c_void_p | None, values: Sequence[Array]) -> list[Array]:
        for array, value in zip(self.inputs, values, strict=True):
            array[...] = value
        if status := native_run(compiled, *self._arguments):
            raise NativeError(f"status {status}")
        return [array.copy() for array in self._outputs]

    def close(self) -> None:
        for buffer in self._buffers:
            library().free("LiteRtDestroyTensorBuffer", buffer.handle)
        self._buffers = []


def _handles(order: Sequence[int], buffers: Sequence[_Buffer]) -> ctypes.Array[ctypes.c_void_p]:
    by_index = {buffer.index: buffer.handle.value for buffer in buffers}
    return (ctypes.c_void_p * len(order))(*(by_index[index] for index in order))


def _shaped(entry: Entry) -> list[tuple[TensorInfo, tuple[int, ...]]]:
    return list(zip(entry.inputs, _smallest(entry), strict=True))


def _smallest(entry: Entry) -> list[tuple[int, ...]]:
    """Shapes of the inputs in which unknown sizes are 1."""
    return [tuple(abs(side) for side in info.shape) for info in entry.inputs]
