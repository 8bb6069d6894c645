"""What tests of the gateway share: small functions, a store of them, and a server in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import wasmtime

from littoral.functions.deploy import deploy
from littoral.functions.gateway import Settings
from littoral.functions.store import Store, Version

_PREAMBLE = """
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  {imports}
  (memory (export "memory") 40)
  (data (i32.const 16) "lost my way")
  (func $say (param $descriptor i32) (param $start i32) (param $size i32)
    (i32.store (i32.const 0) (local.get $start))
    (i32.store (i32.const 4) (local.get $size))
    (drop (call $fd_write (local.get $descriptor) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $body (param $start i32) (param $room i32) (result i32)
    (i32.store (i32.const 0) (local.get $start))
    (i32.store (i32.const 4) (local.get $room))
    (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (i32.load (i32.const 8)))
"""
_ECHO = "(call $say (i32.const 1) (i32.const 64) (call $body (i32.const 64) (i32.const 2500000)))"
_HOST = '(import "littoral" "{}" (func $host (param i32) (result i32)))'

CODE = {
    "echo": f"{_ECHO} (i32.const 0)",
    "refuse": f"{_ECHO} (i32.const 422)",
    "odd": f"{_ECHO} (i32.const 7)",
    "loop": "(loop $again (br $again)) (i32.const 0)",
    "trap": "(call $say (i32.const 2) (i32.const 16) (i32.const 11)) (unreachable)",
    "hog": "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 64)) (i32.const -1)))) (unreachable)",
    "nap": "(drop (call $host (i32.const 300))) (i32.const 0)",
    "hang": "(drop (call $host (i32.const 600000))) (i32.const 0)",
    "freeze": "(drop (call $host (i32.const 600))) (i32.const 0)",
}
"""What `handle` of each function does."""

HOST_CALLS = """
import ctypes, time
from littoral.functions import host_call

@host_call("test_sleep")
def sleep(milliseconds: int) -> int:
    time.sleep(milliseconds / 1000)
    return 0

@host_call("test_freeze")
def freeze(seconds: int) -> int:
    return ctypes.PyDLL(None).sleep(seconds)  # with the interpreter's lock
"""
_CALLS = {"nap": "test_sleep", "hang": "test_sleep", "freeze": "test_freeze"}


def put(store: Store, name: str, folder: Path, lines: str = "", code: str | None = None) -> Version:
    """Deploys one of the functions."""
    call = _CALLS.get(name)
    text = _PREAMBLE.format(imports=_HOST.format(call) if call else "")
    module = wasmtime.wat2wasm(f'(module {text} (func (export "handle") (result i32) {code or CODE[name]}))')
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.wasm").write_bytes(module)
    calls = f'host_calls = ["{call}"]\n' if call else ""
    (folder / "function.toml").write_text(f'name = "{name}"\n{calls}{lines}\n')
    return deploy(store, folder)


class Server:
    """A gateway in a process of its own.

    Attributes:
        url: Where it listens.
        process: Its supervisor.
        log: Lines that it has written, as they come.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.log: list[dict[str, Any]] = []
        assert process.stdout is not None
        self.url = process.stdout.readline().strip()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(json.loads(line) if line.startswith("{") else {"event": "noise", "text": line})

    def workers(self) -> list[int]:
        """The processes that serve."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def client(self, token: str = "", **options: Any) -> httpx.Client:
        """A client of it, as its users have."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, **options)

    def events(self, event: str) -> list[dict[str, Any]]:
        """Lines of the log of one kind, when no more come."""
        return [line for line in self.log if line["event"] == event]

    def finish(self) -> int:
        """Waits until it has ended, and the log is complete."""
        code = self.process.wait(60)
        self._reader.join(10)
        return code


@contextmanager
def serving(wanted: Settings, path: Path | None = None) -> Iterator[Server]:
    """A gateway; ends when the block does."""
    code = "import sys; from littoral.functions.gateway import Settings, serve\n"
    code += "serve(Settings.from_json(sys.argv[1]), started=lambda url: print(url, flush=True))"
    environment = {**os.environ, "PYTHONPATH": str(path or "")}
    process = subprocess.Popen(
        [sys.executable, "-c", code, wanted.to_json()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    server = Server(process)
    try:
        yield server
    finally:
        process.terminate()
        try:
            server.finish()
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stderr.close()
