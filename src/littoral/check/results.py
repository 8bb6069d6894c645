"""What check finds out, as frozen dataclasses: the report, its plots and its tables are made of nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from littoral.check.statistics import OutputError, PairedDrop, Rate

XNNPACK = "cpu"
"""The device that runs a model with XNNPACK's kernels: what applications use."""
REFERENCE_KERNELS = "cpu:reference"
"""The device that runs a model with LiteRT's plain reference kernels: slow, and strict about what a model says."""


@dataclass(frozen=True)
class Variant:
    """A model file to measure, and the recipe that made it ("" where nobody knows)."""

    file: Path
    recipe: str = ""


@dataclass(frozen=True)
class FloatOperator:
    """An operator that still computes in float: its index in its subgraph, its kind ("PRELU") and its output's name."""

    index: int
    kind: str
    output: str


@dataclass(frozen=True)
class OperatorShare:
    """How many operators of a model file are really quantized, by count and by multiply-adds, over all its subgraphs.

    QUANTIZE and DEQUANTIZE only convert and are not counted.

    Args:
        total: Operators.
        integer: Of these, those whose activations are all integers.
        weights_only: Those that compute in float from weights stored smaller (int8, int4, float16).
        macs: Multiply-adds of one inference.
        integer_macs: Those done by `integer` operators.
        weights_only_macs: Those done by `weights_only` operators.
        floats: The first of the operators that compute in float, from smaller weights or not; at most 50.
    """

    total: int
    integer: int
    weights_only: int
    macs: int
    integer_macs: int
    weights_only_macs: int
    floats: tuple[FloatOperator, ...] = ()
    derived: ClassVar[tuple[str, ...]] = ("quantized", "quantized_macs")

    @property
    def quantized(self) -> float:
        """The share of operators that are integer or have smaller weights, 0..1."""
        return (self.integer + self.weights_only) / self.total if self.total else 0.0

    @property
    def quantized_macs(self) -> float:
        """The same by multiply-adds; 0 for a model without any."""
        return (self.integer_macs + self.weights_only_macs) / self.macs if self.macs else 0.0

    @property
    def partial(self) -> bool:
        """True where some operators compute in integers and others were left in float."""
        return 0 < self.integer < self.total


@dataclass(frozen=True)
class KernelRun:
    """One pass of a model over the samples on one device.

    Args:
        device: "cpu" (XNNPACK) or "cpu:reference".
        samples: How many samples were run.
        accuracy: Top-1 on the labelled ones; None without labels or without an output of class scores.
        drop: The accuracy lost from the float model on the same samples.
        agreement: How often the top-1 is that of the float model; None without class scores or float model.
        errors: Each output against the float model's; empty without a float model.
        refused: Why the device would not run the model; "" when it did.
    """

    device: str
    samples: int
    accuracy: Rate | None = None
    drop: PairedDrop | None = None
    agreement: Rate | None = None
    errors: tuple[OutputError, ...] = ()
    refused: str = ""


@dataclass(frozen=True)
class Latency:
    """How long one call of a model takes, in seconds: inputs in, inference, outputs out, in the stored types.

    Args:
        name: The model file's name.
        device: Where it ran.
        threads: With how many threads.
        runs: Calls counted; the warm-up is not among them.
        first: The first call after loading, which prepares memory.
        best: The fastest call.
        p50: Half of the calls are faster; p90 and p99 likewise.
        p90: See p50.
        p99: See p50.
        ratio: p50 against the first model's (1.0 for itself), from alternating rounds: smaller is faster.
        noise: Half the relative spread (p10 to p90) of that ratio over the rounds: a ratio as close to 1 says nothing.
    """

    name: str
    device: str
    threads: int
    runs: int
    first: float
    best: float
    p50: float
    p90: float
    p99: float
    ratio: float = 1.0
    noise: float = 0.0


