"""A model behind HTTP without a sandbox, for experiments to compare with: uvicorn, raw ASGI, a thread a core.

As a program: python -m littoral.functions.experiment_native MODEL. It says its address when it is there. A request
with the header `simulated-start: SECONDS` waits so long before it is answered, as the native server of Faasm's
experiments does in place of a container that starts.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from littoral import runtime
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


def main(file: str) -> None:
    """Serves a model file on a free port until it is told to end."""
    import uvicorn

    cores = len(os.sched_getaffinity(0))
    with runtime.load(file, threads=1) as model, ThreadPoolExecutor(cores) as pool, socket.socket() as listener:
        model.warm_up()
        listener.bind(("127.0.0.1", 0))
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        config = uvicorn.Config(application(model, pool), log_level="warning", lifespan="off", access_log=False)
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(sys.argv[1])
