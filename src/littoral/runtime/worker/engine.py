"""A model in a worker as an engine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence

from littoral.devices import Device
from littoral.runtime.delegate.placement import Placement
from littoral.runtime.engine import Entry, Source
from littoral.runtime.tensors import Array
from littoral.runtime.worker.isolation import Isolation
from littoral.runtime.worker.process import Worker


class Isolated:
    """A worker that is started again after it failed: see `Engine`.

    Values are copied once into shared memory and once out of it.

    Args:
        source: The model.
        device: Where the worker runs it.
        threads: How many.
        isolation: How to watch the worker.

    Raises:
        DeviceError: The device does not take the model, or crashes over it.
    """

    def __init__(self, source: Source, device: Device, threads: int, isolation: Isolation) -> None:
        self._label = f"{source.name} on {device}"
        self._isolation = isolation
        self._file = None if source.path else _temporary(source.content)
        path = str(source.path) if source.path else f"/dev/fd/{self._file}"
        self._config = {"path": path, "name": source.name, "device": str(device), "threads": threads}
        self._worker: Worker | None = None
        try:
            self.note = self._running().note
        except BaseException:
            self.close()
            raise

    @property
    def nbytes(self) -> int:
        """Shared memory."""
        return self._worker.nbytes if self._worker and self._worker.is_alive else 0

    @property
    def pid(self) -> int | None:
        """Of the worker; None where there is none."""
        return self._worker.pid if self._worker and self._worker.is_alive else None

    def run(self, entry: Entry, values: Sequence[Array]) -> list[Array]:
        """Runs once; see `Engine.run`."""
        worker = self._running()
        answer = worker.ask("run", entry.key, worker.given.write(values))
        return [array.copy() for array in worker.got.read(answer)]

    def reset(self) -> None:
        """Sets variables back to zero."""
        self._running().ask("reset")

    def placement(self) -> Placement:
        """Where each operator runs."""
        placement: Placement = self._running().ask("placement")
        return placement

    def close(self) -> None:
        """Ends the worker; closing again does nothing."""
        if self._worker:
            self._worker.end()
        if self._file is not None:
            os.close(self._file)
        self._worker = self._file = None

    def _running(self) -> Worker:
        """The worker; a new one where it died, be it of a call or in its sleep."""
        if self._worker is None or not self._worker.is_alive:
            if self._worker:
                self._worker.end()
            files = () if self._file is None else (self._file,)
            self._worker = Worker(self._label, self._config, self._isolation, files)
        return self._worker


def _temporary(content: bytes) -> int:
    """A file without a name that holds a model."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        return os.dup(file.fileno())