@dataclass(frozen=True)
class Measurement:
    """All that was measured of one model file.

    Args:
        name: The file's name.
        recipe: What made it, "" where nobody knows.
        bytes: Its size.
        operators: What is quantized in it.
        runs: The passes over the samples: "cpu", then "cpu:reference" (on fewer samples, it is slow).
        between_kernels: Each output under XNNPACK against the same under the reference kernels.
        latency: With one thread and with all, when it was measured.
        failures: Whole sentences; a file with any must not be used.
        notes: Whole sentences worth knowing that make the file no worse.
    """

    name: str
    recipe: str
    bytes: int
    operators: OperatorShare
    runs: tuple[KernelRun, ...] = ()
    between_kernels: tuple[OutputError, ...] = ()
    latency: tuple[Latency, ...] = ()
    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    derived: ClassVar[tuple[str, ...]] = ("ok",)

    @property
    def label(self) -> str:
        """The recipe, or the file's name where there is none: what tables and plots call it."""
        return self.recipe or self.name

    @property
    def ok(self) -> bool:
        """True when nothing failed."""
        return not self.failures

    @property
    def main(self) -> KernelRun | None:
        """The pass on "cpu", None when there were no samples."""
        return next((run for run in self.runs if run.device == XNNPACK), None)

    @property
    def accuracy(self) -> Rate | None:
        """Top-1 accuracy on "cpu"."""
        return self.main.accuracy if self.main else None

    @property
    def agreement(self) -> Rate | None:
        """Top-1 agreement with the float model on "cpu"."""
        return self.main.agreement if self.main else None

    @property
    def drop(self) -> PairedDrop | None:
        """The accuracy lost from the float model on "cpu"."""
        return self.main.drop if self.main else None

    @property
    def errors(self) -> tuple[OutputError, ...]:
        """Each output against the float model's, on "cpu"."""
        return self.main.errors if self.main else ()

    @property
    def sqnr_db(self) -> float | None:
        """The worst output's signal to noise in dB; None without a float model."""
        return min((error.sqnr_db for error in self.errors), default=None)

    def p50(self, threads: Literal["one", "all"] = "one") -> float | None:
        """Median seconds a call with one thread, or with the most that were measured."""
        ordered = sorted(self.latency, key=lambda latency: latency.threads)
        return ordered[0 if threads == "one" else -1].p50 if ordered else None


@dataclass(frozen=True)
class Answer:
    """One class that a model gave: its label (or index as text) and score in the output's own unit."""

    label: str
    score: float


@dataclass(frozen=True)
class Answers:
    """What one variant said about one sample, best first."""

    variant: str
    top: tuple[Answer, ...]


@dataclass(frozen=True)
class Prediction:
    """One sample and what every variant said about it.

    Args:
        origin: Where the sample came from: a file's name, or "name[3]".
        label: What it really is, "" when not labelled.
        thumbnail: A small picture as a data: URI, "" when the sample is no picture.
        answers: One for each variant, the float model first.
    """

    origin: str
    label: str
    thumbnail: str
    answers: tuple[Answers, ...]

    @property
    def disagree(self) -> bool:
        """True where the variants' first answers are not all the same."""
        return len({answers.top[0].label for answers in self.answers if answers.top}) > 1


@dataclass(frozen=True)
class Proof:
    """What one pass over the samples gave: a measurement for each variant in order, some predictions, what to note."""

    measurements: tuple[Measurement, ...]
    predictions: tuple[Prediction, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class OperatorSensitivity:
    """What quantizing one operator alone does to the outputs.

    Args:
        index: The operator's index in the main subgraph of the float file.
        kind: "CONV_2D".
        output: Its output tensor's name.
        macs: Its multiply-adds.
        weight_bytes: The size of its constants in the float file.
        error: The worst output against the float model's; None where it could not be quantized or run.
        agreement: Top-1 agreement with the float model, where outputs are class scores.
        refused: Why it could not be quantized or run, "" when it could.
    """

    index: int
    kind: str
    output: str
    macs: int
    weight_bytes: int
    error: OutputError | None
    agreement: Rate | None = None
    refused: str = ""
