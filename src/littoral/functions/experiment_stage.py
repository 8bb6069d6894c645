"""What experiments compare: one model, called natively, by a function, and by both of them behind HTTP."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from littoral import runtime
from littoral.devices import usable_cores
from littoral.functions import experiment_guest as guest
from littoral.functions.deploy import MANIFEST, deploy
from littoral.functions.experiment_http import Client, ServerError, ask, server
from littoral.functions.experiment_load import Caller
from littoral.functions.experiment_servers import SIMULATED
from littoral.functions.shelf import Shelf
from littoral.functions.store import Store, Version

NATIVE, NATIVE_HTTP = "native, in process", "native, HTTP"
FUNCTION, FUNCTION_HTTP = "function, in process", "function, HTTP"
CONTAINER = "native, HTTP, container start simulated"
CONTAINER_START = 0.8
"""Seconds: COLD_START_DELAY_MS of the reference, Faasm's experiments, which waits so long in its native server."""

LOADED = 16
"""Functions that a worker of the gateway keeps loaded in an experiment."""

_WARM, _KEEPER = "warm", "keeper"
_COPIES = 4 * LOADED  # for each worker: so many that a copy is gone from it when its turn comes again


@dataclass(frozen=True)
class Stage:
    """The contestants, ready.

    Attributes:
        callers: Makes a caller of a contestant, by its name.
    """

    callers: dict[str, Callable[[], Caller]]


@contextmanager
def stage(file: Path, workers: int | None = None) -> Iterator[Stage]:
    """Makes the contestants: a store, a gateway and a native server of their own, which are gone afterwards.

    Args:
        file: A model file with one input.
        workers: Of the gateway; as many as there are cores when not given.

    Raises:
        ExperimentError: The model cannot be used.
        ServerError: A server does not start, or somebody answers wrongly.
    """
    workers = workers or usable_cores()
    with ExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory()))
        model = stack.enter_context(runtime.load(file, threads=1))
        body = guest.body(model.inputs[0])
        store = Store(home / "functions")
        copies = _deploy(store, home / "source", file, model, _COPIES * workers)
        native_port, gateway_port = _servers(stack, file, home, workers)
        shelf = Shelf(store)
        stack.callback(shelf.close)
        stack.enter_context(shelf.lease(_KEEPER))  # so that the model stays loaded, as it does in a gateway
        callers = {
            NATIVE: lambda: _native(model, body),
            FUNCTION: lambda: _function(shelf, body),
            NATIVE_HTTP: lambda: _native_http(native_port, body, 0.0),
            CONTAINER: lambda: _native_http(native_port, body, CONTAINER_START),
            FUNCTION_HTTP: lambda: _gateway(gateway_port, body, copies),
        }
        _check(model, body, shelf, native_port, gateway_port)
        yield Stage(callers)


def deploy_guest(store: Store, folder: Path, file: Path, model: runtime.Model, name: str) -> Version:
    """Deploys the function of experiments for a model.

    Args:
        store: Where.
        folder: For its source; it must not be there yet.
        file: The model file.
        model: The same, loaded.
        name: Of the function.
    """
    folder.mkdir(parents=True)
    (folder / f"{name}.wasm").write_bytes(guest.module(model.inputs, model.outputs))
    limits = '[limits]\nconcurrency = 1000\noutput = "256 MiB"\nmemory = "1 GiB"\n'
    text = f'name = "{name}"\n{limits}[models.{guest.NAME}]\nthreads = 1\n'
    (folder / MANIFEST).write_text(text)
    return deploy(store, folder, {guest.NAME: file})


def _deploy(store: Store, folder: Path, file: Path, model: runtime.Model, copies: int) -> list[str]:
    """The function under several names: all are the same objects, but each is loaded by itself."""
    version = deploy_guest(store, folder, file, model, _WARM)
    names = [f"copy-{number}" for number in range(copies)]
    for name in (_KEEPER, *names):
        store.commit(name, replace(version, route=name))
    return names


def _servers(stack: ExitStack, file: Path, home: Path, workers: int) -> tuple[int, int]:
    environment = os.environ | {"LITTORAL_HOME": str(home)}
    program = [sys.executable, "-m", "littoral.functions.experiment_servers"]
    native = [*program, "native", str(file)]
    gateway = [*program, "gateway", str(home / "functions"), str(workers), str(LOADED)]
    return (
        stack.enter_context(server(native, environment))[0],
        stack.enter_context(server(gateway, environment))[0],
    )


def _native(model: runtime.Model, body: bytes) -> Caller:
    info = model.inputs[0]
    given = np.frombuffer(body, info.dtype).reshape([max(size, 1) for size in info.shape])

    def send() -> bool:
        model(given, raw=True)
        return True

    return Caller(send)


def _function(shelf: Shelf, body: bytes) -> Caller:
    def send() -> bool:
        with shelf.lease(_WARM) as lease:
            return lease.function.invoke(body).status == 0

    def prepare(cold: bool) -> None:
        if cold:
            shelf.drop(_WARM)

    return Caller(send, prepare)


def _native_http(port: int, body: bytes, wait: float) -> Caller:
    client = Client(port, body)
    headers: dict[str, str] = {}

    def prepare(cold: bool) -> None:
        headers.clear()
        if cold and wait:
            headers[SIMULATED] = str(wait)

    return Caller(lambda: client.post("/", headers)[0] == 200, prepare, client.close)


_turns = count()


def _gateway(port: int, body: bytes, copies: list[str]) -> Caller:
    client = Client(port, body)
    name = _WARM

    def prepare(cold: bool) -> None:
        nonlocal name
        name = copies[next(_turns) % len(copies)] if cold else _WARM

    return Caller(lambda: client.post(f"/functions/{name}")[0] == 200, prepare, client.close)


def _check(model: runtime.Model, body: bytes, shelf: Shelf, native_port: int, gateway_port: int) -> None:
    """All must answer the same before anybody is measured."""
    info = model.inputs[0]
    found = model(np.frombuffer(body, info.dtype).reshape([max(size, 1) for size in info.shape]), raw=True)
    first = found[model.outputs[0].name] if isinstance(found, dict) else found
    expected = np.asarray(first).tobytes()
    with shelf.lease(_WARM) as lease:
        answers = {FUNCTION: lease.function.invoke(body).body}
    answers[NATIVE_HTTP] = ask(native_port, "/", body)[1]
    answers[FUNCTION_HTTP] = ask(gateway_port, f"/functions/{_WARM}", body)[1]
    for name, answer in answers.items():
        if answer != expected:
            raise ServerError(f"{name} answers something else than the model: {answer[:200]!r}")
