"""A few engines of one model, lent to the threads that call it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from littoral.errors import ClosedError, DeviceError
from littoral.runtime.engine import Engine


class Pool:
    """Lends engines: each to one thread at a time; another is made when all are lent, up to a number.

    Args:
        name: Names the model in errors.
        make: Makes an engine.
        size: The number, from 1.

    Raises:
        Exception: What `make` raises: the first engine is made at once.
    """

    def __init__(self, name: str, make: Callable[[], Engine], size: int) -> None:
        self._name = name
        self._make = make
        self._size = size
        self._changed = threading.Condition()
        self._users: set[int] = set()
        self._closed = False
        self._all = [make()]
        self._idle = list(self._all)

    @property
    def engines(self) -> tuple[Engine, ...]:
        """Those that there are."""
        return tuple(self._all)

    @contextmanager
    def lease(self) -> Iterator[Engine]:
        """An engine for one call.

        Raises:
            ClosedError: The pool is closed.
            DeviceError: This thread has one already: a kernel calls the model that it is part of.
        """
        user = threading.get_ident()
        engine = self._take(user) or self._grow()
        try:
            yield engine
        finally:
            with self._changed:
                self._users.discard(user)
                self._idle.append(engine)
                self._changed.notify_all()

    def fill(self, count: int) -> None:
        """Makes engines until there are so many, as far as the pool's size goes. Nobody may use the pool yet."""
        while len(self._all) < min(count, self._size):
            engine = self._make()
            self._all.append(engine)
            self._idle.append(engine)

    def close(self) -> None:
        """Closes all engines, after the calls that are running; closing again does nothing."""
        with self._changed:
            self._refuse_nesting(threading.get_ident())
            self._closed = True
            self._changed.notify_all()
            while self._users:
                self._changed.wait()
            engines, self._all, self._idle = self._all, [], []
        for engine in engines:
            engine.close()

    def _take(self, user: int) -> Engine | None:
        """An idle engine, or None where one may be made."""
        with self._changed:
            self._refuse_nesting(user)
            while True:
                if self._closed:
                    raise ClosedError(f"{self._name} is closed", "Load it again")
                if self._idle or len(self._users) < self._size:
                    self._users.add(user)
                    return self._idle.pop() if self._idle else None
                self._changed.wait()

    def _grow(self) -> Engine:
        """One more engine. Where none can be made, one that others have will do."""
        try:
            engine = self._make()
        except Exception:
            user = threading.get_ident()
            with self._changed:
                self._users.discard(user)
                self._size = max(1, len(self._all))
                self._changed.notify_all()
            return self._take(user) or self._grow()
        with self._changed:
            self._all.append(engine)
        return engine

    def _refuse_nesting(self, user: int) -> None:
        if user in self._users:
            raise DeviceError(
                f"a kernel used {self._name}, which it is part of", "Give it a model of its own: partition.slice()"
            )
