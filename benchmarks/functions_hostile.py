"""Honest and hostile guests side by side: python -m benchmarks.functions_hostile COUNT, a process that may die.

Two callers invoke functions one after the other, as the workers of a gateway on two cores do. First all of them are
honest (a small real model), then one in ten is hostile. Prints one JSON document.
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
import time
from array import array
from collections import Counter
from pathlib import Path

import numpy as np
import wasmtime
from benchmarks.functions_core import DATA, resident
from benchmarks.functions_models import models

from littoral import runtime
from littoral.functions import compiled, manifest
from littoral.functions import experiment_guest as guest
from littoral.functions.engine import ticker
from littoral.functions.errors import FunctionError
from littoral.functions.function import Function

CALLERS = 2
PART = 0.1
LIMITS = '[limits]\ntime = 0.03\nmemory = "16 MiB"\noutput = "64 KiB"\n'

IMPORTS = """
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "load_by_name" (func $load (param i32 i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "init_execution_context" (func $context (param i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "set_input" (func $set (param i32 i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "compute" (func $compute (param i32) (result i32)))
  (import "wasi_ephemeral_nn" "get_output" (func $get (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 100) "model")
"""

GUESTS = {
    "loop": "(loop $again (br $again))",
    "trap": "unreachable",
    "stack": "(call $handle)",
    "hog": """(loop $again
        (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
        (memory.fill (i32.const 0) (i32.const 7) (i32.mul (memory.size) (i32.const 65536))) unreachable""",
    "pointers": """(local $at i32) (drop (call $load (i32.const 100) (i32.const 5) (i32.const 0)))
        (drop (call $context (i32.load (i32.const 0)) (i32.const 4)))
        (loop $again
          (drop (call $write (i32.const 1) (local.get $at) (i32.const 0x7fffffff) (local.get $at)))
          (drop (call $set (i32.load (i32.const 4)) (local.get $at) (i32.const 0xfffffffc)))
          (drop (call $set (local.get $at) (i32.const 0) (local.get $at)))
          (drop (call $get (local.get $at) (local.get $at) (local.get $at) (i32.const -1) (i32.const -1)))
          (drop (call $compute (local.get $at)))
          (drop (call $load (local.get $at) (i32.const -1) (local.get $at)))
          (local.set $at (i32.add (local.get $at) (i32.const 0x07654321)))
          (br_if $again (i32.lt_u (local.get $at) (i32.const 0xf0000000))))
        (drop (i32.load (i32.const -4)))""",
    "output": """(loop $again
        (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 60000))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
        (i32.store (i32.const 4) (i32.const -1))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
        (br $again))""",
    "contexts": """(loop $again
        (drop (call $load (i32.const 100) (i32.const 5) (i32.const 0)))
        (drop (call $context (i32.const 0) (i32.const 4)))
        (br $again))""",
}
"""Code of `handle`. What is in the sandbox ends in an error, or at a limit."""


def hostile(model: runtime.Model) -> dict[str, Function]:
    """Functions that do what they may not, by what they do."""
    described = manifest.parse(f'name = "hostile"\n{LIMITS}[models.model]')
    made = {}
    for name, code in GUESTS.items():
        text = f'(module {IMPORTS} (func $handle (export "handle") {code}))'
        made[name] = Function(compiled.compile(bytes(wasmtime.wat2wasm(text)), described), described, {"model": model})
    return made


class Crowd:
    """Callers, and what came of their calls."""

    def __init__(self, honest: Function, enemies: dict[str, Function], body: bytes, expected: bytes) -> None:
        self.honest, self.body, self.expected = honest, body, expected
        self.enemies = list(enemies.items())
        self.seconds: array[float] = array("d")
        self.wrong = 0
        self.ends: Counter[str] = Counter()

    def invoke(self, count: int, part: float) -> array[float]:
        """So many invocations, a part of them hostile; the seconds of each honest one."""
        self.seconds = array("d")
        turns = itertools.count()
        threads = [threading.Thread(target=self._work, args=(turns, count, part)) for _ in range(CALLERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self.seconds

    def _work(self, turns: itertools.count[int], count: int, part: float) -> None:
        while (turn := next(turns)) < count:
            if int((turn + 1) * part) > int(turn * part):
                self._attack(*self.enemies[int(turn * part) % len(self.enemies)])
            else:
                start = time.perf_counter()
                answer = self.honest.invoke(self.body)
                self.seconds.append(time.perf_counter() - start)
                self.wrong += answer.body != self.expected

    def _attack(self, name: str, enemy: Function) -> None:
        try:
            enemy.invoke(self.body)
        except FunctionError as error:
            self.ends[f"{name}: {error.kind}"] += 1
        else:
            self.ends[f"{name}: not stopped"] += 1


def held() -> dict[str, int]:
    """What a leak would make grow."""
    return {
        "bytes": resident(),
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "threads": threading.active_count(),
    }


def main() -> None:
    count = int(sys.argv[1])
    file = DATA / "coral" / "mobilenet_v1_0.25_128_quant.tflite"
    with runtime.load(file if file.exists() else models()["int8"], threads=1) as model:
        body = guest.body(model.inputs[0])
        given = np.frombuffer(body, model.inputs[0].dtype).reshape(model.inputs[0].shape)
        described = manifest.parse(f'name = "honest"\n[models.{guest.NAME}]')
        honest = Function(
            compiled.compile(guest.module(model.inputs, model.outputs), described), described, {guest.NAME: model}
        )
        crowd = Crowd(honest, hostile(model), body, np.asarray(model(given, raw=True)).tobytes())
        crowd.invoke(count // 20, PART)  # whatever is made once is made now
        before = held()
        # By turns, so that whatever else the machine does meets both.
        alone, beside = array("d"), array("d")
        for _ in range(10):
            alone += crowd.invoke(count // 50, 0.0)
            beside += crowd.invoke(count // 10, PART)
        after = held()
        running = ticker.running + honest.running + sum(enemy.running for _, enemy in crowd.enemies)
    percentiles = {
        key: [float(np.percentile(each, p)) for p in (50, 99)] for key, each in (("alone", alone), ("beside", beside))
    }
    grown = {key: after[key] - before[key] for key in before}
    said = {**percentiles, "grown": grown, "running": running, "wrong": crowd.wrong, "ends": dict(crowd.ends)}
    print(json.dumps(said))


if __name__ == "__main__":
    main()
