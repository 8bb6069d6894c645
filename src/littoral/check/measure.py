"""Measures variants of one model: what they cost, how right they are, and whether they may be used at all."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from littoral.check.inputs import Array, class_scores, matching, random_inputs, run
from littoral.check.latency import Progress, latencies, one_and_all
from littoral.check.operators import operator_share
from littoral.check.predictions import Album
from littoral.check.results import REFERENCE_KERNELS, XNNPACK, KernelRun, Latency, Measurement, Proof, Variant
from littoral.check.tally import OutputSums, Tally
from littoral.check.verdict import failures, kernel_failures, notes
from littoral.data import Sample
from littoral.errors import DeviceError
from littoral.runtime import Model, load
from littoral.tflite import Graph, read

Samples = Callable[[], Iterator[Sample]]
"""Gives a fresh pass over the same samples at each call: `lambda: dataset.samples(contract, limit=100)`."""

_RANDOM_SAMPLES = 8
_KERNEL_SECONDS = 20.0
_NO_SAMPLES = "There were no samples: errors are those on random inputs; accuracy and agreement are not known."


@dataclass
class _Subject:
    """One variant while it is measured: its models on both kinds of kernels and what is counted of them."""

    variant: Variant
    graph: Graph
    models: dict[str, Model] = field(default_factory=dict)
    tallies: dict[str, Tally] = field(default_factory=dict)
    between: OutputSums = field(default_factory=OutputSums)
    kernel_seconds: float = 0.0

    @property
    def label(self) -> str:
        return self.variant.recipe or self.variant.file.name

    def open(self, stack: ExitStack, threads: int | None) -> None:
        for device in (XNNPACK, REFERENCE_KERNELS):
            self.tallies[device] = Tally(device)
            try:
                self.models[device] = stack.enter_context(load(self.variant.file, device, threads))
            except DeviceError as error:
                self.tallies[device].refused = str(error)

    def refuse(self, device: str, error: DeviceError) -> None:
        self.tallies[device].refused = str(error)
        self.models.pop(device).close()


@dataclass(frozen=True)
class _Float:
    """The float model's outputs for one sample."""

    file: Path
    names: list[str]
    values: list[Array]


def measure(
    file: str | os.PathLike[str],
    *,
    recipe: str = "",
    reference: str | os.PathLike[str] | None = None,
    samples: Samples | None = None,
    labels: Sequence[str] = (),
    threads: int | None = None,
    seconds: float = 1.0,
) -> Measurement:
    """Measures one model file; `measure_all` says how, and costs less for several files."""
    proof = measure_all(
        [Variant(Path(file), recipe)],
        reference=reference,
        samples=samples,
        labels=labels,
        threads=threads,
        seconds=seconds,
        predictions=0,
    )
    return proof.measurements[0]


def measure_all(
    variants: Sequence[Variant],
    *,
    reference: str | os.PathLike[str] | None = None,
    samples: Samples | None = None,
    labels: Sequence[str] = (),
    kernel_samples: int = 8,
    threads: int | None = None,
    seconds: float = 1.0,
    predictions: int = 12,
    progress: Progress | None = None,
) -> Proof:
    """Measures variants of one model in a single pass over the samples.

    Each sample is prepared once, the float model runs once a sample, and only sums are kept: memory does not grow
    with the number of samples. The reference kernels are slow: they see the first `kernel_samples`
    samples only, and stop after twenty seconds a variant.

    Args:
        variants: The files to measure; the float model may be among them.
        reference: The float model file that errors, agreement and lost accuracy refer to.
        samples: What to run; without them, eight random inputs show errors and failures, but no accuracy or agreement.
        labels: Names of the classes; by default those in the reference's contract.
        kernel_samples: How many samples the reference kernels see.
        threads: For the pass over the samples; None for all cores.
        seconds: For the latency of each variant, once with one thread and once with all; 0 leaves it out.
        predictions: How many samples to keep for people to look at.
        progress: Called with ("samples", done, None) and ("latency", done, total).

    Raises:
        ModelFileError: A file is not a model file.
        DeviceError: The float model does not run.
        InputError: The samples do not fit the models.
    """
    subjects = [_Subject(variant, read(variant.file)) for variant in variants]
    with ExitStack() as stack:
        float_model = stack.enter_context(load(reference, threads=threads)) if reference is not None else None
        for subject in subjects:
            subject.open(stack, threads)
        names = labels or (float_model.contract.labels if float_model else ())
        album = Album(predictions if samples else 0, names)
        source = samples() if samples else _random(float_model, subjects)
        for number, sample in enumerate(source):
            expected = _expected(reference, float_model, sample)
            devices = (XNNPACK, REFERENCE_KERNELS) if number < kernel_samples else (XNNPACK,)
            _see(subjects, sample, expected, devices, len(names), album, judge=samples is not None)
            if progress:
                progress("samples", number + 1, None)
    latency = _latency(subjects, seconds, progress)
    outputs = [info.name for info in float_model.outputs] if float_model else []
    found = (_measurement(one, outputs, latency.get(index, ())) for index, one in enumerate(subjects))
    return Proof(tuple(found), album.predictions(), () if samples else (_NO_SAMPLES,))


