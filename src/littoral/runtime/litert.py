"""LiteRT's interpreter behind the few calls that a model needs. Native errors come out as ours."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from littoral.errors import ClosedError, DeviceError
from littoral.runtime.tensors import Array
from littoral.tflite import Graph

_LINK = re.compile(r" See instructions: \S+")
EDGE_TPU = "edgetpu-custom-op"


class Interpreter:
    """One native interpreter: one call at a time, freed by `close`.

    Args:
        source: The model file, or its bytes.
        device: "cpu" or "cpu:reference".
        threads: How many.
        name: Names the model in errors.

    Raises:
        DeviceError: LiteRT has no kernel for an operator, or refuses the model.
    """

    def __init__(self, source: Path | bytes, device: str, threads: int, name: str) -> None:
        from ai_edge_litert.interpreter import Interpreter as Native
        from ai_edge_litert.interpreter import OpResolverType

        self._name = f"{name} on {device}"
        self._lock = threading.Lock()
        kinds = {"cpu": OpResolverType.AUTO, "cpu:reference": OpResolverType.BUILTIN_REF}
        self._native: Any = None
        self._shapes: dict[int, tuple[int, ...]] = {}
        with self._errors():
            native = Native(
                model_path=None if isinstance(source, bytes) else str(source),
                model_content=source if isinstance(source, bytes) else None,
                num_threads=threads,
                experimental_op_resolver_type=kinds[device],
            )
            native.allocate_tensors()
        self._native = native

    def run(self, inputs: Mapping[int, Array], outputs: Sequence[int]) -> list[Array]:
        """Runs the main subgraph: one copy in, one copy out.

        Args:
            inputs: Stored values by tensor index; an input of unknown size takes the shape of its value.
            outputs: Tensor indices.

        Returns:
            Stored values, which belong to the caller.
        """
        with self._use() as native:
            self._resize(native, {index: value.shape for index, value in inputs.items()})
            for index, value in inputs.items():
                native.set_tensor(index, value)
            native.invoke()
            return [native.get_tensor(index) for index in outputs]

    def run_signature(self, key: str, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Runs a signature; stored values by its names."""
        with self._use() as native:
            self._shapes.clear()  # its runner resizes the inputs
            result: dict[str, Array] = native.get_signature_runner(key)(**inputs)
            return result

    def reset(self) -> None:
        """Sets the variables of a stateful model back to zero."""
        with self._use() as native:
            native.reset_all_variables()

    def close(self) -> None:
        """Frees the native memory, after a call that is running."""
        with self._lock:
            self._native = None

    def _resize(self, native: Any, shapes: Mapping[int, tuple[int, ...]]) -> None:
        changed = {index: shape for index, shape in shapes.items() if self._shapes.get(index) != shape}
        if not changed:
            return
        self._shapes.clear()  # until the allocation has worked
        for index, shape in shapes.items():
            native.resize_tensor_input(index, shape, strict=True)
        native.allocate_tensors()
        self._shapes.update(shapes)

    @contextmanager
    def _use(self) -> Iterator[Any]:
        with self._lock:
            if self._native is None:
                raise ClosedError(f"{self._name} is closed", "Load it again")
            with self._errors():
                yield self._native

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (RuntimeError, ValueError, MemoryError) as error:
            words = _LINK.sub("", " ".join(str(error).split())).rstrip(".") or type(error).__name__
            raise DeviceError(f"LiteRT cannot run {self._name}: {words}", _remedy(words)) from error


def check_operators(graph: Graph, name: str) -> None:
    """Refuses what LiteRT on a processor can never run, before native code sees it.

    Raises:
        DeviceError: The model is compiled for the Edge TPU, or needs TensorFlow's own kernels.
    """
    names = {operator.name for subgraph in graph.subgraphs for operator in subgraph.operators}
    if EDGE_TPU in names:
        raise DeviceError(
            f"{name} is compiled for the Edge TPU and does not run on a processor",
            "Give the model file that it was compiled from",
        )
    if flex := sorted(operator for operator in names if operator.startswith("Flex")):
        raise DeviceError(
            f"{name} needs TensorFlow's kernels for {', '.join(flex)}, which LiteRT does not have",
            "Convert the model again without those operators",
        )


def _remedy(words: str) -> str:
    if "unresolved custom op" in words:
        return "This operator is not part of TensorFlow Lite: convert the model without it"
    return ""
