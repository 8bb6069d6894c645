"""The fastest device and precision of this machine for a model, of those that keep its answers right."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal

from littoral.check import words
from littoral.check.inputs import class_scores, random_inputs, run
from littoral.check.latency import Progress, Timed, alternate, summarise, timed
from littoral.check.results import KernelRun, Latency
from littoral.check.statistics import Rate
from littoral.check.tally import Tally
from littoral.data import Dataset, Sample, open_dataset
from littoral.devices import parse, usable_cores
from littoral.errors import DeviceError, LittoralError
from littoral.runtime import Model, load
from littoral.runtime.choices import Winner, fingerprint, remember
from littoral.runtime.places import AUTO, candidates

BASE = "cpu"
"""The device that the others are held against."""

_RANDOM_SAMPLES = 16
_GAIN = 0.02
"""A device that is not faster by more than this share is not worth leaving the processor for."""

Evidence = Literal["accuracy", "agreement", "outputs"]


@dataclass(frozen=True)
class Candidate:
    """One device.

    Args:
        device: A device string.
        latency: None where it does not run; its ratio is to cpu.
        run: What it gave on the samples, held against cpu.
        refused: Why it does not run; "" when it does.
        broken: How it breaks the bound; "" when it holds.
    """

    device: str
    latency: Latency | None = None
    run: KernelRun | None = None
    refused: str = ""
    broken: str = ""
    derived: ClassVar[tuple[str, ...]] = ("holds", "noise")

    @property
    def holds(self) -> bool:
        """Whether it runs and keeps within the bound."""
        return not self.refused and not self.broken

    @property
    def accuracy(self) -> Rate | None:
        """Top-1 on labelled samples."""
        return self.run.accuracy if self.run else None

    @property
    def agreement(self) -> Rate | None:
        """How often the top-1 is that of cpu."""
        return self.run.agreement if self.run else None

    @property
    def noise(self) -> float | None:
        """The RMS of the difference to cpu as a share of the output's RMS, of the worst output; infinity for NaN."""
        return _noise(self.run) if self.run and self.run.samples else None


@dataclass(frozen=True)
class Tuned:
    """What tuning found.

    Args:
        name: The model file's name.
        device: The winner, as a device string.
        threads: For each call.
        max_drop: The bound, a share.
        evidence: What it was held against: lost accuracy, disagreement with cpu, or the noise of the outputs.
        samples: How many were run.
        candidates: All devices, "cpu" first.
        notes: Whole sentences.
    """

    name: str
    device: str
    threads: int
    max_drop: float
    evidence: Evidence
    samples: int
    candidates: tuple[Candidate, ...]
    notes: tuple[str, ...] = ()
    derived: ClassVar[tuple[str, ...]] = ("reason",)

    @property
    def reason(self) -> str:
        """The choice in a sentence."""
        best = next(one for one in self.candidates if one.device == self.device)
        if best.device == BASE or not best.latency:
            return f"{BASE} it is: no other device that holds is faster by more than {words.share(_GAIN)}."
        return f"{best.device} is the fastest that holds: {1 / best.latency.ratio:.2f} times as fast as {BASE}."


@dataclass
class _Subject:
    """A device while it is measured."""

    device: str
    model: Model | None = None
    error: LittoralError | None = None
    tally: Tally = field(init=False)
    clock: Timed | None = None

    def __post_init__(self) -> None:
        self.tally = Tally(self.device)


def tune(
    file: str | os.PathLike[str],
    *,
    samples: Dataset | str | os.PathLike[str] | None = None,
    count: int = 100,
    seed: int = 0,
    max_drop: float = 0.01,
    devices: Sequence[str] | None = None,
    threads: int | None = None,
    seconds: float = 1.0,
    progress: Progress | None = None,
) -> Tuned:
    """Measures a model on every device and precision of this machine and remembers the fastest that keeps it right.

    What is held against `max_drop`, by the best evidence that there is: the accuracy lost from cpu on labelled samples;
    the share of samples on which the top-1 is not that of cpu; for outputs that are no class scores, and for random
    inputs, the RMS of their difference to cpu's as a share of their own. `load(file, device="auto")` uses the result.

    Args:
        file: A model file.
        samples: Pictures or arrays, or a path of them; without any, inputs are random in the contract's range.
        count: At most so many samples.
        seed: Of the draw of samples, or of the random inputs.
        max_drop: What may be lost, 0..1.
        devices: Single device strings to choose from besides cpu; None for all that this machine may have.
        threads: For each call; None for all cores.
        seconds: Measured time for each device.
        progress: Called with ("devices", done, total), ("samples", done, None) and ("latency", done, total).

    Raises:
        ModelFileError: It is not a model file.
        DeviceError: The model does not run on cpu, or a device string is none.
        DataError: The samples cannot be read.
    """
    names = list(dict.fromkeys([BASE, *map(_single, candidates() if devices is None else devices)]))
    with ExitStack() as stack:
        subjects = []
        for done, device in enumerate(names):
            _tell(progress, "devices", done, len(names))
            subjects.append(_open(stack, file, device, threads or usable_cores()))
        base = subjects[0].model
        if base is None:
            raise subjects[0].error or DeviceError(f"{file} does not run on {BASE}")
        seen = _see(subjects, _samples(base, samples, count, seed), judge=samples is not None, progress=progress)
        _time(subjects, Path(file).name, seed, seconds, progress)
    if subjects[0].error:
        raise subjects[0].error
    found = [_candidate(one, subjects[0], base) for one in subjects]
    evidence = _evidence(found[0])
    judged = tuple(_judged(one, found[0], evidence, max_drop) for one in found)
    best = _fastest(judged)
    notes = _notes(best, evidence, max_drop, samples is not None)
    notes += _remembered(Path(file), Winner(best.device, base.threads))
    return Tuned(Path(file).name, best.device, base.threads, max_drop, evidence, seen, judged, tuple(notes))


