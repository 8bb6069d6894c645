"""Deployed functions that are loaded: found for each request, loaded when first asked for, dropped when long unused."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from littoral import runtime
from littoral.functions import manifest
from littoral.functions.compiled import load
from littoral.functions.errors import StoreError
from littoral.functions.function import Function
from littoral.functions.host import ModelLike
from littoral.functions.store import Record, Store, Version


class NotDeployedError(StoreError):
    """There is no such function."""


@dataclass(frozen=True)
class Lease:
    """A function that stays open while it is used.

    Attributes:
        function: To invoke.
        version: What it is of.
        cold: Whether it was loaded for this request.
        load: Seconds that this took, or that the request waited for another to load it.
    """

    function: Function
    version: Version
    cold: bool
    load: float


class Models:
    """Models that functions share: one for each model file, device and number of threads.

    Args:
        store: Has the model files.
        threads: For models whose manifest names no number; None for as many as this process may use.
    """

    def __init__(self, store: Store, threads: int | None = None) -> None:
        self._store = store
        self._threads = threads
        self._held: dict[tuple[str, str, int | None], _Held] = {}
        self._lock = threading.Lock()

    def take(self, digest: str, use: manifest.ModelUse) -> runtime.Model:
        """A model; `give_back` it as often as it was taken.

        Raises:
            LittoralError: The store lacks it, or its device cannot run it.
        """
        key = (digest, use.device, use.threads or self._threads)
        with self._lock:
            held = self._held.setdefault(key, _Held())
            held.users += 1
        try:
            with held.lock:
                if held.model is None:
                    held.model = runtime.load(self._store.objects.path(digest), key[1], key[2])
                return held.model
        except BaseException:
            self._leave(key, held)
            raise

    def give_back(self, model: ModelLike) -> None:
        """Closes a model that nobody has any more."""
        with self._lock:
            found = [(key, held) for key, held in self._held.items() if held.model is model]
        for key, held in found:
            self._leave(key, held)

    def _leave(self, key: tuple[str, str, int | None], held: _Held) -> None:
        with self._lock:
            held.users -= 1
            if held.users:
                return
            del self._held[key]
        if held.model is not None:
            held.model.close()


class _Held:
    def __init__(self) -> None:
        self.model: runtime.Model | None = None
        self.users = 0
        self.lock = threading.Lock()


def open_version(store: Store, version: Version, models: Models) -> tuple[Function, Mapping[str, ModelLike]]:
    """Opens a version of a function whose objects are in the store.

    Returns:
        The function, and the models that it uses: who closes the first gives back the second.

    Raises:
        LittoralError: An object is missing or damaged, or a model cannot be loaded.
    """
    read = store.objects.read
    described = manifest.parse(read(version.manifest).decode(), "the deployed manifest")
    files = {path: read(digest) for path, digest in version.files.items()}
    compiled = load(version.module, lambda: read(version.module))
    taken: dict[str, ModelLike] = {}
    try:
        for name, digest in version.models.items():
            taken[name] = models.take(digest, described.models.get(name, manifest.ModelUse()))
        return Function(compiled, described, taken, files), taken
    except BaseException:
        for model in taken.values():
            models.give_back(model)
        raise


class _Slot:
    """A version that is loaded, or is being loaded by the one who holds the lock."""

    def __init__(self, version: Version) -> None:
        self.version = version
        self.lock = threading.Lock()
        self.function: Function | None = None
        self.models: Mapping[str, ModelLike] = {}
        self.users = 0
        self.retired = False


class Shelf:
    """The functions of a store that this process has loaded; for any number of threads.

    Args:
        store: What is deployed; it may change at any time.
        most: How many stay loaded; beyond them the one that was not used for longest is dropped.
        threads: For models whose manifest names no number; None for as many as this process may use.
    """

    def __init__(self, store: Store, most: int = 1024, threads: int | None = None) -> None:
        self._store = store
        self._most = most
        self._models = Models(store, threads)
        self._slots: OrderedDict[tuple[str, int], _Slot] = OrderedDict()
        self._records: dict[str, tuple[tuple[int, int], Record]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._slots)

    def record(self, name: str) -> Record:
        """A function as the store has it at this moment.

        Raises:
            NotDeployedError: There is none of that name.
            StoreError: Its file is damaged.
        """
        known = self._records.get(name)
        try:
            stamp = self._store.stamp(name)
            if known and known[0] == stamp:
                return known[1]
            record = self._store.record(name)
        except StoreError as error:
            if self._is_there(name):
                raise
            self.drop(name)
            self._records.pop(name, None)
            raise NotDeployedError(error.cause, error.remedy) from None
        if stamp is not None:
            self._records[name] = stamp, record
        with self._lock:
            idle = self._retire([k for k, s in self._slots.items() if k[0] == name and s.version != record.version()])
        self._close(idle)
        return record

    @contextmanager
    def lease(self, name: str, number: int | None = None) -> Iterator[Lease]:
        """A function to invoke, which is not closed meanwhile.

        Raises:
            NotDeployedError: There is no such function.
            LittoralError: There is no such version, or it cannot be loaded.
        """
        with self.lease_of(name, self.record(name).version(number)) as lease:
            yield lease

    @contextmanager
    def lease_of(self, name: str, version: Version) -> Iterator[Lease]:
        """A version of a function to invoke, which is not closed meanwhile.

        Raises:
            LittoralError: It cannot be loaded.
        """
        slot = self._enter(name, version)
        try:
            start = time.perf_counter()
            cold = False
            with slot.lock:
                if slot.function is None:
                    slot.function, slot.models = open_version(self._store, slot.version, self._models)
                    cold = True
            yield Lease(slot.function, slot.version, cold, time.perf_counter() - start)
        finally:
            self._leave(slot)

    def drop(self, name: str) -> None:
        """Forgets what is loaded of a function; the next request loads it again."""
        with self._lock:
            idle = self._retire([key for key in self._slots if key[0] == name])
        self._close(idle)

    def close(self) -> None:
        """Closes what is loaded, after the requests that run."""
        with self._lock:
            idle = self._retire(list(self._slots))
        self._close(idle)

    def _is_there(self, name: str) -> bool:
        with suppress(StoreError):
            return self._store.stamp(name) is not None
        return False

    def _enter(self, name: str, version: Version) -> _Slot:
        key = name, version.number
        with self._lock:
            slot = self._slots.get(key)
            idle = []
            if slot is not None and slot.version != version:  # removed, and deployed again
                idle = self._retire([key])
                slot = None
            if slot is None:
                slot = self._slots[key] = _Slot(version)
                idle += self._retire(
                    [each for each, _ in zip(self._slots, range(len(self._slots) - self._most), strict=False)]
                )
            self._slots.move_to_end(key)
            slot.users += 1
        self._close(idle)
        return slot

    def _leave(self, slot: _Slot) -> None:
        with self._lock:
            slot.users -= 1
            over = slot.retired and not slot.users
        if over:
            self._close([slot])

    def _retire(self, keys: list[tuple[str, int]]) -> list[_Slot]:
        """Takes slots off the shelf; gives those that nobody uses. The lock is held."""
        gone = [self._slots.pop(key) for key in keys]
        for slot in gone:
            slot.retired = True
        return [slot for slot in gone if not slot.users]

    def _close(self, slots: list[_Slot]) -> None:
        for slot in slots:
            if slot.function is not None:
                slot.function.close()
                for model in slot.models.values():
                    self._models.give_back(model)
