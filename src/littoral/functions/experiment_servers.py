"""The servers of experiments, as programs that say their address when they are there.

python -m littoral.functions.experiment_servers native MODEL
    A model behind HTTP without a sandbox: uvicorn, raw ASGI, a thread a core. A request with the header
    `simulated-start: SECONDS` waits so long before it is answered, as the native server of Faasm's experiments does in
    place of a container that starts.
python -m littoral.functions.experiment_servers gateway STORE WORKERS LOADED
    The gateway, for a store, with so many workers that keep so many functions loaded.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from littoral import runtime
from littoral.devices import usable_cores
from littoral.http.answers import App, Receive, Scope, Send, answer, header, read_body

if TYPE_CHECKING:
    from littoral.runtime import Model

SIMULATED = "simulated-start"


def application(model: Model, pool: ThreadPoolExecutor) -> App:
    """An ASGI application: the body is the model's only input as it is stored, the answer its first output.

    Args:
        model: Called by the pool's threads.
        pool: Runs it.
    """
    info = model.inputs[0]
    shape = [max(size, 1) for size in info.shape]

    def infer(body: bytes | bytearray) -> bytes:
        result = model(np.frombuffer(body, info.dtype).reshape(shape), raw=True)
        first = result[model.outputs[0].name] if isinstance(result, dict) else result
        return np.asarray(first).tobytes()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = await read_body(receive)
        if wait := header(scope, SIMULATED.encode()):
            await asyncio.sleep(float(wait))
        found = await asyncio.get_running_loop().run_in_executor(pool, infer, body)
        await answer(send, 200, found, "application/octet-stream")

    return app


def native(file: str) -> None:
    """Serves a model file on a free port until it is told to end."""
    import uvicorn

    cores = usable_cores()
    with runtime.load(file, threads=1) as model, ThreadPoolExecutor(cores) as pool, socket.socket() as listener:
        model.warm_up()
        listener.bind(("127.0.0.1", 0))
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        config = uvicorn.Config(application(model, pool), log_level="warning", lifespan="off", access_log=False)
        uvicorn.Server(config).run(sockets=[listener])


def gateway(store: str, workers: str, loaded: str) -> None:
    """Serves a store on a free port, to everybody, until it is told to end."""
    from littoral.functions.gateway import serve, settings

    wanted = settings(Path(store), int(workers), open=True, functions=int(loaded))
    serve(wanted, started=lambda address: print(address, flush=True))


if __name__ == "__main__":
    if sys.argv[1] == "native":
        native(*sys.argv[2:])
    else:
        gateway(*sys.argv[2:])
