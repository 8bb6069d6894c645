"""One wasmtime engine a process, and the clock that ends code that runs too long.

Code checks a counter, the epoch, at each loop and call; a store says at which epoch it is to stop. One thread counts it
up while requests run, and sleeps otherwise.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

from littoral.functions.native import address, lasting, native

if TYPE_CHECKING:
    from wasmtime import Config, Engine

TICK = 0.01
"""Seconds of an epoch: what a time limit is exact to."""

_made: list[Engine] = []
_making = threading.Lock()


def engine() -> Engine:
    """The engine of this process: one even where several threads ask first, as code of one does not run in another."""
    if not _made:
        with _making:
            if not _made:
                _made.append(_make())
    return _made[0]


def _make() -> Engine:
    native()  # says what to install
    from wasmtime import Engine

    return lasting(Engine(_config()))


def _config() -> Config:
    from wasmtime import Config

    config = Config()
    config.epoch_interruption = True
    config.memory_init_cow = True  # an instance maps its first memory, and copies the pages that it writes to
    config.memory_may_move = False  # so that the host may keep the address for as long as the instance lives
    config.wasm_threads = False
    config.wasm_memory64 = False
    config.wasm_multi_memory = False
    return config


class Ticker:
    """Counts the epoch up while anything runs."""

    def __init__(self) -> None:
        self._running = 0
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> int:
        """How many requests run."""
        return self._running

    def enter(self) -> None:
        """A request starts."""
        with self._lock:
            self._running += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._tick, name="littoral-epochs", daemon=True)
                self._thread.start()
        if not self._wanted.is_set():
            self._wanted.set()

    def leave(self) -> None:
        """A request has ended."""
        with self._lock:
            self._running -= 1

    def _tick(self) -> None:
        increment, counter = native().increment_epoch, address(engine().ptr())
        while True:
            self._wanted.wait()
            time.sleep(TICK)
            increment(counter)
            if not self._running:
                self._wanted.clear()
                if self.running:  # it started between the two lines above
                    self._wanted.set()


ticker = Ticker()


def _forget() -> None:
    """A forked child has none of the threads; what was compiled before stays valid."""
    ticker.__init__()  # type: ignore[misc]


os.register_at_fork(after_in_child=_forget)
