"""Accepts connections and hands them to workers; keeps the workers alive, and answers for those that died.

Every connection is open in two processes: the worker that reads and writes it, and this one, which does neither. When a
worker dies, the table says which of its connections wait for an answer: those get an error, and the others go to
another worker, with what their clients have sent meanwhile. So a death is seen only by the requests that it hit.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import signal
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from littoral.http import wire
from littoral.http.answers import Problem
from littoral.http.care import Care
from littoral.http.logs import Log
from littoral.http.orphans import Orphans, fate
from littoral.http.table import Table

_TICK = 0.25  # seconds between looks at the workers
_BALANCE = 1.0  # seconds between looks at who has how many connections
_SLOWEST_RESTART = 5.0  # seconds
_FAILURES = 5  # deaths in a row before anything worked, after which we give up


@dataclass(eq=False)
class _Worker:
    """A process that serves.

    Attributes:
        number: Its place in the table.
        state: "starting", "up", "retiring" (it serves what it has).
        verdict: Why it was killed by us: "hung", else empty.
    """

    number: int
    process: subprocess.Popen[bytes]
    channel: socket.socket
    since: float
    state: str = "starting"
    verdict: str = ""
    slots: set[int] = field(default_factory=set)


class Overview(Protocol):
    """What is counted over all workers."""

    def count(self, what: str) -> None:
        """A death: "died", "hung", "stuck"; or an answer in place of a worker: "502", "504"."""

    def forget(self, process: int) -> None:
        """A worker is dead."""

    def render(self) -> bytes:
        """What `/metrics` shows; called in a thread."""


Spawn = Callable[[int, int], "subprocess.Popen[bytes]"]
"""Starts a worker, given its number and the descriptor of its channel."""


class Supervisor:
    """Accepts, hands over, looks after.

    Args:
        listener: Bound and listening.
        table: Shared with the workers.
        spawn: Starts a worker.
        care: How they are looked after.
        log: For what happens to them.
        overview: Counts what happens to them, and has what `/metrics` shows.
        secure: Whether the workers speak TLS: then nobody can answer for one that died.
    """

    def __init__(
        self,
        listener: socket.socket,
        table: Table,
        spawn: Spawn,
        care: Care,
        log: Log,
        overview: Overview,
        secure: bool = False,
    ) -> None:
        self._listener = listener
        self._table = table
        self._spawn = spawn
        self._care = care
        self._log = log
        self._overview = overview
        self._secure = secure
        self._selector = selectors.DefaultSelector()
        self._workers: list[_Worker] = []
        self._sockets: dict[int, socket.socket] = {}
        self._free = deque(range(table.slots))
        self._pending: deque[int] = deque()  # idle connections without a worker
        self._orphans = Orphans()
        self._accepting = False
        self._stopping: float | None = None
        self._impatient = False
        self._failures = 0
        self._next_start = self._next_balance = 0.0
        self._signals, self._told = socket.socketpair()

    def run(self) -> None:
        """Serves until SIGTERM or SIGINT, and until what is under way has ended.

        Raises:
            OSError: Workers cannot be started.
        """
        self._listener.setblocking(False)
        self._signals.setblocking(False)
        self._told.setblocking(False)
        self._selector.register(self._signals, selectors.EVENT_READ, self._on_signal)
        with _signals_to(self._told):
            try:
                while not self._over():
                    self._look()
                    for key, _ in self._selector.select(_TICK):
                        key.data()
            finally:
                self._end()

    # connections

    def _on_connection(self) -> None:
        for _ in range(64):
            try:
                connection, _ = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    self._log.event("too many open files", "error")
                    time.sleep(0.01)
                return
            self._take(connection)

    def _take(self, connection: socket.socket) -> None:
        if not self._free:
            problem = Problem(503, "the server has as many connections as it may", "", {"retry-after": "1"})
            if self._secure:
                connection.close()
            else:
                self._orphans.answer(connection, problem)
            return
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        slot = self._free.popleft()
        self._sockets[slot] = connection
        self._table.clear(slot)
        self._give(slot)

    def _give(self, slot: int) -> None:
        """Hands a connection to the worker that has the fewest; it waits where there is none."""
        message = wire.pack(wire.CONNECTION, slot)
        for worker in sorted((w for w in self._workers if w.state == "up"), key=lambda w: len(w.slots)):
            with contextlib.suppress(OSError):  # it is dead or does not listen: another will
                socket.send_fds(worker.channel, [message], [self._sockets[slot].fileno()])
                worker.slots.add(slot)
                return
        self._pending.append(slot)

    def _close(self, slot: int) -> None:
        self._sockets.pop(slot).close()
        self._free.append(slot)

    # workers

    def _look(self) -> None:
        """Once in a while: who is dead, who hangs, who is missing."""
        now = time.monotonic()
        self._orphans.sweep(now)
        for worker in list(self._workers):
            if worker.process.poll() is not None:
                self._on_death(worker)
            elif self._hangs(worker, now):
                worker.verdict = "hung"
                self._log.event("worker hangs", "error", worker=worker.process.pid)
                worker.process.kill()
        if self._stopping is None:
            wanted = [worker for worker in self._workers if worker.state != "retiring"]
            if len(wanted) < self._care.workers and now >= self._next_start:
                self._start(now)
            self._accept(bool(self._up()))
            while self._pending and self._up():
                self._give(self._pending.popleft())
            self._balance(now)
        elif self._impatient or now - self._stopping > self._care.drain:
            for worker in self._workers:
                worker.process.kill()

    def _balance(self, now: float) -> None:
        """Has workers that have more connections than their share let some go: after a death, one has them all."""
        if now < self._next_balance or self._secure:
            return
        self._next_balance = now + _BALANCE
        workers = self._up()
        share = -(-sum(len(worker.slots) for worker in workers) // max(1, len(workers)))
        for worker in workers:
            if len(worker.slots) > share:
                self._tell(worker, wire.SHARE, len(worker.slots) - share)

    def _up(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.state == "up"]

    def _hangs(self, worker: _Worker, now: float) -> bool:
        if worker.state == "starting":
            return now - worker.since > self._care.start
        if worker.state == "retiring" and now - worker.since > self._care.drain:
            return True
        return now - self._table.beats[worker.number] > self._care.silence

    def _start(self, now: float) -> None:
        number = min(set(range(len(self._workers) + 1)) - {worker.number for worker in self._workers})
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = self._spawn(number, theirs.fileno())
        ours.setblocking(False)
        worker = _Worker(number, process, ours, now)
        self._workers.append(worker)
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._on_message(worker))

    def _on_message(self, worker: _Worker) -> None:
        for _ in range(256):
            try:
                message = worker.channel.recv(wire.LONGEST)
            except BlockingIOError:
                return
            except OSError:
                message = b""
            if not message:  # its end of the channel closes a moment before it is gone
                with contextlib.suppress(subprocess.TimeoutExpired):
                    worker.process.wait(1.0)
                worker.process.kill()
                worker.process.wait()
                self._on_death(worker)
                return
            self._hear(worker, *wire.unpack(message))

    def _hear(self, worker: _Worker, kind: int, slot: int) -> None:
        if kind == wire.UP:
            worker.state, self._failures = "up", 0
            self._log.event("worker is up", worker=worker.process.pid)
        elif kind == wire.CLOSED:
            worker.slots.discard(slot)
            self._close(slot)
        elif kind == wire.RELEASED:
            worker.slots.discard(slot)
            self._give(slot)
        elif kind == wire.STUCK and worker.state == "up":
            self._overview.count("stuck")
            worker.state, worker.since = "retiring", time.monotonic()
            self._tell(worker, wire.RETIRE)
        elif kind == wire.METRICS:
            threading.Thread(target=self._send_metrics, args=(worker, slot), daemon=True).start()

    def _send_metrics(self, worker: _Worker, request: int) -> None:
        descriptor = os.memfd_create("littoral-metrics", 0)
        with os.fdopen(descriptor, "w+b") as file, contextlib.suppress(OSError):
            file.write(self._overview.render())
            file.flush()
            socket.send_fds(worker.channel, [wire.pack(wire.METRICS, request)], [descriptor])

    def _tell(self, worker: _Worker, kind: int, number: int = 0) -> None:
        with contextlib.suppress(OSError):
            worker.channel.send(wire.pack(kind, number))

    def _on_death(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        self._overview.forget(worker.process.pid)
        self._drain_channel(worker)
        worker.channel.close()
        expected = self._stopping is not None or (worker.state == "retiring" and not worker.verdict)
        if not expected:
            self._overview.count(worker.verdict or "died")
            code = worker.process.returncode
            self._log.event("worker is dead", "error", worker=worker.process.pid, code=code, why=worker.verdict)
            self._delay(worker)
        for slot in worker.slots:
            self._inherit(slot, worker)

    def _drain_channel(self, worker: _Worker) -> None:
        """What it said before it died."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(worker.channel)
        with contextlib.suppress(OSError):
            while message := worker.channel.recv(wire.LONGEST):
                kind, slot = wire.unpack(message)
                if kind in (wire.CLOSED, wire.RELEASED):
                    self._hear(worker, kind, slot)

    def _delay(self, worker: _Worker) -> None:
        """Workers that die at once are started again ever more slowly."""
        if worker.state == "starting":
            self._failures += 1
            self._next_start = time.monotonic() + min(_SLOWEST_RESTART, 0.1 * 2**self._failures)

    def _inherit(self, slot: int, worker: _Worker) -> None:
        """Answers a connection of a worker that is dead, or hands it on where nothing was under way."""
        connection = self._sockets[slot]
        wanted = "close" if self._secure else fate(connection, self._table, slot)  # only the worker had the keys
        if wanted == "close":
            self._close(slot)
        elif wanted == "hand on":
            self._give(slot)
        else:
            status, what = (504, "hangs") if worker.verdict == "hung" else (502, "died")
            self._overview.count(str(status))
            del self._sockets[slot]
            self._free.append(slot)
            self._orphans.answer(connection, Problem(status, f"the process that had this request {what}", "Try again"))

    # the end

    def _accept(self, wanted: bool) -> None:
        if wanted != self._accepting:
            self._accepting = wanted
            if wanted:
                self._selector.register(self._listener, selectors.EVENT_READ, self._on_connection)
            else:
                self._selector.unregister(self._listener)

    def _on_signal(self) -> None:
        self._signals.recv(64)
        if self._stopping is not None:
            self._impatient = True
            return
        self._stopping = time.monotonic()
        self._log.event("stopping")
        self._accept(False)
        self._listener.close()
        for worker in self._workers:
            if worker.state == "starting":
                worker.process.kill()
            self._tell(worker, wire.DRAIN)
        for slot in self._pending:
            self._close(slot)
        self._pending.clear()

    def _over(self) -> bool:
        if self._failures >= _FAILURES and not self._workers:
            raise OSError(f"workers end as soon as they are started, {self._failures} times now: see the log")
        return self._stopping is not None and not self._workers

    def _end(self) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.wait()
            worker.channel.close()
        for connection in self._sockets.values():
            connection.close()
        self._orphans.close()
        self._listener.close()
        self._selector.close()
        self._signals.close()
        self._told.close()


@contextlib.contextmanager
def _signals_to(told: socket.socket) -> Iterator[None]:
    """While this is held, SIGTERM and SIGINT are bytes on a socket."""
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    waker = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(waker)
        for number, handler in before.items():
            signal.signal(number, handler)