_NO_SAMPLES = (
    "There were no samples: outputs were compared on random inputs. Reduced precision is judged better on real ones."
)


def _tell(progress: Progress | None, stage: str, done: int, total: int | None) -> None:
    if progress:
        progress(stage, done, total)


def _single(text: str) -> str:
    found = parse(text)
    if len(found) > 1 or found[0].name == AUTO:
        raise DeviceError(f"{text!r} is not a single device", "Tuning measures devices one by one: cpu:fp16, openvino")
    return str(found[0])


def _open(stack: ExitStack, file: str | os.PathLike[str], device: str, threads: int) -> _Subject:
    try:
        return _Subject(device, stack.enter_context(load(file, device, threads)))
    except DeviceError as error:
        return _Subject(device, error=error)


def _samples(base: Model, samples: Dataset | str | os.PathLike[str] | None, count: int, seed: int) -> Iterator[Sample]:
    if samples is None:
        for number in range(min(count, _RANDOM_SAMPLES)):
            yield Sample(random_inputs(base, seed=seed + number), None, f"random inputs, seed {seed + number}")
    else:
        dataset = open_dataset(samples) if isinstance(samples, str | os.PathLike) else samples
        yield from dataset.samples(base.contract, limit=count, seed=seed)


def _see(subjects: Sequence[_Subject], samples: Iterator[Sample], *, judge: bool, progress: Progress | None) -> int:
    """Runs all of them on every sample; those that fail get an error. How many samples there were."""
    base = subjects[0].model
    assert base is not None
    classes = len(base.contract.labels)
    seen = 0
    for sample in samples:
        expected = run(base, sample.inputs)
        scores = class_scores([output.shape for output in expected], classes) if judge else None
        subjects[0].tally.add(expected, expected, scores, sample.label)
        for one in subjects[1:]:
            if one.model is None or one.error:
                continue
            try:
                one.model.reset()
                one.tally.add(run(one.model, sample.inputs), expected, scores, sample.label)
            except DeviceError as error:
                one.error = error
        seen += 1
        _tell(progress, "samples", seen, None)
    return seen


def _time(subjects: Sequence[_Subject], name: str, seed: int, seconds: float, progress: Progress | None) -> None:
    for one in subjects:
        if one.model and not one.error:
            one.clock = timed(one.model, name, one.device, seed=seed)
    alternate([one.clock for one in subjects if one.clock], seconds, progress)
    for one in subjects:
        if one.clock and one.clock.error:
            one.error = one.clock.error


def _candidate(one: _Subject, base: _Subject, model: Model) -> Candidate:
    if one.error or one.clock is None or base.clock is None:
        return Candidate(one.device, refused=str(one.error))
    found = one.tally.result([info.name for info in model.outputs])
    worse = sum(one.tally.not_finite.values()) > sum(base.tally.not_finite.values())
    return Candidate(
        one.device, summarise(one.clock, base.clock), found, broken="gives NaN or infinity" if worse else ""
    )


def _evidence(base: Candidate) -> Evidence:
    return "accuracy" if base.accuracy else "agreement" if base.agreement else "outputs"


def _judged(one: Candidate, base: Candidate, evidence: Evidence, max_drop: float) -> Candidate:
    """With how it breaks the bound."""
    if one.run is None or one.broken or one.device == base.device:
        return one
    loss, _ = _loss(one.run, evidence)
    told = words.share(loss) if math.isfinite(loss) else "wholly"
    broken = {"accuracy": f"loses {told}", "agreement": f"differs on {told}", "outputs": f"outputs {told} off"}
    return one if loss <= max_drop else replace(one, broken=broken[evidence])


def _loss(found: KernelRun, evidence: Evidence) -> tuple[float, float]:
    """What is lost, and the upper end of its 95 % interval; shares."""
    if evidence == "accuracy" and found.drop:
        return found.drop.value, found.drop.high
    if evidence == "agreement" and found.agreement:
        lost = Rate(found.agreement.total - found.agreement.hits, found.agreement.total)
        return lost.value, lost.high
    noise = _noise(found)
    return noise, noise


def _noise(found: KernelRun) -> float:
    """10 ** (-SQNR / 20) of the worst output."""
    worst = min((error.sqnr_db for error in found.errors if not math.isnan(error.sqnr_db)), default=math.inf)
    return math.inf if worst == -math.inf else 10 ** (-worst / 20)


def _fastest(found: Sequence[Candidate]) -> Candidate:
    running = [(one.latency.ratio, index) for index, one in enumerate(found) if one.holds and one.latency]
    ratio, index = min(running)
    return found[index if ratio < 1 - _GAIN else 0]


def _notes(best: Candidate, evidence: Evidence, max_drop: float, samples: bool) -> list[str]:
    if not samples:
        return [_NO_SAMPLES]
    if best.run is None or best.device == BASE:
        return []
    high = _loss(best.run, evidence)[1]
    if high <= max_drop:
        return []
    few = f"{words.counts(best.run.samples, 'sample')} are few: what {best.device} loses may be up to"
    return [f"{few} {words.share(high)} (95 % interval)."]


def _remembered(file: Path, winner: Winner) -> list[str]:
    try:
        remember(fingerprint(file), winner)
    except OSError as error:
        return [f"The result could not be kept for device {AUTO}: {error}."]
    return []
