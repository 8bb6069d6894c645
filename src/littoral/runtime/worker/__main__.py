"""The worker: `python -m littoral.runtime.worker CONNECTION LIFE GIVEN GOT`, four descriptors; started by `Worker`."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
import select
import signal
import sys
import threading
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from littoral.devices import parse
from littoral.errors import DeviceError, LittoralError
from littoral.runtime.cpu import Scratch
from littoral.runtime.engine import Engine, Entry, Source, main_entry, signature_entry
from littoral.runtime.places import open_engine
from littoral.runtime.worker.arena import Arena
from littoral.tflite import read


class _Server:
    """Answers the owner's messages, one after the other."""

    def __init__(self, given: Arena, got: Arena, config: Mapping[str, Any]) -> None:
        graph = read(config["path"])
        source = Source(graph, config["name"], Path(config["path"]))
        [device] = parse(config["device"])
        self._given, self._got = given, got
        self._engine: Engine
        self._engine, self.note = open_engine(source, device, config["threads"], Scratch())
        entries = [main_entry(graph), *(signature_entry(graph, signature) for signature in graph.signatures)]
        self._entries: dict[str | None, Entry] = {entry.key: entry for entry in entries}

    def answer(self, message: tuple[Any, ...]) -> Any:
        match message:
            case ("run", key, description):
                return self._got.write(self._engine.run(self._entries[key], self._given.read(description)))
            case ("reset",):
                return self._engine.reset()
            case ("placement",):
                return self._engine.placement()
        raise AssertionError(message)


def main(connection: Connection, life: int, given: Arena, got: Arena) -> None:
    """Loads the model that the first message says, then answers until the owner closes the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the owner's
    _die_with(life)
    _, config, pause = pickle.loads(connection.recv_bytes())  # noqa: S301 - the owner is ours
    got.tick()
    threading.Thread(target=_beat, args=(life, got, pause), daemon=True).start()
    server: _Server | None = None
    message: tuple[Any, ...] = ()
    while True:
        try:
            if server is None:
                server = _Server(given, got, config)
                answer: Any = server.note
            else:
                answer = server.answer(message)
            reply = pickle.dumps(("answer", answer))
        except Exception as error:
            reply = pickle.dumps(("error", _portable(error)))
        connection.send_bytes(reply)
        message = pickle.loads(connection.recv_bytes())  # noqa: S301


def _portable(error: Exception) -> LittoralError:
    """The error without its traceback, which does not travel; one that is not ours becomes one."""
    if isinstance(error, LittoralError):
        return error
    return DeviceError(f"the worker failed: {type(error).__name__}: {error}")


def _beat(life: int, got: Arena, pause: float) -> None:
    """Shows the owner signs of life, and ends the process when the owner is gone."""
    owner = select.poll()
    owner.register(life, select.POLLIN)
    while not owner.poll(pause * 1000):
        got.tick()
    os._exit(0)


def _die_with(life: int) -> None:
    """Has the kernel kill this process when the other end of a socket closes, also while it is stopped or hangs."""
    if sys.platform == "linux":
        fcntl.fcntl(life, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(life, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | os.O_ASYNC)


if __name__ == "__main__":
    _connection, _life, _given, _got = map(int, sys.argv[1:5])
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        main(Connection(_connection), _life, Arena(_given), Arena(_got))
    os._exit(0)  # no native clean-up: the owner is gone or does not care
