"""A worker of the gateway: `python -m littoral.functions.worker NUMBER CHANNEL TABLE QUOTAS SETTINGS`."""

from __future__ import annotations

import importlib
import os
import socket
import sys
from pathlib import Path

from littoral.functions.application import Application, Parts
from littoral.functions.engine import engine
from littoral.functions.gateway import LOGS, TOKENS, Settings
from littoral.functions.journal import Journal
from littoral.functions.meters import Meters
from littoral.functions.shelf import Shelf
from littoral.functions.store import Store
from littoral.http.logs import Log
from littoral.http.quota import Quotas
from littoral.http.table import Table
from littoral.http.tokens import Tokens
from littoral.http.turns import Turns
from littoral.http.worker import Worker, run, secure_context


async def main(number: int, channel: int, table: int, quotas: int, wanted: Settings) -> None:
    """Serves until the supervisor says otherwise."""
    log = Log(process="worker", worker=os.getpid())
    for module in wanted.modules:
        importlib.import_module(module)
    worker = Worker(
        socket.socket(fileno=channel),
        number,
        Table(wanted.care.connections, table),
        wanted.limits,
        secure_context(wanted.certificate, wanted.key),
        log,
    )
    folder = Path(wanted.store)
    store, meters = Store(folder), Meters()

    def stuck(key: str) -> None:
        log.event("a function does not end", "error", function=key)
        worker.stuck()

    turns = Turns(wanted.shape, stuck)
    parts = Parts(
        store=store,
        shelf=Shelf(store, wanted.functions, wanted.threads),
        tokens=None if wanted.open else Tokens(folder / TOKENS),
        quotas=Quotas(quotas),
        turns=turns,
        meters=meters,
        log=log,
        journal=Journal(folder / LOGS),
        metrics=worker.metrics,
        ready=lambda: not worker.leaving,
        grace=wanted.grace,
    )

    def sweep(now: float) -> None:
        turns.sweep(now)
        meters.show(connections=worker.connections, waiting=turns.waiting, running=turns.running)

    engine()  # before somebody waits for it
    await worker.serve(Application(parts), sweep)
    log.flush()


if __name__ == "__main__":
    _number, _channel, _table, _quotas = map(int, sys.argv[1:5])
    run(lambda: main(_number, _channel, _table, _quotas, Settings.from_json(sys.argv[5])))
    os._exit(0)  # threads that cannot be stopped do not keep it
