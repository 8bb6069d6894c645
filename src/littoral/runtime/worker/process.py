"""The worker as its owner sees it: started, asked, watched, ended."""

from __future__ import annotations

import atexit
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any, Literal

from littoral.errors import DeviceError
from littoral.runtime.worker.arena import Arena
from littoral.runtime.worker.isolation import DownError, Isolation

_LONGEST_WORDS = 300
_TAIL = 4096
_CHATTER = ("INFO: ", "VERBOSE: ")


class WorkerError(DownError):
    """A worker died or hung.

    Attributes:
        kind: Which of the two, as faults are counted.
    """

    def __init__(self, cause: str, remedy: str = "", kind: Literal["crashes", "hangs"] = "crashes") -> None:
        super().__init__(cause, remedy)
        self.kind = kind


_live: weakref.WeakSet[Worker] = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    for worker in list(_live):
        worker.end()


class Worker:
    """A running worker with a model.

    Args:
        label: Names the model and the device in errors.
        config: What the worker is to load; see `__main__`.
        isolation: How to watch it.
        files: Descriptors that the worker needs under the same numbers.

    Raises:
        WorkerError: It died or hung while it loaded.
        DeviceError: The device does not take the model; other errors of ours alike.
    """

    def __init__(
        self, label: str, config: Mapping[str, Any], isolation: Isolation, files: tuple[int, ...] = ()
    ) -> None:
        self._label = label
        self._isolation = isolation
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the worker
        self.given, self.got = Arena(), Arena()
        ours, theirs = socket.socketpair()
        self._life, life = socket.socketpair()  # says nothing: the worker ends when our end of it is closed
        with theirs, life:
            numbers = (theirs.fileno(), life.fileno(), self.given.descriptor, self.got.descriptor)
            self._process = self._spawn(numbers, files)
        self._connection = Connection(ours.detach())
        _live.add(self)
        self._answers = select.poll()  # made once: Connection.poll makes one at each call
        self._answers.register(self._connection, select.POLLIN)
        try:
            self.note: str = self._ask(("load", dict(config), isolation.silence / 5), isolation.start)
        except BaseException:
            self.end()
            raise

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def nbytes(self) -> int:
        """Shared memory."""
        return self.given.nbytes + self.got.nbytes

    def ask(self, *message: Any) -> Any:
        """Sends a message and waits for the answer.

        Raises:
            WorkerError: It died, hung, or took too long; it is ended then.
            DeviceError: The device failed; other errors of ours alike.
        """
        try:
            return self._ask(message, self._isolation.timeout)
        except WorkerError:
            self.end()
            raise

    def end(self) -> None:
        """Kills it and waits for that; ending again does nothing."""
        self._process.kill()
        self._process.wait()
        self._connection.close()
        self._life.close()
        self._words.close()
        self.given.close()
        self.got.close()

    def _spawn(self, numbers: tuple[int, ...], files: tuple[int, ...]) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "littoral.runtime.worker", *map(str, numbers)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        try:
            return subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=self._words,
                stderr=self._words,
                pass_fds=(*numbers, *files),
            )
        except OSError as error:
            raise DeviceError(f"a worker for {self._label} cannot be started: {error}") from error

    def _ask(self, message: tuple[Any, ...], timeout: float) -> Any:
        try:
            self._connection.send_bytes(pickle.dumps(message))  # half the time of `send`
            self._await(timeout)
            outcome, answer = pickle.loads(self._connection.recv_bytes())  # noqa: S301 - the worker is ours
        except (EOFError, OSError) as error:
            raise self._failure("crashes", _wait(self._process)) from error
        if outcome == "error":
            raise answer
        return answer

    def _await(self, timeout: float) -> None:
        """Returns when there is an answer, or the end of the connection."""
        limit = time.monotonic() + timeout
        beat, heard = self.got.beat, time.monotonic()
        while not self._answers.poll(1000 * min(self._isolation.silence / 4, max(0.0, limit - time.monotonic()))):
            now = time.monotonic()
            if self.got.beat != beat:
                beat, heard = self.got.beat, now
            if now >= limit:
                raise self._failure("hangs", f"no answer in {timeout:g} s")
            if now - heard >= self._isolation.silence and beat:
                raise self._failure("hangs", f"no sign of life for {self._isolation.silence:g} s")

    def _failure(self, kind: Literal["crashes", "hangs"], how: str) -> WorkerError:
        words = self._last_words()
        said = f"; its last words: {words}" if words else ""
        what = "died" if kind == "crashes" else "hung"
        return WorkerError(f"the worker of {self._label} {what} ({how}){said}", "A later call starts another", kind)

    def _last_words(self) -> str:
        """The last line that it wrote to its standard error, past what libraries chat."""
        size = self._words.seek(0, os.SEEK_END)
        self._words.seek(max(0, size - _TAIL))
        lines = [line.strip() for line in self._words.read().decode(errors="replace").splitlines()]
        said = [line for line in lines if line and not line.startswith(_CHATTER)]
        return said[-1][:_LONGEST_WORDS] if said else ""


def _wait(process: subprocess.Popen[bytes]) -> str:
    """How a process ended whose connection is closed."""
    try:
        code = process.wait(5)
    except subprocess.TimeoutExpired:
        return "it closed its connection"
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
