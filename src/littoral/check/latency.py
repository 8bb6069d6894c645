"""How long a call takes, measured so that the noise of a shared machine hits every model alike."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from littoral.check.environment import cores
from littoral.check.inputs import random_inputs
from littoral.check.results import Latency
from littoral.check.statistics import percentile
from littoral.runtime import load

_BLOCK_SECONDS = 0.05
_WARM_UP_SECONDS = 0.1

Progress = Callable[[str, int, int | None], None]
"""Told (stage, done, total); the total is None where it is not known."""


def one_and_all() -> tuple[int, ...]:
    """The numbers of threads worth measuring: 1 and every core."""
    return (1, cores()) if cores() > 1 else (1,)


@dataclass
class _Timed:
    """One model on one device with so many threads, and the rounds measured so far."""

    name: str
    device: str
    threads: int
    call: Callable[[], object]
    first: float = 0.0
    rounds: list[list[float]] = field(default_factory=list)

    @property
    def spent(self) -> float:
        return sum(map(sum, self.rounds))


def bench(
    files: Sequence[str | os.PathLike[str]],
    *,
    devices: Sequence[str] = ("cpu",),
    threads: Sequence[int | None] = (None,),
    seconds: float = 2.0,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[Latency]:
    """Times every file on every device with every number of threads, on random inputs.

    The models take turns in short blocks, forwards and backwards, so that a noisy neighbour slows all of them;
    ratios are taken within a round. What is timed is one call: inputs in, inference,
    outputs out, in the stored types.

    Args:
        files: Model files. The first one is what the others' ratios refer to, on the same device with the same threads.
        devices: Device strings.
        threads: Numbers of threads, None for all cores.
        seconds: Measured time for each combination; at least one call is measured.
        seed: Of the random inputs.
        progress: Called with ("latency", rounds done, rounds expected).

    Returns:
        One result for each (file, device, threads), in that order.

    Raises:
        LittoralError: A file cannot be read, or a device cannot run it.
    """
    with ExitStack() as stack:
        timed = []
        for file, device, number in itertools.product(files, devices, threads):
            model = stack.enter_context(load(file, device=device, threads=number or cores()))
            inputs = random_inputs(model, seed=seed, raw=True)
            call = _caller(model, inputs)
            timed.append(_Timed(Path(file).name, device, number or cores(), call))
        _measure(timed, seconds, progress)
    group = len(devices) * len(threads)
    return [summarise(one, timed[index % group]) for index, one in enumerate(timed)]


def _caller(model: Callable[..., object], inputs: Mapping[str, object]) -> Callable[[], object]:
    return lambda: model(inputs, raw=True)


def _measure(timed: Sequence[_Timed], seconds: float, progress: Progress | None) -> None:
    for one in timed:
        one.first = _block(one.call, 0)[0]
        # Slow models are warm after one call; fast ones need the processor's clock to come up.
        _block(one.call, _WARM_UP_SECONDS - one.first)
    expected = max(1, round(seconds / _BLOCK_SECONDS))
    for number in itertools.count():
        waiting = [one for one in timed if one.spent < seconds or not one.rounds]
        if progress:
            progress("latency", min(number, expected) if waiting else expected, expected)
        if not waiting:
            return
        for one in _in_turn(waiting, number):
            block = _block(one.call, min(_BLOCK_SECONDS, seconds))
            # The first call of a block finds the caches full of another model.
            one.rounds.append(block[1:] or block)


def _in_turn(waiting: Sequence[_Timed], number: int) -> Iterable[_Timed]:
    return waiting if number % 2 == 0 else reversed(waiting)


def _block(call: Callable[[], object], seconds: float) -> list[float]:
    """Calls until `seconds` have passed, at least once; the seconds of each call."""
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while not taken or time.perf_counter() < end:
        begin = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begin)
    return taken


def summarise(one: _Timed, base: _Timed) -> Latency:
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
