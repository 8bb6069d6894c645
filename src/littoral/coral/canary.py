"""A known question now and then, for chips that go wrong without an error.

A chip that crashes, hangs or goes away is an error of the call. One that answers wrongly is not: bad power, heat or a
bad cable may do that, and so does a compiled model whose parameters were altered, as the file has no checksum of them.
A single wrong answer cannot be seen by anything but a second computation of the same input. What stays wrong is found
by asking the same question again.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from littoral.errors import DeviceError
from littoral.runtime import Model
from littoral.runtime.engine import keeps_state
from littoral.runtime.tensors import Array

Answer = Mapping[str, Array]

_REMEDY = "Do not trust what it answered since the last check. Check power, heat and cable, and the model file"


class Canary:
    """A model that is called as before, and asked a known question at its first call and at every so many.

    The first answer is held against the CPU twin, within a tolerance, since chips round in their own way. Later ones
    have to be the first one, bit by bit: the arithmetic of the chip is integers, the same each time.

    Args:
        model: On the chip alone: a device to fall back to would answer in its place. It is the caller's to close.
        twin: The model that it was compiled from, on the processor.
        every: Calls from one question to the next: so many answers may be wrong before it is found.
        tolerance: RMS of the difference between chip and twin, as a share of the RMS of the twin's answer.

    Raises:
        DeviceError: The model keeps state, which a question would change.
    """

    def __init__(self, model: Model, twin: Model, every: int = 100, tolerance: float = 0.1) -> None:
        if keeps_state(model.graph) or keeps_state(twin.graph):
            raise DeviceError("a model that keeps state cannot be watched: a question would change its state")
        self._model = model
        self._every = every
        self._tolerance = tolerance
        self._question = _question(model)
        self._expected = _real(twin, self._question)
        self._first: Answer | None = None
        self._calls = 0
        self._lock = threading.Lock()

    def __call__(self, *args: Any, raw: bool = False, **named: Any) -> Any:
        """Calls the model, as `Model.__call__` says, after the question where that is due.

        Raises:
            DeviceError: The chip answered the question wrongly; the call was not made.
        """
        with self._lock:
            due = self._calls % self._every == 0
            self._calls += 1
        if due:
            self.ask()
        return self._model(*args, raw=raw, **named)

    def ask(self) -> None:
        """Asks the question now.

        Raises:
            DeviceError: The answer is wrong.
        """
        answer = _named(self._model, self._model(self._question, raw=True))
        if self._first is None:
            self._compare(answer)
            self._first = answer
        elif wrong := [name for name, value in answer.items() if not np.array_equal(value, self._first[name])]:
            words = f"{self._model.device} gives another {wrong[0]!r} for the same input than at first"
            raise DeviceError(words, _REMEDY)

    def _compare(self, answer: Answer) -> None:
        """Holds an answer against the twin's."""
        for info in self._model.outputs:
            ours, theirs = info.give(answer[info.name]), self._expected[info.name]
            scale = float(np.sqrt(np.mean(np.square(theirs, dtype=np.float64))))
            error = float(np.sqrt(np.mean(np.square(ours.astype(np.float64) - theirs))))
            if not error <= self._tolerance * scale:
                share = error / scale if scale else np.inf
                words = f"{self._model.device} gives {info.name!r} {share:.0%} off its CPU twin"
                raise DeviceError(words, f"Up to {self._tolerance:.0%} may be rounding. {_REMEDY}")


def _question(model: Model) -> dict[str, Array]:
    """The same random stored values for the same model."""
    rng = np.random.default_rng(0)
    return {
        info.name: rng.integers(*_limits(info.dtype), info.shape, info.dtype, endpoint=True)
        if info.dtype.kind in "iu"
        else rng.normal(size=info.shape).astype(info.dtype)
        for info in model.inputs
    }


def _limits(dtype: np.dtype[Any]) -> tuple[int, int]:
    limits = np.iinfo(dtype)
    return int(limits.min), int(limits.max)


def _named(model: Model, result: Any) -> dict[str, Array]:
    return dict(result) if isinstance(result, Mapping) else {model.outputs[0].name: np.asarray(result)}


def _real(model: Model, question: Mapping[str, Array]) -> dict[str, Array]:
    """A model's answer in real values, by the names of outputs."""
    answer = _named(model, model(question, raw=True))
    return {info.name: info.give(answer[info.name]) for info in model.outputs}
