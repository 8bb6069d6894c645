"""kill -9 of workers, gateways and deployers while functions are deployed: what was acknowledged must be there.

`python -m benchmarks.functions_kills STORE FOLDER FIRST COUNT` is the child that deploys, and says each version that it
has an acknowledgement for.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import wasmtime
from benchmarks.functions_models import Row, fresh_home

from littoral.functions.deploy import deploy
from littoral.functions.experiment_http import Client, server
from littoral.functions.shelf import Shelf
from littoral.functions.store import Store

FUNCTIONS = 10
PAUSE = 0.1, 0.6  # seconds between kills
REST = 0.1  # seconds between deploys
ANSWER = """(module (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 16) "{text}")
  (func (export "handle") (result i32)
    (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const {size}))
    (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))"""


def deploy_all(store: Path, folder: Path, first: int, count: int) -> None:
    """In the child: deploys number `first` and so on; function n % FUNCTIONS answers "n"."""
    for number in range(first, count):
        name, text = f"function-{number % FUNCTIONS}", str(number)
        module = wasmtime.wat2wasm(ANSWER.format(text=text, size=len(text)))
        (folder / f"{name}.wasm").write_bytes(bytes(module))
        (folder / "function.toml").write_text(f'name = "{name}"\n[[self_test]]\ncontains = "{text}"\n')
        version = deploy(Store(store), folder)
        print(number, version.number, flush=True)
        time.sleep(REST)


@dataclass
class Seen:
    """What happened meanwhile."""

    acknowledged: dict[int, int] = field(default_factory=dict)  # deploy -> version
    newest: dict[str, int] = field(default_factory=dict)  # function -> deploy
    kills: dict[str, int] = field(default_factory=lambda: {"worker": 0, "gateway": 0, "deployer": 0})
    answered: int = 0
    unanswered: int = 0
    wrong: list[str] = field(default_factory=list)
    workers: set[int] = field(default_factory=set)
    over: bool = False


class Scene:
    """A gateway that is started again when it was killed, a deployer likewise, a client, and a killer."""

    def __init__(self, home: Path, count: int) -> None:
        self.store, self.folder, self.count = home / "functions", home / "source", count
        self.folder.mkdir()
        self.seen = Seen()
        self.port = self.gateway = 0
        self.deployer: subprocess.Popen[str] | None = None

    def run(self) -> Seen:
        """Until all deploys are acknowledged."""
        parts = (self.serve, self.ask, self.kill)
        threads = [threading.Thread(target=part) for part in parts]
        for thread in threads:
            thread.start()
        try:
            while len(self.seen.acknowledged) < self.count:
                self.deploy()
        finally:
            self.seen.over = True
            for thread in threads:
                thread.join()
        return self.seen

    def serve(self) -> None:
        """Keeps a gateway up."""
        program = [
            sys.executable,
            "-m",
            "littoral.functions.experiment_servers",
            "gateway",
            str(self.store),
            "2",
            "100",
        ]
        while not self.seen.over:
            with server(program, os.environ) as (self.port, self.gateway):
                while not self.seen.over and Path(f"/proc/{self.gateway}/stat").read_text().split()[2] != "Z":
                    self.seen.workers |= set(children(self.gateway))
                    time.sleep(0.02)
                self.gateway = 0

    def deploy(self) -> None:
        """Deploys what is left, until it is killed."""
        seen = self.seen
        start = max(seen.acknowledged, default=-1) + 1
        command = [
            sys.executable,
            "-m",
            "benchmarks.functions_kills",
            str(self.store),
            str(self.folder),
            str(start),
            str(self.count),
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as self.deployer:
            assert self.deployer.stdout is not None
            for line in self.deployer.stdout:
                number, version = map(int, line.split())
                seen.acknowledged[number] = version
                seen.newest[f"function-{number % FUNCTIONS}"] = number
        self.deployer = None

    def ask(self) -> None:
        """Asks what is acknowledged, all the time."""
        seen, draw, client = self.seen, random.Random(1), Client(0, b"")
        while not seen.over:
            if not seen.newest or not self.gateway:
                time.sleep(0.01)
                continue
            name = draw.choice(list(seen.newest))
            least = seen.newest[name]
            if client.port != self.port:
                client.close()
                client = Client(self.port, b"")
            status, answer = client.post(f"/functions/{name}")
            if status == 200:
                seen.answered += 1
                if int(answer) < least or int(answer) % FUNCTIONS != least % FUNCTIONS:
                    seen.wrong.append(f"{name} answered {answer!r}, not {least}")
            elif status in (0, 502, 503):
                seen.unanswered += 1
                time.sleep(0.01)
            else:
                seen.wrong.append(f"{name}: {status} {answer[:100]!r}")

    def kill(self) -> None:
        """Kills one after the other."""
        draw = random.Random(2)
        while not self.seen.over:
            time.sleep(draw.uniform(*PAUSE))
            victim = draw.choice(["worker"] * 5 + ["gateway"] + ["deployer"] * 3)
            deployer = self.deployer
            found = {"gateway": [self.gateway], "deployer": [deployer.pid if deployer else 0]}
            for process in draw.sample(found.get(victim) or children(self.gateway), 1) if self.gateway else []:
                if process:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(process, signal.SIGKILL)
                        self.seen.kills[victim] += 1


def children(process: int) -> list[int]:
    """Of a process: its own children, [0] where it has none."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found or [0]


def lost(store: Store, acknowledged: dict[int, int]) -> list[str]:
    """What is missing, and what is there by half: each version that can be seen must answer."""
    found = []
    shelf = Shelf(store)
    said: dict[tuple[str, int], int] = {}
    for name in store.names():
        for version in store.record(name).versions:
            with shelf.lease(name, version.number) as lease:
                said[name, version.number] = int(lease.function.invoke().body)
    shelf.close()
    for number, version_number in acknowledged.items():
        key = f"function-{number % FUNCTIONS}", version_number
        if said.get(key) != number:
            found.append(f"deploy {number}, version {key} answers {said.get(key)}")
    return found


def kills(count: int) -> list[Row]:
    """So many deploys with kills in between."""
    with fresh_home() as home:
        scene = Scene(home, count)
        seen = scene.run()
        missing = lost(Store(scene.store), seen.acknowledged)
        time.sleep(3)
        left = [pid for pid in seen.workers - {0} if Path(f"/proc/{pid}").exists()]
    number = ", ".join(f"{kind} {times}" for kind, times in seen.kills.items())
    said = f"{len(seen.acknowledged)} acknowledged, {len(missing)} lost or half; kills: {number}"
    said += f"; {seen.answered:,} answers, {seen.unanswered} refused or cut, {len(seen.wrong)} wrong"
    said += f"; {len(left)} processes left over"
    for line in (*missing, *seen.wrong):
        print(line, file=sys.stderr)
    holds = not (missing or seen.wrong or left)
    return [Row(f"kill -9 during {count} deploys", said, "all acknowledged there, no half one", holds)]


if __name__ == "__main__":
    deploy_all(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
