"""How fast models are: over files, devices and numbers of threads."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from littoral.check.latency import Progress, Timed, alternate, summarise, timed
from littoral.check.results import Latency
from littoral.check.start import Start, start
from littoral.devices import usable_cores
from littoral.errors import DeviceError, LittoralError
from littoral.runtime import load
from littoral.runtime.places import AUTO
from littoral.tflite import read


@dataclass(frozen=True)
class Benched:
    """One model file on one device with so many threads.

    Args:
        name: The model file's name.
        device: A device string.
        threads: For each call.
        latency: Of warm calls, one after the other; None where it does not run. Its ratio is to the first row that runs
            with as many threads.
        throughput: Calls a second, while `callers` threads call the model at once so that all cores are busy.
        callers: See `throughput`.
        start: What it costs in a new process; None where that was not measured.
        refused: Why it does not run; "" when it does.
    """

    name: str
    device: str
    threads: int
    latency: Latency | None = None
    throughput: float = 0.0
    callers: int = 0
    start: Start | None = None
    refused: str = ""


def bench(
    files: Sequence[str | os.PathLike[str]],
    *,
    devices: Sequence[str] = ("cpu",),
    threads: Sequence[int | None] = (None,),
    seconds: float = 2.0,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[Benched]:
    """Times every file on every device with every number of threads, on random inputs.

    Latency first: all take turns in short blocks, so that a noisy neighbour slows all of them. Then the throughput of
    each, for half as long, and its start in a process of its own.

    Args:
        files: Model files.
        devices: Device strings.
        threads: Numbers of threads for each call, None for all cores.
        seconds: Measured time for each combination; at least one call is measured.
        seed: Of the random inputs.
        progress: Called with ("latency" | "throughput" | "start", done, total).

    Returns:
        One row for each (file, device, threads), in that order; a device that does not work is a row with its reason.

    Raises:
        ModelFileError: A file is not a model file.
        DeviceError: None of the combinations works.
    """
    for file in files:
        read(file)  # a file that is none is no matter of devices
    tell = progress or (lambda _stage, _done, _total: None)
    with ExitStack() as stack:
        every = [
            _open(stack, Path(file), device, number or usable_cores(), seed)
            for file, device, number in itertools.product(files, devices, threads)
        ]
        alternate([one for one in every if not one.error], seconds, progress)
        if all(one.error for one in every):
            raise DeviceError(f"nothing could be measured. {_reasons(every)}")
        rates = []
        for done, one in enumerate(every):
            tell("throughput", done, len(every))
            rates.append(_throughput(one, seconds / 2))
    rows = []
    for done, ((file, _, _), one, rate) in enumerate(
        zip(itertools.product(files, devices, threads), every, rates, strict=True)
    ):
        tell("start", done, len(every))
        rows.append(_row(one, rate, every, Path(file)))
    return rows


def _open(stack: ExitStack, file: Path, device: str, threads: int, seed: int) -> Timed:
    try:
        model = stack.enter_context(load(file, device, threads))
        if device == AUTO:
            model.warm_up()  # until it runs where it is to stay
        return timed(model, file.name, device, seed=seed)
    except DeviceError as error:
        return Timed(file.name, device, threads, lambda: None, error=error)


def _reasons(every: Sequence[Timed]) -> str:
    return "; ".join(f"{one.name} on {one.device}: {one.error}" for one in every)


def _row(one: Timed, rate: float, every: Sequence[Timed], file: Path) -> Benched:
    if one.error:
        return Benched(one.name, one.device, one.threads, refused=str(one.error))
    base = next(other for other in every if not other.error and other.threads == one.threads)
    begun = start(file, one.device, one.threads)
    return Benched(one.name, one.device, one.threads, summarise(one, base), rate, callers(one.threads), begun)


def callers(threads: int) -> int:
    """How many calls of so many threads each keep all cores busy."""
    return max(1, usable_cores() // threads)


def _throughput(one: Timed, seconds: float) -> float:
    """Calls a second of all callers together; 0 where a call fails, which is then the model's error."""
    if one.error:
        return 0.0
    number = callers(one.threads)
    together = threading.Barrier(number)

    def work() -> tuple[int, float, float]:
        try:
            together.wait()
            one.call()  # at the same time, so that each has an engine
            together.wait()
            return _calls(one.call, seconds)
        except BaseException:
            together.abort()
            raise

    with ThreadPoolExecutor(number) as pool:
        running = [pool.submit(work) for _ in range(number)]
    for each in running:
        if isinstance(error := each.exception(), LittoralError):
            one.error = error
            return 0.0
    done = [each.result() for each in running]
    return sum(count for count, _, _ in done) / (max(end for _, _, end in done) - min(begin for _, begin, _ in done))


def _calls(call: Callable[[], object], seconds: float) -> tuple[int, float, float]:
    """Calls for so many seconds, at least once: how often, from when, to when."""
    count, begin = 0, time.perf_counter()
    while not count or time.perf_counter() < begin + seconds:
        call()
        count += 1
    return count, begin, time.perf_counter()
