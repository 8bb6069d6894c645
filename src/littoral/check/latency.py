"""How long a call takes, measured so that the noise of a shared machine hits every model alike."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from littoral.check.inputs import random_inputs
from littoral.check.results import Latency
from littoral.check.statistics import percentile
from littoral.devices import usable_cores
from littoral.errors import LittoralError
from littoral.runtime import Model, load

_BLOCK_SECONDS = 0.05
_WARM_UP_SECONDS = 0.1

Progress = Callable[[str, int, int | None], None]
"""Told (stage, done, total); the total is None where it is not known."""


def one_and_all() -> tuple[int, ...]:
    """The numbers of threads worth measuring: 1 and every core."""
    return (1, usable_cores()) if usable_cores() > 1 else (1,)


@dataclass
class Timed:
    """One model on one device with so many threads, and the rounds measured so far.

    Attributes:
        name: The model file's.
        device: Where it runs.
        threads: For each call.
        call: What is timed.
        first: Seconds of the first call.
        rounds: Seconds of each call, in blocks of calls without a pause.
        error: Why it was not measured to the end.
    """

    name: str
    device: str
    threads: int
    call: Callable[[], object]
    first: float = 0.0
    rounds: list[list[float]] = field(default_factory=list)
    error: LittoralError | None = None

    @property
    def spent(self) -> float:
        """Seconds measured."""
        return sum(map(sum, self.rounds))


def timed(model: Model, name: str, device: str, *, seed: int = 0) -> Timed:
    """A model to be timed on random inputs: inputs in, inference, outputs out, in the stored types."""
    inputs = random_inputs(model, seed=seed, raw=True)
    return Timed(name, device, model.threads, lambda: model(inputs, raw=True))


def latencies(
    files: Sequence[str | os.PathLike[str]],
    *,
    threads: Sequence[int],
    seconds: float,
    progress: Progress | None = None,
) -> list[Latency]:
    """Times every file on the processor with every number of threads, as `alternate` does.

    Args:
        files: Model files. The first one is what the others' ratios refer to, with the same threads.
        threads: Numbers of threads.
        seconds: Measured time for each combination; at least one call is measured.
        progress: Called with ("latency", rounds done, rounds expected).

    Returns:
        One result for each (file, threads), in that order.

    Raises:
        LittoralError: A file cannot be read or run.
    """
    with ExitStack() as stack:
        every = [
            timed(stack.enter_context(load(file, threads=number)), Path(file).name, "cpu")
            for file, number in itertools.product(files, threads)
        ]
        alternate(every, seconds, progress)
    for one in every:
        if one.error:
            raise one.error
    return [summarise(one, every[index % len(threads)]) for index, one in enumerate(every)]


def alternate(every: Sequence[Timed], seconds: float, progress: Progress | None = None) -> None:
    """Times models for so many seconds each, after some calls to warm up. One that fails is left out, with its error.

    They take turns in short blocks, forwards and backwards, so that a noisy neighbour slows all of them; ratios are to
    be taken within a round.
    """
    for one in every:
        one.first = sum(_block(one, 0))
        # Slow models are warm after one call; fast ones need the processor's clock to come up.
        _block(one, _WARM_UP_SECONDS - one.first)
    expected = max(1, round(seconds / _BLOCK_SECONDS))
    for number in itertools.count():
        waiting = [one for one in every if not one.error and (one.spent < seconds or not one.rounds)]
        if progress:
            progress("latency", min(number, expected) if waiting else expected, expected)
        if not waiting:
            return
        for one in _in_turn(waiting, number):
            block = _block(one, min(_BLOCK_SECONDS, seconds))
            # The first call of a block finds the caches full of another model.
            one.rounds.append(block[1:] or block)


def _in_turn(waiting: Sequence[Timed], number: int) -> Iterable[Timed]:
    return waiting if number % 2 == 0 else reversed(waiting)


def _block(one: Timed, seconds: float) -> list[float]:
    """Calls until `seconds` have passed, at least once; the seconds of each call. Stops when a call fails."""
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while not one.error and (not taken or time.perf_counter() < end):
        begin = time.perf_counter()
        try:
            one.call()
        except LittoralError as error:
            one.error = error
        taken.append(time.perf_counter() - begin)
    return taken


def summarise(one: Timed, base: Timed) -> Latency:
    """The percentiles of one model's calls, and its ratio to the base from the rounds that both took part in."""
    calls = [taken for block in one.rounds for taken in block]
    ratios = [percentile(own, 50) / percentile(other, 50) for own, other in zip(one.rounds, base.rounds, strict=False)]
    ratio = percentile(ratios, 50)
    return Latency(
        name=one.name,
        device=one.device,
        threads=one.threads,
        runs=len(calls),
        first=one.first,
        best=min(calls),
        p50=percentile(calls, 50),
        p90=percentile(calls, 90),
        p99=percentile(calls, 99),
        ratio=ratio,
        noise=(percentile(ratios, 90) - percentile(ratios, 10)) / 2 / ratio,
    )
