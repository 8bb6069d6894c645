"""Rows of benchmarks/functions.py over HTTP: the gateway against native threads, cold starts, and peers."""

from __future__ import annotations

from contextlib import ExitStack

import numpy as np
from benchmarks.functions_models import Row, models
from benchmarks.functions_peers import PEERS, serving
from benchmarks.peers import LeftOutError

from littoral import runtime
from littoral.functions import experiment_guest as guest
from littoral.functions.experiment import Line, measure
from littoral.functions.experiment_load import Load
from littoral.functions.experiment_stage import FUNCTION, FUNCTION_HTTP, NATIVE, NATIVE_HTTP, Stage, stage

CONNECTIONS = 8


def p99(line: Line) -> float:
    return line.result.percentiles()["99"] * 1e3


def gateway(seconds: float) -> list[Row]:
    """Two cores: a client's eight connections to the gateway, against two native threads without HTTP."""
    rows = []
    for name in ("int8", "f32"):
        with stage(models()[name], 2) as contestants:
            asked = [
                (NATIVE, Load(seconds, 2)),
                (NATIVE_HTTP, Load(seconds, CONNECTIONS)),
                (FUNCTION_HTTP, Load(seconds, CONNECTIONS)),
            ]
            native, http, ours = measure(contestants, asked, nothing)
        ratio = ours.result.throughput / native.result.throughput
        said = f"{ratio:.2f}x ({ours.result.throughput:.0f} of {native.result.throughput:.0f} requests/s"
        said += f"; native HTTP {http.result.throughput:.0f}; p99 {p99(ours):.1f} and {p99(http):.1f} ms)"
        figures = {"ratio": ratio, "per_second": ours.result.throughput, "failed": float(ours.result.failed)}
        rows.append(
            Row(f"gateway, 8 connections, against 2 native threads, {name}", said, ">= 0.85x", ratio >= 0.85, figures)
        )
    return rows


def cold(seconds: float) -> list[Row]:
    """A fifth of all requests find their function not loaded."""
    rows = []
    with stage(models()["int8"], 2) as contestants:
        for name, connections in ((FUNCTION, 1), (FUNCTION_HTTP, CONNECTIONS)):
            asked = [(name, Load(seconds, connections, share)) for share in (0.0, 0.2)]
            warm, some = measure(contestants, asked, nothing)
            ratio = p99(some) / p99(warm)
            said = f"{ratio:.2f}x (p99 {p99(some):.2f} / {p99(warm):.2f} ms)"
            rows.append(Row(f"20 % cold against none: {name}", said, "<= 1.1x", ratio <= 1.1, {"ratio": ratio}))
    return rows


def peers(seconds: float) -> list[Row]:
    """Other servers with the same model, all of them up at once, asked by turns."""
    file = models()["int8"]
    with runtime.load(file, threads=1) as model:
        body = guest.body(model.inputs[0])
        given = np.frombuffer(body, model.inputs[0].dtype).reshape(model.inputs[0].shape)
        expected = np.asarray(model(given, raw=True)).tobytes()
    rows = []
    with ExitStack() as stack:
        contestants = {FUNCTION_HTTP: stack.enter_context(stage(file, 2)).callers[FUNCTION_HTTP]}
        for peer in PEERS:
            try:
                contestants[peer] = stack.enter_context(serving(peer, file, body, expected))
            except LeftOutError as error:
                rows.append(Row(f"against {peer}", f"left out: {error}", ">= 1.5x, lower p99", False))
        asked = [(name, Load(seconds, CONNECTIONS)) for name in contestants]
        ours, *others = measure(Stage(contestants), asked, nothing)
    for other in others:
        rate, theirs = ours.result.throughput, other.result.throughput
        said = f"{rate / theirs:.2f}x ({rate:.0f} / {theirs:.0f} requests/s, p99 {p99(ours):.1f} / {p99(other):.1f} ms)"
        holds = rate / theirs >= 1.5 and p99(ours) < p99(other)
        rows.append(Row(f"against {other.name}", said, ">= 1.5x, lower p99", holds, {"ratio": rate / theirs}))
    return rows


def nothing(done: int, total: int) -> None:
    """Hears how far it is."""
