"""Models in a row, each in a thread and on a device of its own, so that all work at once on inputs in a row."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from littoral.pycoral.errors import PipelineError, TensorError

Tensors = dict[str, npt.NDArray[Any]]
_BETWEEN = 1  # sets of tensors that wait between two stages: enough for both to work all the time


class PipelinedModelRunner:
    """A model in segments, one interpreter each: what a segment takes, the input or earlier segments give, by name.

    Threads may push and pop. A segment that fails ends the pipeline: `pop` and `push` then raise its error, and never
    wait for what will not come.

    Args:
        interpreters: Ours or TFLite's own, in order, allocated.

    Raises:
        TensorError: There is none, or one takes what nobody gives (also a ValueError).
    """

    def __init__(self, interpreters: Sequence[Any]) -> None:
        if not interpreters:
            raise TensorError("At least one interpreter expected")
        self._interpreters = list(interpreters)
        self._input_types = {entry["name"]: entry["dtype"] for entry in interpreters[0].get_input_details()}
        self._line = _Line(_stages(self._interpreters))
        weakref.finalize(self, self._line.stop)  # the threads know the line only, so that this can go

    def interpreters(self) -> list[Any]:
        """The interpreters that it was made of."""
        return self._interpreters

    def set_input_queue_size(self, size: int) -> None:
        """How many inputs may wait before `push` blocks; 0 for any number, as it is at first."""
        self._line.limit(0, size)

    def set_output_queue_size(self, size: int) -> None:
        """How many results may wait to be popped before the last segment pauses; 0 for any number, as at first."""
        self._line.limit(-1, size)

    def push(self, input_tensors: Mapping[str, npt.NDArray[Any]] | None) -> None:
        """Gives inputs; they are copied. Waits while too many wait already.

        Args:
            input_tensors: Arrays by name, in the stored types. Empty or None says that no more will come.

        Raises:
            TensorError: Names or types are not the first segment's (also a ValueError).
            PipelineError: A segment failed, or the pipeline was ended before (also a RuntimeError).
        """
        if not input_tensors:
            self._line.end()
            return
        for name in (*input_tensors, *self._input_types):
            if name not in input_tensors or name not in self._input_types:
                raise TensorError(f"Expected inputs {sorted(self._input_types)}, but got {sorted(input_tensors)}")
            value, dtype = input_tensors[name], self._input_types[name]
            if not isinstance(value, np.ndarray) or value.dtype != dtype:
                got = getattr(value, "dtype", type(value).__name__)
                raise TensorError(f"Input should be a list of numpy array of type {np.dtype(dtype)}: {name} is {got}")
        self._line.push({name: np.array(value) for name, value in input_tensors.items()})

    def pop(self) -> Tensors | None:
        """The next result, in the order of the pushes, or None when the pipeline was ended and no more will come.

        Raises:
            PipelineError: A segment failed (also a RuntimeError).
        """
        return self._line.pop()


class _Stage:
    """One segment: what it takes, gives, and hands on to later ones."""

    def __init__(self, interpreter: Any, keep: frozenset[str]) -> None:
        self._interpreter = interpreter
        self._inputs = interpreter.get_input_details()
        self._outputs = interpreter.get_output_details()
        self._keep = keep

    def run(self, tensors: Tensors) -> Tensors:
        """Runs the segment; what comes out are copies, and those of `tensors` that later segments want."""
        for entry in self._inputs:
            value = tensors[entry["name"]]
            self._interpreter.set_tensor(entry["index"], value.reshape(entry["shape"]))
        self._interpreter.invoke()
        given = {entry["name"]: self._interpreter.get_tensor(entry["index"]) for entry in self._outputs}
        return {name: value for name, value in (tensors | given).items() if name in self._keep}


def _stages(interpreters: Sequence[Any]) -> list[_Stage]:
    names = [
        tuple({entry["name"] for entry in details} for details in (each.get_input_details(), each.get_output_details()))
        for each in interpreters
    ]
    known = set(names[0][0])
    for index, (inputs, outputs) in enumerate(names):
        if missing := inputs - known:
            raise TensorError(f"Interpreter {index} can not get its input tensors: {', '.join(sorted(missing))}")
        known |= outputs
    wanted = [frozenset().union(*(inputs for inputs, _ in names[place:])) for place in range(1, len(names))]
    return [_Stage(each, keep) for each, keep in zip(interpreters, [*wanted, frozenset(names[-1][1])], strict=True)]


class _Line:
    """Stages with a queue before, between and after them, all under one lock; a thread each.

    Behind the last tensors of a queue comes its end: None, or the error of a stage before it.
    """

    def __init__(self, stages: Sequence[_Stage]) -> None:
        self._changed = threading.Condition()
        self._queues: list[deque[Tensors | PipelineError | None]] = [deque() for _ in range(len(stages) + 1)]
        self._limits = [0, *[_BETWEEN] * (len(stages) - 1), 0]
        self._ended = False
        self._error: PipelineError | None = None
        self._dead = 0  # so many stages from the first have nobody left to work for
        for index, stage in enumerate(stages):
            threading.Thread(target=self._work, args=(index, stage), name=f"segment {index}", daemon=True).start()

    def limit(self, queue: int, size: int) -> None:
        """Changes how many may wait in a queue; 0 is any number."""
        with self._changed:
            self._limits[queue] = max(0, size)
            self._changed.notify_all()

    def push(self, tensors: Tensors) -> None:
        """See `PipelinedModelRunner.push`."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._error or self._has_room(0))
            self._refuse()
            self._put(0, tensors)

    def end(self) -> None:
        """No more will be pushed."""
        with self._changed:
            self._refuse()
            self._ended = True
            self._put(0, None)

    def pop(self) -> Tensors | None:
        """See `PipelinedModelRunner.pop`."""
        last = self._queues[-1]
        with self._changed:
            self._changed.wait_for(lambda: last)
            first = last[0]
            if isinstance(first, PipelineError):
                raise _again(first)
            if first is not None:  # an end stays: every later pop finds it
                last.popleft()
                self._changed.notify_all()
            return first

    def stop(self) -> None:
        """Ends the threads, each after the run that it is in."""
        with self._changed:
            self._dead = len(self._queues)
            self._changed.notify_all()

    def _work(self, index: int, stage: _Stage) -> None:
        """The life of a thread."""
        while isinstance(item := self._take(index), dict):
            try:
                result = stage.run(item)
            except BaseException as error:  # whatever it is, those who wait must hear of it
                self._fail(index, error)
                return
            self._give(index, result)
        self._give(index, item)

    def _take(self, index: int) -> Tensors | PipelineError | None:
        """What a stage is to work on next, or the end."""
        queue = self._queues[index]
        with self._changed:
            self._changed.wait_for(lambda: queue or index < self._dead)
            if index < self._dead:
                return None
            self._changed.notify_all()
            return queue.popleft()

    def _give(self, index: int, item: Tensors | PipelineError | None) -> None:
        """Hands on what a stage made, or the end, for which there is always room."""
        with self._changed:
            if isinstance(item, dict):
                self._changed.wait_for(lambda: self._has_room(index + 1) or index < self._dead)
            self._put(index + 1, item)

    def _fail(self, index: int, cause: BaseException) -> None:
        with self._changed:
            error = PipelineError(f"Segment {index} runner error: {cause}")
            error.__cause__ = cause
            self._error = self._error or error
            self._dead = max(self._dead, index + 1)
            self._put(index + 1, error)

    def _refuse(self) -> None:
        if self._error is not None:
            raise _again(self._error)
        if self._ended:
            raise PipelineError("Pipeline was turned off before", "Make another PipelinedModelRunner")

    def _has_room(self, queue: int) -> bool:
        return not self._limits[queue] or len(self._queues[queue]) < self._limits[queue]

    def _put(self, queue: int, item: Tensors | PipelineError | None) -> None:
        self._queues[queue].append(item)
        self._changed.notify_all()


def _again(error: PipelineError) -> PipelineError:
    """An error to raise: the traceback of one that is kept would keep its callers, and so the pipeline."""
    fresh = copy(error)
    fresh.__cause__ = error.__cause__
    return fresh
