"""LiteRT's interpreter as an engine: what a compiled model cannot run, the reference kernels, and delegates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from littoral.errors import ClosedError, DeviceError
from littoral.runtime.delegate.base import Delegate
from littoral.runtime.delegate.failures import RUNTIME_ERRORS, remedy, words
from littoral.runtime.delegate.placement import PROCESSOR, Placement
from littoral.runtime.engine import Entry, Source
from littoral.runtime.litert.placement import interpreted_placement, uniform_placement
from littoral.runtime.tensors import Array

if TYPE_CHECKING:
    from littoral.runtime.delegate.custom import Compile
    from littoral.runtime.delegate.vendor import VendorDelegate

Shape = tuple[int, ...]


class Interpreted:
    """One interpreter: see `Engine`. Values are copied once into its memory and once out of it.

    Args:
        source: The model.
        device: Names it in errors.
        threads: How many.
        reference: The reference kernels in place of XNNPACK and the optimised ones.

    Raises:
        DeviceError: LiteRT has no kernel for an operator, or refuses the model.
    """

    nbytes = 0
    pid = None

    def __init__(self, source: Source, device: str, threads: int, reference: bool = False) -> None:
        self._source = source
        self._reference = reference
        self._label = f"{source.name} on {device}"
        self._shapes: dict[int, Shape] = {}
        self._native: Any = None
        self._native = self._start(threads)

    def _start(self, threads: int) -> Any:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        with self._errors():
            native = Interpreter(
                model_path=str(self._source.path) if self._source.path else None,
                model_content=None if self._source.path else self._source.content,
                num_threads=threads,
                experimental_op_resolver_type=OpResolverType.BUILTIN_REF if self._reference else OpResolverType.AUTO,
            )
            native.allocate_tensors()
        return native

    def run(self, entry: Entry, values: Sequence[Array]) -> list[Array]:
        """Runs once; see `Engine.run`."""
        if entry.key is not None:
            return self._run_signature(entry, values)
        self._follow({info.index: value.shape for info, value in zip(entry.inputs, values, strict=True)})
        with self._use() as native:
            for info, value in zip(entry.inputs, values, strict=True):
                native.set_tensor(info.index, value)
            native.invoke()
            return [np.asarray(native.get_tensor(info.index)) for info in entry.outputs]  # a scalar is no array there

    def reset(self) -> None:
        """Sets variables back to zero."""
        with self._use() as native:
            native.reset_all_variables()

    def placement(self) -> Placement:
        """Where each operator runs."""
        if self._reference:
            return uniform_placement(self._source.graph, PROCESSOR, "LiteRT's reference kernel")
        with self._use() as native:
            return interpreted_placement(self._source.graph, native._get_ops_details())

    def close(self) -> None:
        """Frees the native memory; closing again does nothing."""
        self._native = None

    def _run_signature(self, entry: Entry, values: Sequence[Array]) -> list[Array]:
        given = {info.name: value for info, value in zip(entry.inputs, values, strict=True)}
        self._shapes.clear()  # its runner resizes the inputs
        with self._use() as native:
            result: dict[str, Array] = native.get_signature_runner(entry.key)(**given)
        return [result[info.name] for info in entry.outputs]

    def _follow(self, shapes: Mapping[int, Shape]) -> None:
        """Resizes the inputs unless they have these shapes."""
        if self._shapes == shapes:
            return
        self._shapes.clear()  # until the allocation has worked
        self._resize(shapes)
        self._shapes.update(shapes)

    def _resize(self, shapes: Mapping[int, Shape]) -> None:
        with self._use() as native:
            for index, shape in shapes.items():
                native.resize_tensor_input(index, shape, strict=True)
            native.allocate_tensors()

    def _use(self) -> AbstractContextManager[Any]:
        """The interpreter, with its errors as ours."""
        return self._errors()

    @contextmanager
    def _errors(self) -> Iterator[Any]:
        try:
            yield self._native
        except RUNTIME_ERRORS as error:
            said = words(error)
            raise DeviceError(f"LiteRT cannot run {self._label}: {said}", remedy(said)) from error


class Delegated(Interpreted):
    """One interpreter with delegates.

    Args:
        source: The model.
        device: Names it in errors.
        threads: How many.
        delegate: The accelerator; None for the processor alone.
        operators: What runs custom operators in Python, by their names.
        reference: The reference kernels for what no delegate takes.
    """

    def __init__(
        self,
        source: Source,
        device: str,
        threads: int,
        delegate: Delegate | VendorDelegate | None,
        operators: Mapping[str, Compile] = MappingProxyType({}),
        reference: bool = False,
    ) -> None:
        self._delegate = delegate
        self._operators = operators
        super().__init__(source, device, threads, reference)

    def _start(self, threads: int) -> Any:
        from littoral.runtime.delegate.session import attach

        return attach(
            self._source.graph,
            self._delegate,
            threads,
            file=self._source.path,
            interpreter=_reference() if self._reference else None,
            operators=self._operators,
        )

    def placement(self) -> Placement:
        """Where each operator runs."""
        placement: Placement = self._native.placement
        return placement

    def close(self) -> None:
        """Frees interpreter and kernels; closing again does nothing."""
        if self._native is not None:
            self._native.close()
        super().close()

    def _resize(self, shapes: Mapping[int, Shape]) -> None:
        self._native.resize(shapes)

    def _use(self) -> AbstractContextManager[Any]:
        if self._native is None:
            raise ClosedError(f"{self._label} is closed", "Load it again")
        session: AbstractContextManager[Any] = self._native.use()
        return session


def _reference() -> type[Any]:
    """The class of interpreters that run LiteRT's reference kernels."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    class Reference(Interpreter):  # type: ignore[misc] # it has no types
        def __init__(self, **options: Any) -> None:
            super().__init__(**options, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)

    return Reference
