"""Rows of benchmarks/functions.py without HTTP: speed, memory, many functions, and how soon a deploy answers."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import wasmtime
from benchmarks.functions_core import DATA, GROWN, STATE, resident
from benchmarks.functions_models import Row, fresh_home, models, percentile

from littoral import runtime
from littoral.functions import compiled, manifest, scaffold
from littoral.functions import experiment_guest as guest
from littoral.functions.build import build
from littoral.functions.experiment_http import ask, server
from littoral.functions.experiment_stage import deploy_guest
from littoral.functions.function import Function
from littoral.functions.instance import Instance
from littoral.functions.shelf import Shelf
from littoral.functions.store import Store

TARGETS = {"int8": 1.05, "f32": 1.03, "v2 uint8": 1.05}
TOUCHED = """(module (memory (export "memory") 2) (func (export "handle")
  (i32.store (i32.const 1000) (i32.const {number})) (i32.store (i32.const 99000) (i32.const 1))))"""


def took(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def native(requests: int) -> list[Row]:
    """A fresh instance for each request against the model called in the same process, by turns."""
    rows = []
    for name, file in models().items():
        with runtime.load(file, threads=1) as model:
            body = guest.body(model.inputs[0])
            given = np.frombuffer(body, model.inputs[0].dtype).reshape(model.inputs[0].shape)
            described = manifest.parse(f'name = "bench"\n[models.{guest.NAME}]')
            module = compiled.compile(guest.module(model.inputs, model.outputs), described)
            with Function(module, described, {guest.NAME: model}) as function:
                assert function.invoke(body).body == np.asarray(model(given, raw=True)).tobytes()
                works = (lambda: model(given, raw=True)), (lambda: function.invoke(body))  # noqa: B023
                pairs = [tuple(map(took, works)) for _ in range(requests)]
        alone, ours = map(list, zip(*pairs, strict=True))
        p50, p99 = ([percentile(each, percent) * 1e3 for each in (alone, ours)] for percent in (50, 99))
        ratio = p50[1] / p50[0]
        said = f"{ratio:.3f}x (p50 {p50[0]:.2f} / {p50[1]:.2f} ms, p99 {p99[0]:.2f} / {p99[1]:.2f} ms)"
        target = TARGETS[name]
        figures = {"ratio": ratio, "native_ms": p50[0], "function_ms": p50[1]}
        rows.append(Row(f"function against native, {name}", said, f"<= {target}x", ratio <= target, figures))
    return rows


def snapshot(requests: int) -> list[Row]:
    """An instance from a snapshot with a large state."""
    described = manifest.parse('name = "state"')
    with Function(compiled.compile(bytes(wasmtime.wat2wasm(GROWN)), described), described) as function:
        made = [function.invoke().timing.instance * 1e6 for _ in range(requests)]
    p50, p99 = percentile(made, 50), percentile(made, 99)
    said = f"p50 {p50:.1f}, p99 {p99:.1f} us"
    target, figures = "p50 <= 20, p99 <= 100 us", {"p50_us": p50, "p99_us": p99}
    return [Row(f"start from a snapshot of {STATE / 1e6:.0f} MB", said, target, p50 <= 20 and p99 <= 100, figures)]


def memory(count: int) -> list[Row]:
    """Of instances that live at the same time, and have written to two pages."""
    described = manifest.parse('name = "live"')
    linked = compiled.compile(bytes(wasmtime.wat2wasm(TOUCHED.format(number=0))), described).link(())
    live = [Instance(linked.address, described.limits)]
    before = resident()
    live += [Instance(linked.address, described.limits) for _ in range(count)]
    for instance in live:
        instance.call(b"handle")
    each = (resident() - before) / count / 1e3
    for instance in live:
        instance.close()
    return [Row("memory of a live instance", f"{each:.1f} kB", "<= 64 kB", each <= 64, {"kB": each})]


def thousand(count: int, requests: int) -> list[Row]:
    """So many deployed functions, each of another module, with one model; invoked at random."""
    file = models()["int8"]
    with fresh_home() as home, runtime.load(file, threads=1) as model:
        store = Store(home / "functions")
        first = deploy_guest(store, home / "source", file, model, "function-0")
        text = store.objects.read(first.module)
        for number in range(1, count):
            # A custom section makes another module of it: another hash, machine code of its own.
            note = f"function {number}".encode()
            section = bytes([len(note)]) + note
            changed = text + bytes([0, len(section)]) + section
            digest = store.objects.put(changed)
            compiled.load(digest, lambda changed=changed: changed)  # type: ignore[misc]
            store.commit(f"function-{number}", replace(first, module=digest, route=f"function-{number}"))
        return _invoked(Shelf(store, threads=1), guest.body(model.inputs[0]), count, requests)


def _invoked(shelf: Shelf, body: bytes, count: int, requests: int) -> list[Row]:
    def ask(number: int) -> float:
        start = time.perf_counter()
        with shelf.lease(f"function-{number}") as lease:
            lease.function.invoke(body)
        return time.perf_counter() - start

    ask(0)
    before = resident()
    one, cold = [ask(0) for _ in range(requests)], [ask(number) for number in range(1, count)]
    grown = (resident() - before) / 1e6
    draw = random.Random(0)
    several, alone = [], []
    for _ in range(requests):
        several.append(ask(draw.randrange(count)))
        alone.append(ask(0))
    shelf.close()
    ratio = percentile(several, 50) / percentile(alone, 50)
    each = grown * 1e3 / (count - 1)
    first = np.median(cold) * 1e3
    said = f"{ratio:.3f}x one function's p50; {grown:.0f} MB over the model; first calls p50 {first:.2f} ms"
    figures = {"ratio": ratio, "MB": grown, "one_ms": percentile(one, 50) * 1e3}
    return [
        Row(f"{count:,} functions at random", said, "flat (<= 1.1x), <= 1 GB", ratio <= 1.1 and grown <= 1000, figures),
        Row("memory of an idle function", f"{each:.1f} kB", "<= 100 kB", each <= 100, {"kB": each}),
    ]


def deploying(times: int) -> list[Row]:
    """From the command `littoral function deploy` to an answer of a running gateway: the image classifier in C."""
    file, picture = models().get("v2 uint8", models()["int8"]), DATA / "coral" / "grace_hopper.bmp"
    seconds = []
    with fresh_home() as home:
        store = home / "functions"
        gateway = [sys.executable, "-m", "littoral.functions.experiment_servers", "gateway", str(store), "2", "100"]
        with server(gateway, os.environ) as (port, _):
            for number in range(times):
                folder = scaffold.new(f"classify{number}", "c", home)
                (folder / "main.c").write_text((folder / "main.c").read_text() + f"\nconst int number = {number};\n")
                build(folder)
                start = time.perf_counter()
                command = [str(Path(sys.executable).parent / "littoral"), "function", "deploy", str(folder)]
                subprocess.run([*command, "--model", f"classifier={file}"], check=True, capture_output=True)
                status, answer = ask(port, f"/functions/classify{number}", picture.read_bytes())
                seconds.append(time.perf_counter() - start)
                assert status == 200, answer
    middle = percentile(seconds, 50)
    said = f"{middle:.2f} s, at most {max(seconds):.2f} s (command and answer over HTTP)"
    return [Row("deploy to first answer", said, "<= 1 s", middle <= 1, {"seconds": middle})]
