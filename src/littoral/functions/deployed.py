"""The functions of a store, open: made ready when they are first asked for, and when they have changed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from littoral.functions import compiled, manifest
from littoral.functions.errors import StoreError
from littoral.functions.function import Function
from littoral.functions.manifest import ModelUse
from littoral.functions.store import Record, Stamp, Store, Version
from littoral.runtime import Model, load

_MOST_FUNCTIONS = 2000
_MOST_MODELS = 64

Key = TypeVar("Key")
Thing = TypeVar("Thing", bound="_Closes")
ModelKey = tuple[str, str, "int | None"]  # digest, device, threads


class _Closes(Protocol):
    def close(self) -> None: ...


@dataclass
class _Slot(Generic[Thing]):
    """One thing that is open, or being opened."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    thing: Thing | None = None
    users: int = 0


class _Shelf(Generic[Key, Thing]):
    """Things that are open, of which those that nobody uses are closed when there are too many, the oldest first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._slots: OrderedDict[Key, _Slot[Thing]] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def lease(self, key: Key, make: Callable[[], Thing]) -> Iterator[tuple[Thing, bool]]:
        """A thing, opened where it is not, and whether it was: it stays open meanwhile. One thread opens it."""
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            slot.users += 1
            self._slots.move_to_end(key)
        try:
            made = slot.thing is None
            if made:
                with slot.lock:
                    made = slot.thing is None
                    if slot.thing is None:
                        slot.thing = make()
            assert slot.thing is not None
            yield slot.thing, made
        finally:
            with self._lock:
                slot.users -= 1
                old = self._surplus()
            for thing in old:
                thing.close()

    def drop(self, unwanted: Callable[[Key], bool]) -> None:
        """Closes things that nobody uses."""
        with self._lock:
            keys = [key for key, slot in self._slots.items() if not slot.users and unwanted(key)]
            things = [self._slots.pop(key).thing for key in keys]
        for thing in things:
            if thing is not None:
                thing.close()

    def _surplus(self) -> list[Thing]:
        surplus: list[Thing] = []
        for key in list(self._slots):
            if len(self._slots) <= self._most:
                break
            if not self._slots[key].users:
                thing = self._slots.pop(key).thing
                surplus += [thing] if thing is not None else []
        return surplus


@dataclass(frozen=True)
class Lease:
    """A function for one request.

    Attributes:
        function: Ready.
        version: Which version it is.
        cold: Whether it had to be made ready for this request.
    """

    function: Function
    version: Version
    cold: bool


@dataclass(frozen=True)
class _Ready:
    """A function, and its hold on models."""

    function: Function
    models: ExitStack

    def close(self) -> None:
        self.function.close()
        self.models.close()


class Deployed:
    """The functions of a store, for threads of one process.

    Models are shared: functions that name the same file, device and threads use the same one.

    Args:
        store: Where they are.
        most_functions: That are kept ready.
        most_models: That are kept loaded beyond those in use.
    """

    def __init__(self, store: Store, most_functions: int = _MOST_FUNCTIONS, most_models: int = _MOST_MODELS) -> None:
        self.store = store
        self._records: dict[str, tuple[Stamp, Record]] = {}
        self._functions: _Shelf[tuple[str, int, str], _Ready] = _Shelf(most_functions)
        self._models: _Shelf[ModelKey, Model] = _Shelf(most_models)

    @contextmanager
    def lease(self, name: str, number: int | None = None) -> Iterator[Lease]:
        """A function's version, the current one where none is named; it stays as it is meanwhile.

        Raises:
            StoreError: There is none, or it is damaged.
            LittoralError: It cannot be made ready.
        """
        version = self._record(name).version(number)
        with self._functions.lease((name, version.number, version.module), lambda: self._open(version)) as (
            ready,
            cold,
        ):
            yield Lease(ready.function, version, cold)

    def forget(self, name: str) -> None:
        """Closes what is ready of a function and nobody uses; the next request is a cold start."""
        self._functions.drop(lambda key: key[0] == name)

    def close(self) -> None:
        """Closes everything that nobody uses."""
        self._functions.drop(lambda _: True)
        self._models.drop(lambda _: True)

    def _record(self, name: str) -> Record:
        stamp = self.store.stamp(name)
        known = self._records.get(name)
        if known is not None and known[0] == stamp:
            return known[1]
        self._records.pop(name, None)
        record = self.store.record(name)
        if stamp is not None:
            self._records[name] = stamp, record
            answering = {version.number for version in record.versions if version.number == record.current}
            self._functions.drop(lambda key: key[0] == name and key[1] not in answering)
        return record

    def _open(self, version: Version) -> _Ready:
        read = self.store.objects.read
        wanted = manifest.parse(read(version.manifest).decode())
        files = {path: read(digest) for path, digest in version.files.items()}
        code = compiled.load(version.module, lambda: read(version.module))
        with ExitStack() as stack:
            models = {name: stack.enter_context(self._model(version, name, use)) for name, use in wanted.models.items()}
            return _Ready(Function(code, wanted, models, files), stack.pop_all())

    @contextmanager
    def _model(self, version: Version, name: str, use: ModelUse) -> Iterator[Model]:
        if name not in version.models:
            raise StoreError(f"version {version.number} lacks its model {name!r}", "Deploy it again")
        digest = version.models[name]

        def make() -> Model:
            return load(self.store.objects.path(digest), use.device, use.threads)

        with self._models.lease((digest, use.device, use.threads), make) as (model, _):
            yield model
