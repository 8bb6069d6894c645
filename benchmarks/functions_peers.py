"""LitServe, MLServer and BentoML with a model, each in an environment of its own, made on first use.

The same model file, LiteRT with one thread in each of two workers, the input as base64 in the JSON that each of them
speaks by default. This file is imported in their environments too: nothing of littoral at its top.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from littoral.functions.experiment_load import Caller

PEERS = {  # what is installed for each; MLServer's workers need an event loop that later uvloops do not make
    "litserve": ["litserve"],
    "mlserver": ["mlserver", "uvloop<0.22"],
    "bentoml": ["bentoml"],
}
PATHS = {"litserve": "/predict", "mlserver": "/v2/models/model/infer", "bentoml": "/infer"}
WORKERS = 2
START = 120  # seconds

MLSERVER = """
import os, sys
sys.path.insert(0, os.environ["PEER_CODE"])
from functions_peers import interpreter
from mlserver import MLModel
from mlserver.codecs import Base64Codec
from mlserver.types import InferenceResponse

class Model(MLModel):
    async def load(self):
        self.run = interpreter(os.environ["PEER_MODEL"])
        return True
    async def predict(self, payload):
        [given] = Base64Codec.decode_input(payload.inputs[0])
        return InferenceResponse(model_name=self.name, outputs=[Base64Codec.encode_output("y", [self.run(given)])])
"""

LITSERVE = """
import base64, os, sys
sys.path.insert(0, os.environ["PEER_CODE"])
from functions_peers import interpreter
import litserve

class Api(litserve.LitAPI):
    def setup(self, device):
        self.run = interpreter(os.environ["PEER_MODEL"])
    def decode_request(self, request):
        return base64.b64decode(request["data"])
    def predict(self, given):
        return self.run(given)
    def encode_response(self, output):
        return {"data": base64.b64encode(output).decode()}

if __name__ == "__main__":
    server = litserve.LitServer(Api(), accelerator="cpu", workers_per_device=int(sys.argv[2]))
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning")
"""

BENTOML = """
import base64, os, sys
sys.path.insert(0, os.environ["PEER_CODE"])
from functions_peers import interpreter
import bentoml

@bentoml.service(workers={workers})
class Service:
    def __init__(self) -> None:
        self.run = interpreter(os.environ["PEER_MODEL"])
    @bentoml.api
    def infer(self, data: str) -> str:
        return base64.b64encode(self.run(base64.b64decode(data))).decode()
"""


def interpreter(file: str) -> Callable[[bytes], bytes]:
    """In a peer's environment: LiteRT as its users call it."""
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    made = Interpreter(file, num_threads=1)
    made.allocate_tensors()
    given, taken = made.get_input_details()[0], made.get_output_details()[0]

    def run(body: bytes) -> bytes:
        made.set_tensor(given["index"], np.frombuffer(body, given["dtype"]).reshape(given["shape"]))
        made.invoke()
        return bytes(made.get_tensor(taken["index"]).tobytes())

    return run


def command(peer: str, python: str, port: int, folder: Path) -> list[str]:
    """What starts a peer; its files are written to the folder."""
    beside = Path(python).parent
    if peer == "litserve":
        (folder / "served.py").write_text(LITSERVE)
        return [python, "served.py", str(port), str(WORKERS)]
    if peer == "bentoml":
        (folder / "service.py").write_text(BENTOML.format(workers=WORKERS))
        return [str(beside / "bentoml"), "serve", "service:Service", "--port", str(port), "--host", "127.0.0.1"]
    (folder / "served.py").write_text(MLSERVER)
    ports = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port()}
    settings = {"host": "127.0.0.1", "parallel_workers": WORKERS, "debug": False, **ports}
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(json.dumps({"name": "model", "implementation": "served.Model"}))
    return [str(beside / "mlserver"), "start", str(folder)]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wrap(peer: str, body: bytes) -> bytes:
    """A request as the peer wants it."""
    data = base64.b64encode(body).decode()
    if peer != "mlserver":
        return json.dumps({"data": data}).encode()
    part = {"name": "x", "shape": [1], "datatype": "BYTES", "parameters": {"content_type": "base64"}, "data": [data]}
    return json.dumps({"inputs": [part]}).encode()


def unwrap(peer: str, answer: bytes) -> bytes:
    """The output in a peer's answer."""
    if peer == "bentoml":
        return base64.b64decode(answer.strip(b'"'))
    said: Any = json.loads(answer)
    return base64.b64decode(said["data"] if peer == "litserve" else said["outputs"][0]["data"][0])


@contextmanager
def serving(peer: str, file: Path, body: bytes, expected: bytes) -> Iterator[Callable[[], Caller]]:
    """Starts a peer, waits until it answers rightly, and gives what makes callers of it.

    Raises:
        LeftOutError: It cannot be had.
    """
    from benchmarks.peers import LeftOutError, environment, last_line

    from littoral.functions.experiment_http import Client
    from littoral.functions.experiment_load import Caller
    from littoral.runtime.home import cache_folder

    python = environment(
        cache_folder() / "benchmarks" / "peers" / peer, [*PEERS[peer], "ai-edge-litert==2.3.0", "numpy"]
    )
    port, request = free_port(), wrap(peer, body)
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        around = os.environ | {"PEER_MODEL": str(file), "PEER_CODE": str(Path(__file__).parent), "HOME": home}
        around |= {"PATH": f"{Path(python).parent}:{os.environ['PATH']}", "BENTOML_DO_NOT_TRACK": "True"}
        with (folder / "said").open("wb") as said:
            start = command(peer, python, port, folder)
            process = subprocess.Popen(start, cwd=home, env=around, stdout=said, stderr=said, start_new_session=True)
        try:
            until = time.monotonic() + START
            first = Client(port, request)
            while (found := first.post(PATHS[peer], JSON))[0] != 200:
                if process.poll() is not None or time.monotonic() > until:
                    raise LeftOutError(last_line((folder / "said").read_text()) + f" {found[1][:200]!r}")
                time.sleep(0.2)
            first.close()
            assert unwrap(peer, found[1]) == expected, f"{peer} answers something else"

            def caller() -> Caller:
                client = Client(port, request)
                return Caller(lambda: client.post(PATHS[peer], JSON)[0] == 200, close=client.close)

            yield caller
        finally:
            end(process)


JSON = {"content-type": "application/json"}


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a server and the workers of its session."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=10)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
