"""Pipelines: answers, order, ends, bounds, errors, and that nothing ever waits for what will not come."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from littoral.pycoral.errors import PipelineError
from littoral.pycoral.interpreter import Interpreter
from littoral.pycoral.pipeline.pipelined_model_runner import PipelinedModelRunner
from littoral.runtime import memory
from littoral.tflite import boundary, read, slice_operators, to_bytes

MODEL = "mobilenet_v1_0.25_128_quant.tflite"
PATIENCE = 30.0  # seconds until a thread counts as stuck


class Segment:
    """An interpreter of one number in, one out: `work` of the inputs, by name."""

    def __init__(self, inputs: str, output: str, work: Callable[..., int] = lambda *given: sum(given)) -> None:
        self._names = [*inputs.split(), output]
        self._values = [np.zeros((1, 1), np.int32) for _ in self._names]
        self._work = work
        self.runs = 0

    def get_input_details(self) -> list[dict[str, Any]]:
        return [self._details(place) for place in range(len(self._names) - 1)]

    def get_output_details(self) -> list[dict[str, Any]]:
        return [self._details(len(self._names) - 1)]

    def set_tensor(self, index: int, value: np.ndarray) -> None:
        assert value.shape == (1, 1)
        self._values[index] = value

    def get_tensor(self, index: int) -> np.ndarray:
        return self._values[index]

    def invoke(self) -> None:
        self.runs += 1
        self._values[-1] = np.array([[self._work(*(int(value[0, 0]) for value in self._values[:-1]))]], np.int32)

    def _details(self, place: int) -> dict[str, Any]:
        return {"name": self._names[place], "index": place, "dtype": np.int32, "shape": np.array([1, 1])}


def number(value: int) -> np.ndarray:
    return np.array([value], np.int32)  # as few axes as there may be: only the number of values counts


def results(runner: PipelinedModelRunner) -> Iterator[int]:
    while (result := runner.pop()) is not None:
        (value,) = result.values()
        yield int(value[0, 0])


def in_time(call: Callable[[], object]) -> None:
    """Runs a call in a thread, which must end."""
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def failing(at: int) -> Callable[[int], int]:
    def work(value: int) -> int:
        if value == at:
            raise RuntimeError("the chip is gone")
        return value

    return work


def segments(coral: Path, cuts: list[int]) -> list[Interpreter]:
    """A real model, cut before these operators."""
    graph = read(coral / MODEL)
    ends = [0, *cuts, len(graph.main.operators)]
    parts = [range(first, last) for first, last in pairwise(ends)]
    assert all(len(boundary(graph, part)[0]) == 1 for part in parts)
    return [Interpreter(to_bytes(slice_operators(graph, part))) for part in parts]


@pytest.mark.parametrize("cuts", [[], [10], [5, 12, 20]])
def test_a_model_in_segments_answers_as_the_whole(coral: Path, cuts: list[int]) -> None:
    whole = Interpreter(coral / MODEL)
    parts = segments(coral, cuts)
    for each in (whole, *parts):
        each.allocate_tensors()
    runner = PipelinedModelRunner(parts)
    assert runner.interpreters() == parts
    [given], [taken] = whole.get_input_details(), whole.get_output_details()
    pictures = np.random.default_rng(0).integers(0, 256, (6, 128, 128, 3), np.uint8)
    for picture in pictures:
        runner.push({given["name"]: picture})
    runner.push({})
    for picture in pictures:
        whole.set_tensor(given["index"], picture[np.newaxis])
        whole.invoke()
        result = runner.pop()
        assert result is not None
        np.testing.assert_array_equal(result[taken["name"]], whole.get_tensor(taken["index"]))
    assert runner.pop() is None


def test_pushed_arrays_may_change_afterwards() -> None:
    gate = threading.Event()
    runner = PipelinedModelRunner([Segment("a", "b", lambda a: a * gate.wait(PATIENCE))])
    value = number(1)
    for step in range(5):
        value[...] = step
        runner.push({"a": value})
    runner.push({})
    gate.set()
    assert list(results(runner)) == [0, 1, 2, 3, 4]


def test_tensors_skip_segments() -> None:
    """What a later segment takes passes by those in between, inputs of the whole among them."""
    parts = [Segment("a x", "b"), Segment("b", "c", lambda b: 10 * b), Segment("a b c", "d")]
    runner = PipelinedModelRunner(parts)
    runner.push({"a": number(1), "x": number(2)})
    runner.push(None)
    assert list(results(runner)) == [1 + 3 + 30]


def test_only_the_last_segment_s_outputs_come_out() -> None:
    runner = PipelinedModelRunner([Segment("a", "b"), Segment("a b", "c")])
    runner.push({"a": number(1)})
    result = runner.pop()
    assert result is not None
    assert set(result) == {"c"}


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([], "At least one interpreter expected"),
        ([Segment("a", "b"), Segment("x b", "c")], "Interpreter 1 can not get its input tensors: x"),
    ],
)
def test_segments_that_do_not_fit(parts: list[Segment], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        PipelinedModelRunner(parts)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"a": np.zeros(1, np.float64)}, "Input should be a list of numpy array of type int32: a is float64"),
        ({"a": [1]}, "type int32: a is list"),
        ({"b": number(1)}, r"Expected inputs \['a'\], but got \['b'\]"),
        ({"a": number(1), "b": number(1)}, "Expected inputs"),
    ],
)
def test_wrong_inputs_are_refused_and_harm_nothing(given: dict[str, Any], words: str) -> None:
    runner = PipelinedModelRunner([Segment("a", "b")])
    with pytest.raises(ValueError, match=words):
        runner.push(given)
    runner.push({"a": number(4)})
    runner.push({})
    assert list(results(runner)) == [4]


def test_nothing_can_be_pushed_after_the_end() -> None:
    runner = PipelinedModelRunner([Segment("a", "b")])
    runner.push({})
    for late in ({"a": number(1)}, {}):
        with pytest.raises(RuntimeError, match="Pipeline was turned off before"):
            runner.push(late)
    assert runner.pop() is None
    assert runner.pop() is None


@pytest.mark.parametrize("place", [0, 1, 2])
def test_results_before_an_error_come_out_and_then_the_error(place: int) -> None:
    parts = [Segment("a", "b"), Segment("b", "c"), Segment("c", "d")]
    parts[place]._work = failing(3)
    runner = PipelinedModelRunner(parts)
    for value in range(4):
        runner.push({"a": number(value)})
    coming = results(runner)
    assert [next(coming) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(RuntimeError, match=f"Segment {place} runner error: the chip is gone") as caught:
        next(coming)
    assert isinstance(caught.value, PipelineError)
    assert isinstance(caught.value.__cause__, RuntimeError)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="the chip is gone"):
            runner.pop()
        with pytest.raises(RuntimeError, match="the chip is gone"):
            runner.push({"a": number(9)})


def test_an_interpreter_that_is_not_ready_is_an_error_of_its_segment(coral: Path) -> None:
    interpreter = Interpreter(coral / MODEL)
    runner = PipelinedModelRunner([interpreter])
    runner.push({"input": np.zeros((1, 128, 128, 3), np.uint8)})
    with pytest.raises(RuntimeError, match=r"Segment 0 runner error: .* not allocated"):
        runner.pop()


def test_a_pipeline_that_failed_can_go(coral: Path) -> None:
    def fail() -> None:
        runner = PipelinedModelRunner([Interpreter(coral / MODEL)])
        runner.push({"input": np.zeros((1, 128, 128, 3), np.uint8)})
        for _ in range(2):
            with pytest.raises(RuntimeError, match="Segment 0 runner error"):
                runner.pop()

    gc.collect()
    before = memory().models
    fail()
    gc.collect()
    assert memory().models == before


def test_a_producer_that_waits_hears_of_the_error() -> None:
    gate = threading.Event()

    def work(value: int) -> int:
        assert gate.wait(PATIENCE)
        raise RuntimeError("the chip is gone")

    runner = PipelinedModelRunner([Segment("a", "b", work), Segment("b", "c")])
    runner.set_input_queue_size(1)
    caught: list[Exception] = []

    def produce() -> None:
        try:
            for value in range(10):
                runner.push({"a": number(value)})
        except PipelineError as error:
            caught.append(error)

    threading.Timer(0.05, gate.set).start()
    in_time(produce)
    assert len(caught) == 1


def test_even_an_exit_in_a_segment_is_an_error() -> None:
    def work(value: int) -> int:
        raise SystemExit(3)

    runner = PipelinedModelRunner([Segment("a", "b", work)])
    runner.push({"a": number(1)})
    with pytest.raises(RuntimeError, match="Segment 0 runner error: 3"):
        runner.pop()


def test_bounded_queues_hold_the_producer_back() -> None:
    """With bounds of 1, two segments hold 2 * 2 + 1 inputs: as many as in libcoral, whose test this is."""
    runner = PipelinedModelRunner([Segment("a", "b"), Segment("b", "c")])
    runner.set_input_queue_size(1)
    runner.set_output_queue_size(1)
    pushed = 0

    def produce() -> None:
        nonlocal pushed
        for value in range(8):
            runner.push({"a": number(value)})
            pushed += 1
        runner.push({})

    producer = threading.Thread(target=produce, daemon=True)
    producer.start()
    limit = time.monotonic() + PATIENCE
    while pushed < 5 and time.monotonic() < limit:
        time.sleep(0.001)
    time.sleep(0.05)
    assert pushed == 5
    assert list(results(runner)) == list(range(8))
    producer.join(PATIENCE)
    assert not producer.is_alive()


def test_a_bound_may_be_lifted_while_someone_waits() -> None:
    runner = PipelinedModelRunner([Segment("a", "b")])
    runner.set_output_queue_size(1)
    runner.set_input_queue_size(1)

    def produce() -> None:
        for value in range(20):
            runner.push({"a": number(value)})

    threading.Timer(0.05, runner.set_input_queue_size, [0]).start()
    in_time(produce)
    runner.push({})
    assert list(results(runner)) == list(range(20))


@settings(max_examples=20, deadline=None)
@given(
    count=st.integers(1, 4),
    inputs=st.integers(0, 15),
    bounds=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    fails=st.none() | st.tuples(st.integers(0, 3), st.integers(0, 15)),
)
def test_every_push_is_answered_or_an_error(
    count: int, inputs: int, bounds: tuple[int, int], fails: tuple[int, int] | None
) -> None:
    parts = [Segment(f"t{place}", f"t{place + 1}") for place in range(count)]
    if fails and fails[0] < count:
        parts[fails[0]]._work = failing(fails[1])
    runner = PipelinedModelRunner(parts)
    runner.set_input_queue_size(bounds[0])
    runner.set_output_queue_size(bounds[1])
    errors = []

    def produce() -> None:
        try:
            for value in range(inputs):
                runner.push({"t0": number(value)})
            runner.push({})
        except PipelineError as error:
            errors.append(error)

    threading.Thread(target=produce, daemon=True).start()
    found: list[int] = []

    def consume() -> None:
        try:
            for value in results(runner):
                found.append(value)  # noqa: PERF402 - those before an error count
        except PipelineError as error:
            errors.append(error)

    in_time(consume)
    broken = bool(fails and fails[0] < count and fails[1] < inputs)
    assert found == list(range(fails[1] if broken and fails else inputs))
    assert bool(errors) == broken


def test_a_dropped_runner_ends_its_threads() -> None:
    segment = Segment("a", "b")
    runner = PipelinedModelRunner([segment, Segment("b", "c")])
    for value in range(3):
        runner.push({"a": number(value)})
    runner.pop()
    gone = weakref.ref(segment)
    del runner, segment
    limit = time.monotonic() + PATIENCE
    while gone() is not None and time.monotonic() < limit:
        gc.collect()
        time.sleep(0.001)
    assert gone() is None
