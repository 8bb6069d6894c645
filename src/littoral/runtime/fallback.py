"""Devices in the order of a device string: the first that takes the model runs it, the next answer when it fails."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping, Sequence
from functools import partial

from littoral.devices import Device
from littoral.errors import ClosedError, DeviceError, LittoralError
from littoral.runtime.delegate.placement import Placement
from littoral.runtime.engine import ANY, Entry, Source, keeps_state
from littoral.runtime.ledger import Ledger
from littoral.runtime.lifetime import origin
from littoral.runtime.places import Place, wants_isolation
from littoral.runtime.tensors import Array
from littoral.runtime.worker.isolation import DownError, Isolation

_PATIENCE = 3


class FallbackWarning(UserWarning):
    """A device of a device string was passed over; the text says why, and what runs instead."""


class Chain:
    """A model on the devices of a device string.

    Args:
        files: The model by device, or the one for all of them under the key `ANY`.
        devices: In the order in which they are to be tried.
        threads: For each call.
        isolate: Whether in processes of their own; None leaves that to each device.
        ledger: Counts what goes wrong.

    Raises:
        DeviceError: None of the devices takes the model, or there is no file for one.
    """

    def __init__(
        self,
        files: Mapping[str, Source],
        devices: Sequence[Device],
        threads: int,
        isolate: bool | Isolation | None,
        ledger: Ledger,
    ) -> None:
        self.ledger = ledger
        self._devices = tuple(devices)
        self._twins = ANY not in files
        self._sources = _picked(files, devices) if self._twins else [files[ANY]] * len(devices)
        self._threads = threads
        self._isolate = isolate
        self._remembers = any(keeps_state(source.graph) for source in self._sources)
        self._lock = threading.Lock()
        self._places: dict[int, Place] = {}
        self._said: dict[str, str] = {}
        self._failures = 0
        self._closed = False
        self._current = 0
        self._current = self._first_place()

    @property
    def place(self) -> Place:
        """What runs the model now."""
        return self._places[self._current]

    @property
    def source(self) -> Source:
        """The model as the device has it that runs it now."""
        return self._sources[self._current]

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to know: devices that were passed over, and peculiarities of those that run."""
        return (*self._said.values(), *self.place.notes)

    @property
    def nbytes(self) -> int:
        """Bytes that it holds, the model file among them."""
        loaded = {id(self._sources[index]): self._sources[index] for index in self._places}
        return sum(source.size for source in loaded.values()) + sum(place.nbytes for place in self._places.values())

    @property
    def engines(self) -> int:
        """How many loaded graphs."""
        return sum(len(place.engines) for place in self._places.values())

    @property
    def workers(self) -> int:
        """How many processes."""
        engines = [engine for place in self._places.values() for engine in place.engines]
        return sum(engine.pid is not None for engine in engines)

    def run(self, entry: Entry, values: Sequence[Array]) -> list[Array]:
        """Runs once, on the current device, or on the next ones where it fails. See `Engine.run`."""
        first = index = self._current
        while True:
            try:
                result = self._run(index, entry, values)
            except ClosedError:
                raise
            except LittoralError as error:
                if not isinstance(error, DownError):  # those are counted where they are seen
                    self.ledger.count(str(self._devices[index]), "errors")
                if index + 1 == len(self._devices) or self._remembers:
                    self.ledger.end("failed")
                    raise
                self._pass_over(index, error)
                index += 1
            else:
                if index == self._current:
                    self._failures = 0
                if index != first:
                    self.ledger.end("rescued")
                return result

    def _run(self, index: int, entry: Entry, values: Sequence[Array]) -> list[Array]:
        run = self._at(index).run
        if not self._twins:
            return run(entry, values)
        from littoral.runtime.twins import run_as_twin

        return run_as_twin(run, self._sources[index].graph, entry, values)

    def reset(self) -> None:
        """Sets variables back to zero, where the model has any."""
        if self._remembers or self._closed:  # a closed one says so
            self.place.reset()

    def placement(self) -> Placement:
        """Where each operator runs."""
        return self.place.placement()

    def close(self) -> None:
        """Frees everything, after the calls that are running; closing again does nothing."""
        with self._lock:
            self._closed = True
            places = list(self._places.values())
        for place in places:
            place.close()

    def _first_place(self) -> int:
        failures: list[tuple[Device, LittoralError]] = []
        for index, device in enumerate(self._devices):
            try:
                self._at(index)
            except LittoralError as error:
                failures.append((device, error))
                continue
            for failed, why in failures:
                self._say(failed, f"{failed} was passed over for {device}: {why.cause}")
            return index
        if len(failures) == 1:
            raise failures[0][1]
        told = "; ".join(f"{device}: {error.cause}" for device, error in failures)
        raise DeviceError(f"none of the devices takes {self._sources[0].name}: {told}", failures[0][1].remedy)

    def _at(self, index: int) -> Place:
        """The model on one of the devices, loaded when it is first asked for."""
        place = self._places.get(index)
        if place is None:
            with self._lock:
                if self._closed:
                    name = self._sources[index].name
                    raise ClosedError(f"{name} on {self._devices[index]} is closed", "Load it again")
                place = self._places.get(index)
                if place is None:
                    device = self._devices[index]
                    count = partial(self.ledger.count, str(device))
                    isolation = self._isolation(device)
                    place = Place(self._sources[index], device, self._threads, isolation, count)
                    self._places[index] = place
        return place

    def _isolation(self, device: Device) -> Isolation | None:
        if isinstance(self._isolate, Isolation):
            return self._isolate
        wanted = wants_isolation(device) if self._isolate is None else self._isolate
        return Isolation() if wanted else None

    def _pass_over(self, index: int, error: LittoralError) -> None:
        """Says that another device answers; after a few failures in a row it does so for good.

        One whose worker is started again comes back by itself, and costs little until then.
        """
        instead = self._devices[index + 1]
        self._say(self._devices[index], f"{self._devices[index]} failed, and {instead} answered: {error.cause}")
        if index != self._current or isinstance(error, DownError):
            return
        self._failures += 1
        if self._failures >= _PATIENCE:
            self._at(index + 1)
            self._current, self._failures = index + 1, 0
            words = f"{self._devices[index]} failed {_PATIENCE} times in a row: {instead} runs the model from now on"
            self._say(self._devices[index], words)

    def _say(self, device: Device, words: str) -> None:
        """Once for each device and what happened to it."""
        key = f"{device} {words.partition(':')[0]}"
        if key not in self._said:
            self._said[key] = words
            warnings.warn_explicit(words, FallbackWarning, *origin())


def _picked(files: Mapping[str, Source], devices: Sequence[Device]) -> list[Source]:
    from littoral.runtime.twins import pick

    return [pick(files, device) for device in devices]