def _random(float_model: Model | None, subjects: Sequence[_Subject]) -> Iterator[Sample]:
    models = [float_model] if float_model else [model for subject in subjects for model in subject.models.values()]
    for seed in range(_RANDOM_SAMPLES if models else 0):
        yield Sample(random_inputs(models[0], seed=seed), None, f"random inputs, seed {seed}")


def _expected(file: str | os.PathLike[str] | None, float_model: Model | None, sample: Sample) -> _Float | None:
    if file is None or float_model is None:
        return None
    return _Float(Path(file), [info.name for info in float_model.outputs], run(float_model, sample.inputs))


def _see(
    subjects: Sequence[_Subject],
    sample: Sample,
    expected: _Float | None,
    devices: Sequence[str],
    classes: int,
    album: Album,
    *,
    judge: bool,
) -> None:
    """Runs every variant on one sample and counts what it gives."""
    shown: dict[str, Array] = {}
    for subject in subjects:
        given = {device: out for device in devices if (out := _outputs(subject, device, sample, expected)) is not None}
        if len(given) == 2:
            subject.between.add(given[XNNPACK], given[REFERENCE_KERNELS])
        for device, outputs in given.items():
            scores = class_scores([output.shape for output in outputs], classes) if judge else None
            subject.tallies[device].add(outputs, expected.values if expected else None, scores, sample.label)
            if device == XNNPACK and scores is not None:
                shown[subject.label] = outputs[scores]
    if shown:
        album.see(sample, shown)


def _outputs(subject: _Subject, device: str, sample: Sample, expected: _Float | None) -> list[Array] | None:
    """One variant's outputs in the order of the float model's; None when it does not run there, or has had its time."""
    model = subject.models.get(device)
    if model is None or (device == REFERENCE_KERNELS and subject.kernel_seconds > _KERNEL_SECONDS):
        return None
    if expected is not None and device == XNNPACK and expected.file.samefile(subject.variant.file):
        return expected.values
    begin = time.perf_counter()
    try:
        outputs = run(model, sample.inputs)
    except DeviceError as error:
        subject.refuse(device, error)
        return None
    if device == REFERENCE_KERNELS:
        subject.kernel_seconds += time.perf_counter() - begin
    if expected is None:
        return outputs
    order = matching(expected.names, [info.name for info in model.outputs])
    return [outputs[place] for place in order]


def _latency(subjects: Sequence[_Subject], seconds: float, progress: Progress | None) -> dict[int, tuple[Latency, ...]]:
    """The latency of every variant that runs, by its place."""
    places = [index for index, subject in enumerate(subjects) if not subject.tallies[XNNPACK].refused]
    if not seconds or not places:
        return {}
    counts = one_and_all()
    files = [subjects[place].variant.file for place in places]
    found = latencies(files, threads=counts, seconds=seconds, progress=progress)
    size = len(counts)
    return {place: tuple(found[size * i : size * (i + 1)]) for i, place in enumerate(places)}


def _measurement(subject: _Subject, names: Sequence[str], latency: tuple[Latency, ...]) -> Measurement:
    runs: tuple[KernelRun, ...] = tuple(tally.result(names) for tally in subject.tallies.values())
    own = list(names) or [subject.graph.main.tensors[i].name for i in subject.graph.main.outputs]
    between = subject.between.results(own)
    share = operator_share(subject.graph)
    recipe = subject.variant.recipe
    return Measurement(
        name=subject.variant.file.name,
        recipe=recipe,
        bytes=subject.variant.file.stat().st_size,
        operators=share,
        runs=runs,
        between_kernels=between,
        latency=latency,
        failures=(
            *failures(subject.graph, recipe, share, list(subject.tallies.values()), own),
            *kernel_failures(runs, between),
        ),
        notes=tuple(notes(subject.graph, recipe, share, runs, between)),
    )
