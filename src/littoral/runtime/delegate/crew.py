"""All delegates on one interpreter: operators in Python, and an accelerator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType, TracebackType
from typing import Any

from littoral.errors import DeviceError
from littoral.runtime.delegate.base import Delegate
from littoral.runtime.delegate.custom import Compile, OneOperator, delegates
from littoral.runtime.delegate.failures import RUNTIME_ERRORS, VendorError, forget_locals, told
from littoral.runtime.delegate.native import Attachment
from littoral.runtime.delegate.placement import PROCESSOR, Place, Placement
from littoral.runtime.delegate.vendor import LoadedDelegate, VendorDelegate
from littoral.runtime.litert.placement import interpreted_placement
from littoral.tflite import Graph


class Crew:
    """All delegates on one interpreter. Calls into it go inside `with crew:`, as with an `Attachment`.

    Args:
        graph: The model.
        accelerator: None for the processor alone.
        operators: What runs custom operators in Python.
        threads: Passed on to kernels.
        refused: What the accelerator has refused to compile before.

    Raises:
        DeviceError: A delegate failed to say what it takes, or a vendor's library gives none.
    """

    def __init__(
        self,
        graph: Graph,
        accelerator: Delegate | VendorDelegate | None,
        operators: Mapping[str, Compile],
        threads: int | None,
        refused: Mapping[Place, str] = MappingProxyType({}),
    ) -> None:
        self._graph = graph
        self.name = accelerator.name if accelerator else PROCESSOR
        self._python = [_in_python(graph, each, threads) for each in delegates(graph, operators)]
        self._chosen = Attachment(graph, accelerator, threads, refused) if isinstance(accelerator, Delegate) else None
        self._attachments = [*self._python, *([self._chosen] if self._chosen else [])]
        self._vendor = LoadedDelegate(accelerator) if isinstance(accelerator, VendorDelegate) else None

    @property
    def delegates(self) -> list[Any]:
        """For the interpreter's `experimental_delegates`.

        Those in Python come first: a runtime applies a delegate that needs fixed shapes only when it knows every
        operator of the model.
        """
        return [*self._attachments, *([self._vendor] if self._vendor else [])]

    @property
    def has_kernels_in_python(self) -> bool:
        """Whether the runtime has to call Python."""
        return bool(self._attachments)

    @property
    def refused(self) -> Mapping[Place, str]:
        """What the accelerator has refused to compile, and why."""
        return self._chosen.refused if self._chosen else {}

    @property
    def claims(self) -> bool:
        """Whether the accelerator takes anything, as far as is known before it runs."""
        return self._chosen is not None and any(self._chosen.plan.claimed)

    def compile(self) -> None:
        """Compiles the kernels that need it; see `Attachment.compile`."""
        for each in self._attachments:
            each.compile()

    def placement(self, nodes: Callable[[], Sequence[Mapping[str, Any]]], own: int) -> Placement:
        """Where each operator runs.

        Args:
            nodes: Gives all nodes of the main subgraph, as the interpreter lists them.
            own: How many of those there were before the runtime added delegates of its own.
        """
        if self._chosen:
            placement = self._chosen.placement
        else:
            placement = interpreted_placement(self._graph, nodes(), self.name if self._vendor else "", own)
        here = {(part.subgraph, index) for each in self._python for part in each.parts for index in part.operators}
        return Placement(
            tuple(
                replace(place, runner=PROCESSOR, reason="a kernel in Python")
                if (place.subgraph, place.operator) in here
                else place
                for place in placement.operators
            )
        )

    def serve(self, interpreter: Any) -> None:
        """Takes note of the interpreter that was made with its delegates."""
        if self._vendor:
            self._vendor.outlive(interpreter)

    def __enter__(self) -> None:
        for each in self._attachments:
            each.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is None:  # the hot path
            return
        kept = [each.take_failure() for each in self._attachments]
        if isinstance(error, RUNTIME_ERRORS):
            if self._vendor:
                forget_locals(error)  # the interpreter is among them, and would keep the device busy
            if failures := [failure for failure in kept if failure]:
                raise failures[0]
            reason = told(self.name, error)
            raise (VendorError(reason.cause, reason.remedy) if self._vendor else reason) from error


def _in_python(graph: Graph, delegate: OneOperator, threads: int | None) -> Attachment:
    """Attached; that it cannot be taken is an error, as nobody else has a kernel for it."""
    attachment = Attachment(graph, delegate, threads)
    if not any(attachment.plan.claimed):
        operators = ((place, graph.subgraphs[place[0]].operators[place[1]]) for place in attachment.plan.reasons)
        place = next(place for place, operator in operators if operator is delegate.operator)
        raise DeviceError(f"{delegate.name} cannot run in Python: {attachment.plan.reasons[place]}")
    return attachment
