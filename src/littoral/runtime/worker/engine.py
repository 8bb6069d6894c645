"""A model in a worker as an engine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from littoral.devices import Device
from littoral.errors import LittoralError
from littoral.runtime.delegate.failures import VendorError
from littoral.runtime.delegate.placement import Placement
from littoral.runtime.engine import Entry, Source
from littoral.runtime.ledger import Kind
from littoral.runtime.tensors import Array
from littoral.runtime.worker.backoff import Backoff
from littoral.runtime.worker.isolation import DownError, Isolation
from littoral.runtime.worker.process import Worker, WorkerError


class Isolated:
    """A worker that is started again after it failed: see `Engine`.

    Values are copied once into shared memory and once out of it.

    Args:
        source: The model.
        device: Where the worker runs it.
        threads: How many.
        isolation: How to watch the worker.
        count: Takes each fault, and each restart.

    Raises:
        DeviceError: The device does not take the model, or crashes over it.
    """

    def __init__(
        self, source: Source, device: Device, threads: int, isolation: Isolation, count: Callable[[Kind], None]
    ) -> None:
        self._label = f"{source.name} on {device}"
        self._isolation = isolation
        self._count = count
        self._backoff = Backoff(isolation.wait, isolation.longest_wait)
        self._file = None if source.path else _temporary(source.content)
        path = str(source.path) if source.path else f"/dev/fd/{self._file}"
        self._config = {"path": path, "name": source.name, "device": str(device), "threads": threads}
        self._worker: Worker | None = None
        try:
            self._worker = self._started()
            self.note = self._worker.note
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
        answer = self._ask(worker, "run", entry.key, worker.given.write(values))
        self._backoff.succeed()
        return [array.copy() for array in worker.got.read(answer)]

    def reset(self) -> None:
        """Sets variables back to zero."""
        self._ask(self._running(), "reset")

    def placement(self) -> Placement:
        """Where each operator runs."""
        placement: Placement = self._ask(self._running(), "placement")
        return placement

    def close(self) -> None:
        """Ends the worker; closing again does nothing."""
        if self._worker:
            self._worker.end()
        if self._file is not None:
            os.close(self._file)
        self._worker = self._file = None

    def _ask(self, worker: Worker, *message: Any) -> Any:
        try:
            return worker.ask(*message)
        except WorkerError as error:
            self._down(error.kind)
            raise
        except VendorError as error:  # nobody knows what state it is in: it is opened anew
            self._down("errors")
            raise DownError(error.cause, error.remedy) from error

    def _running(self) -> Worker:
        """The worker; a new one where it died, be it of a call or in its sleep."""
        if self._worker is not None and not self._worker.is_alive:
            self._down("crashes")
        if self._worker is None:
            self._worker = self._restarted()
        return self._worker

    def _restarted(self) -> Worker:
        left = self._backoff.left(monotonic())
        if left > 0:
            raise DownError(
                f"the worker of {self._label} failed {self._backoff.failures} times in a row",
                f"It is started again by the first call in {left:.1f} s",
            )
        try:
            worker = self._started()
        except LittoralError as error:
            kind: Kind = error.kind if isinstance(error, WorkerError) else "errors"
            self._down(kind)
            if isinstance(error, WorkerError):
                raise
            raise DownError(error.cause, error.remedy) from error
        self._count("restarts")
        return worker

    def _started(self) -> Worker:
        files = () if self._file is None else (self._file,)
        return Worker(self._label, self._config, self._isolation, files)

    def _down(self, kind: Kind) -> None:
        """Ends the worker, and counts why."""
        if self._worker:
            self._worker.end()
        self._worker = None
        self._count(kind)
        self._backoff.fail(monotonic())


def _temporary(content: bytes) -> int:
    """A file without a name that holds a model."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        return os.dup(file.fileno())
