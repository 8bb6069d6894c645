"""Experiments: what is asked, when, and of whom."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.functions.conftest import Make
from typer.testing import CliRunner

from littoral import runtime
from littoral.cli.function import app
from littoral.functions import experiment_guest as guest
from littoral.functions.experiment import COLD, Line, latency, measure, merge
from littoral.functions.experiment_chart import latency_chart, throughput_chart
from littoral.functions.experiment_http import ServerError, ask, server
from littoral.functions.experiment_load import Caller, Load, Result, drive, due_times, is_cold
from littoral.functions.experiment_stage import (
    CONTAINER,
    FUNCTION,
    FUNCTION_HTTP,
    LOADED,
    NATIVE,
    NATIVE_HTTP,
    Stage,
    deploy_guest,
)
from littoral.functions.store import Store
from littoral.runtime import TensorInfo

PROGRAM = [sys.executable, "-m", "littoral.functions.experiment_servers"]


@pytest.fixture(scope="module")
def small(coral: Path) -> Path:
    return coral / "mobilenet_v1_0.25_128_quant.tflite"


def slept(seconds: float) -> bool:
    """Takes so long to answer."""
    time.sleep(seconds)
    return True


@given(st.sampled_from(COLD), st.integers(0, 5000))
def test_cold_requests_are_evenly_spread(share: float, count: int) -> None:
    cold = [is_cold(index, share) for index in range(count)]
    assert sum(cold) == int(count * share)
    places = np.flatnonzero(cold)
    if len(places) > 1:
        gaps = np.diff(places)
        assert gaps.max() - gaps.min() <= 1


@given(st.floats(1, 2000), st.floats(0.01, 5), st.integers(0, 9))
def test_due_times_are_in_order_and_in_time(rate: float, seconds: float, seed: int) -> None:
    times = due_times(rate, seconds, seed)
    assert (np.diff(times) >= 0).all()
    assert not len(times) or 0 <= times[0] <= times[-1] < seconds
    assert len(times) == pytest.approx(rate * seconds, abs=6 * (rate * seconds) ** 0.5 + 6)
    assert (due_times(rate, seconds, seed) == times).all()


def test_a_slow_answer_is_counted_against_those_behind_it() -> None:
    """Ten are due in the time of the first: a loop that waits for its answers would see one slow request."""
    stalls = iter([0.3])
    result = drive([Caller(lambda: slept(next(stalls, 0.0)))], Load(0.3, 1, rate=100))
    due = due_times(100, 0.3)
    assert result.requests == len(due)
    waited = due[0] + 0.3 - due[1:]  # at least, of those that are due while the first is answered
    assert (np.sort(result.latencies)[::-1][: len(waited)] >= np.sort(waited)[::-1]).all()


def test_an_open_loop_that_keeps_up_has_the_throughput_that_was_due() -> None:
    """Though its answers are slow: time counts until the last request is sent, not until its answer."""
    sent: list[float] = []

    def send() -> bool:
        sent.append(time.perf_counter())
        return slept(0.2)

    start = time.perf_counter()
    result = drive([Caller(send) for _ in range(40)], Load(0.2, 40, rate=100))
    assert result.requests == len(due_times(100, 0.2))
    assert 0.2 <= result.seconds <= max(0.2, max(sent) - start)


def test_each_connection_has_a_caller_of_its_own() -> None:
    meeting = threading.Barrier(3, timeout=60)  # passes only when three wait at once

    def caller() -> Caller:
        waits = iter([meeting.wait])
        return Caller(lambda: next(waits, lambda: 0)() >= 0)

    assert drive([caller() for _ in range(3)], Load(0.05, 3)).requests >= 3


def test_requests_that_fail_are_counted_apart() -> None:
    answers = iter([True, False] * 50_000)
    asked: list[bool] = []
    result = drive([Caller(lambda: next(answers), asked.append)], Load(0.05, cold=0.5))
    assert result.failed == result.requests // 2 > 0
    assert sum(asked) == len(asked) // 2
    assert result.throughput == len(result.latencies) / result.seconds
    assert list(result.percentiles()) == [str(p) for p in range(100)] + ["99.9", "100"]
    assert replace(result, latencies=np.array([])).percentiles() == {}


def test_what_breaks_in_a_caller_is_told() -> None:
    def send() -> bool:
        raise KeyError("a mistake")

    with pytest.raises(KeyError, match="a mistake"):
        drive([Caller(send), Caller(lambda: True)], Load(20, 2))


def test_turns_go_on_where_the_last_has_stopped() -> None:
    asked: list[bool] = []
    closed: list[None] = []
    stage = Stage({"one": lambda: Caller(lambda: slept(0.01), asked.append, lambda: closed.append(None))})
    heard: list[tuple[int, int]] = []
    [line] = measure(stage, [("one", Load(0.3, cold=0.1))], lambda done, total: heard.append((done, total)))
    assert heard == [(0, 3), (1, 3), (2, 3)]
    assert len(closed) == 3
    assert sum(asked) == len(asked) // 10
    assert line.label == "one, 10% cold"
    assert line.result.requests == len(asked)


def test_merged_results_have_all_requests() -> None:
    load = Load(2)
    parts = [Result(load, 1.0, np.array([1.0, 2.0]), 1), Result(load, 3.0, np.array([3.0]), 2)]
    whole = merge(load, parts)
    assert (whole.seconds, whole.failed, list(whole.latencies)) == (4.0, 3, [1.0, 2.0, 3.0])
    document = Line(NATIVE, whole).as_json()
    assert json.loads(json.dumps(document))["latency_percentiles"]["100"] == 3.0
    assert document["per_second"] == 0.75


def test_the_latency_experiment_has_everybody() -> None:
    names = (NATIVE, NATIVE_HTTP, FUNCTION, FUNCTION_HTTP, CONTAINER)
    stage = Stage({name: lambda: Caller(lambda: True) for name in names})
    labels = [line.label for line in latency(stage, 0.003, lambda *_: None)]
    assert len(labels) == len(set(labels)) == 16
    assert {"function, HTTP, 0.2% cold", "function, in process, all cold", NATIVE, NATIVE_HTTP} <= set(labels)
    assert f"{CONTAINER}, 20% cold" in labels


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int8", "int32", "float16", "int64"])
@pytest.mark.parametrize("shape", [(1, 3), (-1, 2, 2), ()])
def test_the_guest_passes_a_tensor_to_the_model_and_back(make: Make, dtype: str, shape: tuple[int, ...]) -> None:
    class Twice:
        inputs = (TensorInfo("x", "x", 0, shape, np.dtype(dtype)),)
        outputs = (TensorInfo("y", "y", 1, shape, np.dtype(dtype)),)

        def __call__(self, x: Any, raw: bool = False) -> Any:
            assert raw
            return x + x

    body = guest.body(Twice.inputs[0])
    function = make(guest.module(Twice.inputs, Twice.outputs), models={"model": Twice()})
    answer = function.invoke(body)
    assert answer.status == 0, answer.log
    assert (np.frombuffer(answer.body, dtype) == 2 * np.frombuffer(body, dtype)).all()
    assert len(body) > 0


def test_models_that_the_guest_cannot_call_are_refused() -> None:
    one = TensorInfo("x", "x", 0, (1,), np.dtype("float32"))
    with pytest.raises(guest.ExperimentError, match="2 inputs"):
        guest.module((one, one), (one,))
    with pytest.raises(guest.ExperimentError, match="int16, which wasi-nn lacks"):
        guest.module((replace(one, dtype=np.dtype("int16")),), (one,))


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_charts_are_drawn(tmp_path: Path, ending: str) -> None:
    seconds = np.random.default_rng(0).gamma(4, 0.001, 400)
    lines = [Line(name, Result(Load(1, 2, cold), 1.0, seconds, 0)) for name in (NATIVE, FUNCTION) for cold in COLD]
    nobody = Line(FUNCTION_HTTP, Result(Load(1, rate=5.0), 1.0, np.array([]), 5))
    latency_chart(lines, tmp_path / f"latency.{ending}")
    throughput_chart(
        [*lines, nobody, Line(NATIVE, Result(Load(1, rate=5.0), 1.0, seconds, 5))], tmp_path / f"t.{ending}"
    )
    assert len(list(tmp_path.iterdir())) == 2
    if ending == "svg":
        assert "20% cold" in (tmp_path / "latency.svg").read_text()


def test_a_server_that_does_not_start_says_why() -> None:
    with (
        pytest.raises(ServerError, match=r"no_such_model\.tflite"),
        server([*PROGRAM, "native", "no_such_model.tflite"], os.environ),
    ):
        raise AssertionError("it started")


def test_a_server_that_is_not_there_gives_no_answer() -> None:
    assert ask(9, "/", b"body") == (0, b"")


@pytest.fixture
def copies(small: Path, tmp_path: Path) -> Iterator[tuple[int, bytes, list[str]]]:
    """A gateway with one worker, the body of requests, and more copies of a function than it keeps loaded."""
    store = Store(tmp_path / "functions")
    with runtime.load(small, threads=1) as model:
        version = deploy_guest(store, tmp_path / "source", small, model, "first")
        body = guest.body(model.inputs[0])
    names = [f"copy-{number}" for number in range(2 * LOADED)]
    for name in names:
        store.commit(name, replace(version, route=name))
    with server([*PROGRAM, "gateway", str(tmp_path / "functions"), "1", str(LOADED)], os.environ) as (port, _):
        yield port, body, names


def test_copies_that_take_turns_are_cold_each_time(copies: tuple[int, bytes, list[str]]) -> None:
    port, body, names = copies
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/functions/", timeout=60) as client:
        for name in names * 2:
            assert "load;" in client.post(name, content=body).headers["server-timing"]
        assert "load;" not in client.post(names[-1], content=body).headers["server-timing"]


@pytest.mark.slow
def test_the_command_measures_a_real_model(small: Path, tmp_path: Path) -> None:
    said = CliRunner().invoke(
        app, ["experiment", "latency", str(small), "--seconds", "0.3", "-o", str(tmp_path), "--json"]
    )
    assert said.exit_code == 0, said.output
    document = json.loads((tmp_path / "latency.json").read_text())
    assert document == json.loads(said.stdout)["latency"]
    assert document["model"] == small.name
    assert all(line["failed"] == 0 and line["answered"] > 0 for line in document["lines"])
    slowest = max(document["lines"], key=lambda line: line["latency_percentiles"]["50"])
    assert (slowest["contestant"], slowest["cold_share"]) == (CONTAINER, 1.0)
    assert slowest["latency_percentiles"]["0"] >= 0.8
    assert (tmp_path / "latency.svg").exists()
