"""What is alive: counted, freed at the end of a scope, and named when it was dropped without being closed."""

from __future__ import annotations

import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

_PACKAGE = str(Path(__file__).resolve().parent.parent)


class Resources(Protocol):
    """What stands behind a model."""

    @property
    def nbytes(self) -> int:
        """Bytes that it holds."""

    @property
    def engines(self) -> int:
        """How many loaded graphs."""

    @property
    def workers(self) -> int:
        """How many processes."""

    def close(self) -> None:
        """Frees it; freeing again does nothing."""


@dataclass(frozen=True)
class Memory:
    """What littoral holds in this process.

    Attributes:
        models: That are open.
        engines: Loaded graphs: a model has one for each thread that ran it at the same time as others.
        kernels: Of delegates.
        workers: Processes of isolated models.
        bytes: Of model files, tensors that go in and out, and memory that engines and workers share; what runtimes
            allocate inside is not known.
    """

    models: int
    engines: int
    kernels: int
    workers: int
    bytes: int


_open: weakref.WeakSet[Resources] = weakref.WeakSet()
_scope: ContextVar[list[weakref.ref[Resources]] | None] = ContextVar("scope", default=None)
_line: ContextVar[tuple[str, int] | None] = ContextVar("line", default=None)


def memory() -> Memory:
    """What littoral holds in this process now."""
    from littoral.runtime.delegate.native import live_kernels

    live = list(_open)
    return Memory(
        len(live),
        sum(each.engines for each in live),
        live_kernels(),
        sum(each.workers for each in live),
        sum(each.nbytes for each in live),
    )


@contextmanager
def scope() -> Iterator[None]:
    """Closes on leaving every model that was loaded inside, in this thread or task; it may be dropped before.

    with littoral.scope():
        y = littoral.load("m.tflite")(x)
    """
    made: list[weakref.ref[Resources]] = []
    token = _scope.set(made)
    try:
        yield
    finally:
        _scope.reset(token)
        for reference in reversed(made):
            if resources := reference():
                resources.close()


def keep(owner: object, resources: Resources, what: str) -> None:
    """Has resources counted, freed with the scope that they were made in, and freed when their owner is dropped.

    Args:
        owner: Who has them; once it is gone they are freed, with a ResourceWarning unless they were before, or were
            made in a scope.
        resources: Not the owner, and without a reference to it.
        what: Names them in the warning.
    """
    _open.add(resources)
    made = _scope.get()
    if made is not None:
        made.append(weakref.ref(resources))
    warning = None if made is not None else (f"{what} was not closed", ResourceWarning, *origin())
    weakref.finalize(owner, _dropped, resources, warning).atexit = False  # the system frees all of it then


def forget(resources: Resources) -> None:
    """What was closed is no longer counted."""
    _open.discard(resources)


def _dropped(resources: Resources, warning: tuple[str, type[Warning], str, int] | None) -> None:
    if resources not in _open:
        return
    resources.close()
    if warning:
        warnings.warn_explicit(*warning)


def origin() -> tuple[str, int]:
    """The file and line outside littoral that led here."""
    if line := _line.get():
        return line
    frame = sys._getframe(1)
    while frame.f_back and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def continued(target: Callable[..., None], *args: Any) -> threading.Thread:
    """A thread, not started, that goes on for its maker: warnings name the line that led to the making."""
    context = copy_context()
    context.run(_line.set, origin())
    return threading.Thread(target=context.run, args=(target, *args), name=f"littoral {target.__name__}")
