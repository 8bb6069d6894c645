"""The gateway: functions over HTTP. One supervisor, and workers that run functions in themselves."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import json
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from littoral.devices import usable_cores
from littoral.errors import LittoralError, MissingExtraError
from littoral.functions.meters import Overview, environment
from littoral.functions.store import Store
from littoral.http.care import Care
from littoral.http.limits import Limits
from littoral.http.logs import Log
from littoral.http.quota import Quotas
from littoral.http.supervisor import Supervisor
from littoral.http.table import Table
from littoral.http.tokens import Tokens
from littoral.http.turns import Shape
from littoral.http.worker import secure_context

TOKENS = "tokens.json"
"""The file of tokens in the folder of the store."""
LOGS = "logs"
"""The folder of journals there."""
_BACKLOG = 1024


@dataclass(frozen=True)
class Settings:
    """How functions are served.

    Attributes:
        store: The folder of the store.
        open: Whether everybody may ask, without tokens.
        limits: For clients.
        shape: How much a worker does at once.
        care: How workers are looked after.
        certificate: A file of TLS certificates; None: without TLS.
        key: The file of its key, where that is another one.
        modules: Python modules to import, which offer host calls.
        threads: For models whose manifest names no number.
        functions: How many stay loaded in a worker.
        grace: Seconds beyond a function's time limit after which its worker is replaced.
    """

    store: str
    open: bool = False
    limits: Limits = field(default_factory=Limits)
    shape: Shape = field(default_factory=Shape)
    care: Care = field(default_factory=Care)
    certificate: str | None = None
    key: str | None = None
    modules: tuple[str, ...] = ()
    threads: int = 1
    functions: int = 1024
    grace: float = 2.0

    def to_json(self) -> str:
        """For a worker's command line."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """What `to_json` has written."""
        fields: dict[str, Any] = json.loads(text)
        nested = {"limits": Limits, "shape": Shape, "care": Care}
        made = {name: kind(**fields.pop(name)) for name, kind in nested.items()}
        return cls(modules=tuple(fields.pop("modules")), **made, **fields)


def settings(store: Path, workers: int | None = None, **others: Any) -> Settings:
    """Settings for this machine: a worker a core, and the cores shared among them.

    Args:
        store: The folder of the store.
        workers: How many; one a core when not given.
        others: Fields of Settings.
    """
    cores = usable_cores()
    workers = workers or cores
    share = max(1, cores // workers)
    made = {"care": Care(workers=workers), "shape": Shape(lanes=share), "threads": 1, **others}
    return Settings(store=str(store), **made)


def serve(
    wanted: Settings, host: str = "127.0.0.1", port: int = 0, started: Callable[[str], None] = lambda _: None
) -> None:
    """Serves until SIGTERM or SIGINT, and until the requests that are under way have ended.

    Args:
        wanted: How.
        host: An address of this machine.
        port: 0 for any that is free.
        started: Hears the address, as in "http://127.0.0.1:8080", when connections are welcome.

    Raises:
        LittoralError: The address is taken, TLS files are not usable, or workers cannot be started.
    """
    _check(wanted)
    _raise_file_limit()
    log = Log(process="supervisor")
    table, quotas = Table(wanted.care.connections), Quotas()
    with _folder() as folder, _listen(host, port) as listener:
        overview = Overview(folder)
        supervisor = Supervisor(
            listener,
            table,
            _spawner(wanted, table, quotas, folder),
            wanted.care,
            log,
            overview,
            wanted.certificate is not None,
        )
        address = listener.getsockname()
        shown = f"[{address[0]}]" if ":" in address[0] else address[0]
        started(f"{'https' if wanted.certificate else 'http'}://{shown}:{address[1]}")
        try:
            supervisor.run()
        finally:
            log.flush()


def _check(wanted: Settings) -> None:
    """Finds out here, once, what would end each worker."""
    for package in ("httptools", "uvloop", "wasmtime"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(f"{package}, which the gateway needs,", "functions")
    with contextlib.suppress(FileNotFoundError):
        Store(Path(wanted.store)).names()
        Tokens(Path(wanted.store, TOKENS)).list()
    try:
        secure_context(wanted.certificate, wanted.key)
    except OSError as error:
        files = " and ".join(filter(None, (wanted.certificate, wanted.key)))
        raise LittoralError(f"{files}: no TLS certificate and its key: {error}", "Accepted: PEM files") from error


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="littoral-metrics-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _listen(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
        return listener
    except (OSError, OverflowError) as error:
        raise LittoralError(f"cannot listen at {host}:{port}: {error}", "Give another --host or --port") from error


def _spawner(
    wanted: Settings, table: Table, quotas: Quotas, folder: Path
) -> Callable[[int, int], subprocess.Popen[bytes]]:
    def spawn(number: int, channel: int) -> subprocess.Popen[bytes]:
        passed = (channel, table.descriptor, quotas.descriptor)
        command = [sys.executable, "-m", "littoral.functions.worker", str(number), *map(str, passed), wanted.to_json()]
        return subprocess.Popen(
            command, pass_fds=passed, stdin=subprocess.DEVNULL, env=environment(folder), start_new_session=True
        )

    return spawn


def _raise_file_limit() -> None:
    """Lets this process and its workers have as many open files as they may: each connection is one in both."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else soft, hard))
