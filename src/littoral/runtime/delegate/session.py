"""An interpreter with a delegate."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import Any

from littoral.errors import ClosedError, DeviceError, InputError
from littoral.runtime.delegate.base import Array, Delegate
from littoral.runtime.delegate.crew import Crew
from littoral.runtime.delegate.custom import Compile
from littoral.runtime.delegate.failures import RefusalError
from littoral.runtime.delegate.placement import Placement
from littoral.runtime.delegate.selftest import check_runtime
from littoral.runtime.delegate.vendor import VendorDelegate
from littoral.tflite import Graph, to_bytes


class Session:
    """An interpreter with a delegate, made by `attach`. One call at a time: threads wait for each other.

    Attributes:
        graph: The model.
    """

    def __init__(self, graph: Graph, interpreter: Any, crew: Crew) -> None:
        self.graph = graph
        self._crew = crew
        self._guard = _Guard(interpreter, crew)
        self._nodes = len(interpreter._get_ops_details())  # the runtime adds its own delegates when it allocates
        self.resize({})

    @property
    def placement(self) -> Placement:
        """Where each operator runs: from the kernels that a delegate compiled, and the nodes that the runtime has."""
        return self._crew.placement(self._listed, self._nodes)

    def resize(self, shapes: Mapping[int, Sequence[int]]) -> None:
        """Gives inputs other shapes, by tensor index; kernels are compiled for them at once.

        Raises:
            DeviceError: The model or the delegate does not follow.
        """
        with self.use() as interpreter:
            for index, shape in shapes.items():
                interpreter.resize_tensor_input(index, shape)
            interpreter.allocate_tensors()
            self._crew.compile()

    def run(self, *inputs: Array) -> list[Array]:
        """Runs the model once.

        Args:
            inputs: Stored values in the order of `graph.main.inputs`.

        Returns:
            Copies of the outputs, in the order of `graph.main.outputs`.

        Raises:
            DeviceError: The model or the delegate failed; what a kernel raised is its cause.
            ClosedError: It is closed.
            InputError: There are more or fewer inputs than the model has.
        """
        if len(inputs) != len(self.graph.main.inputs):
            raise InputError(f"the model has {len(self.graph.main.inputs)} inputs and got {len(inputs)}")
        with self.use() as interpreter:
            for index, value in zip(self.graph.main.inputs, inputs, strict=True):
                interpreter.set_tensor(index, value)
            interpreter.invoke()
            return [interpreter.get_tensor(index) for index in self.graph.main.outputs]

    def use(self) -> _Guard:
        """`with session.use() as interpreter:` gives one thread the interpreter, and errors as ours. Do not keep it."""
        return self._guard

    def close(self) -> None:
        """Frees interpreter, kernels and delegates, after a call that is running; closing again does nothing."""
        self._guard.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _listed(self) -> list[dict[str, Any]]:
        with self.use() as interpreter:
            nodes: list[dict[str, Any]] = interpreter._get_ops_details()
            return nodes


class _Guard:
    """Lets one thread at a time to the interpreter, and none to it from inside a kernel."""

    def __init__(self, interpreter: Any, crew: Crew) -> None:
        self._interpreter = interpreter
        self._crew = crew
        self._lock = threading.Lock()
        self._user: int | None = None

    def __enter__(self) -> Any:
        self._refuse_kernels()
        self._lock.acquire()
        if self._interpreter is None:
            self._lock.release()
            raise ClosedError("the model is closed", "Attach the delegate again")
        self._user = threading.get_ident()
        self._crew.__enter__()
        return self._interpreter

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._user = None
        try:
            self._crew.__exit__(kind, error, trace)
        finally:
            self._lock.release()

    def close(self) -> None:
        self._refuse_kernels()
        with self._lock:
            if self._interpreter is not None:
                self._interpreter._interpreter = None  # frees it, also where a traceback still has our interpreter
            self._interpreter = None

    def _refuse_kernels(self) -> None:
        if self._user == threading.get_ident():
            raise DeviceError(
                "a kernel used the model that it is part of", "Give it a model of its own: partition.slice()"
            )


def attach(
    graph: Graph,
    delegate: Delegate | VendorDelegate | None,
    threads: int | None = None,
    *,
    file: str | os.PathLike[str] | None = None,
    interpreter: type[Any] | None = None,
    operators: Mapping[str, Compile] = MappingProxyType({}),
) -> Session:
    """An interpreter that runs a model with a delegate; what it does not take runs on the processor.

    Args:
        graph: The model.
        delegate: The accelerator; None for the processor alone.
        threads: For the processor, and passed on to the delegate; None leaves it to each.
        file: Where `graph` was read from, so that weights are mapped, not copied.
        interpreter: The class: None for ai_edge_litert's; those of tensorflow (`tf.lite.Interpreter`) and
            tflite_runtime work alike.
        operators: What runs custom operators in Python, by their names: see `littoral.runtime.delegate.custom`.

    Raises:
        RefusalError: The delegate compiles nothing of what it takes.
        DeviceError: The runtime does not run delegates written in Python, or the delegate failed to take or compile.
    """
    cls = interpreter or _litert()
    model = {"model_path": os.fspath(file)} if file else {"model_content": to_bytes(graph)}
    crew, known = Crew(graph, delegate, operators, threads), 0
    if crew.has_kernels_in_python:
        check_runtime(cls)
    while True:
        with crew:
            native = cls(**model, num_threads=threads, experimental_delegates=crew.delegates)
            crew.serve(native)
        try:
            return Session(graph, native, crew)
        except RefusalError:
            refused = crew.refused
            if len(refused) == known:  # an operator in Python refused, for which there is nobody else
                raise
            crew, known = Crew(graph, delegate, operators, threads, refused), len(refused)
            if not crew.claims:
                raise


def _litert() -> type[Any]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter: type[Any] = Interpreter
    return interpreter
