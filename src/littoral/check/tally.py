"""What is kept of a pass over the samples: sums and counts, so that memory does not grow with the number of samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from littoral.check.inputs import Array
from littoral.check.results import KernelRun
from littoral.check.statistics import ErrorSums, OutputError, PairedDrop, Rate


class OutputSums:
    """The differences of every output between two models (or two ways to run one)."""

    def __init__(self) -> None:
        self._sums: list[ErrorSums] = []

    def add(self, first: Sequence[Array], second: Sequence[Array]) -> None:
        """Counts the outputs of one sample, in the same order in both."""
        if not self._sums:
            self._sums = [ErrorSums() for _ in first]
        for total, one, two in zip(self._sums, first, second, strict=True):
            total.add(one, two)

    def results(self, names: Sequence[str]) -> tuple[OutputError, ...]:
        """The figures of every output under these names; empty when nothing was added."""
        return tuple(total.result(name) for total, name in zip(self._sums, names, strict=False))


@dataclass
class Tally:
    """What one model did on one device."""

    device: str
    samples: int = 0
    refused: str = ""
    not_finite: dict[int, int] = field(default_factory=dict)
    """Samples with a NaN or an infinity, by the output's place."""

    _errors: OutputSums = field(default_factory=OutputSums)
    _agreed: int = 0
    _compared: int = 0
    # (right in the float model, right in this one) -> samples
    _paired: dict[tuple[bool, bool], int] = field(default_factory=dict)
    _right: int = 0
    _labelled: int = 0

    def add(
        self, outputs: Sequence[Array], expected: Sequence[Array] | None, scores: int | None, label: int | None
    ) -> None:
        """Counts one sample.

        Args:
            outputs: What the model gave.
            expected: What the float model gave, in the same order; None without one.
            scores: Which output is class scores, None when none is.
            label: The right class, None when unknown.
        """
        self.samples += 1
        for place, output in enumerate(outputs):
            if output.dtype.kind == "f" and not np.isfinite(output).all():
                self.not_finite[place] = self.not_finite.get(place, 0) + 1
        if expected is not None:
            self._errors.add(expected, outputs)
        if scores is None:
            return
        top = int(np.argmax(outputs[scores]))
        wanted = None if expected is None else int(np.argmax(expected[scores]))
        if wanted is not None:
            self._compared += 1
            self._agreed += top == wanted
        if label is not None:
            self._labelled += 1
            self._right += top == label
            if wanted is not None:
                cell = wanted == label, top == label
                self._paired[cell] = self._paired.get(cell, 0) + 1

    def result(self, names: Sequence[str]) -> KernelRun:
        """The figures of the pass; `names` are those of the float model's outputs."""
        paired = [self._paired.get(cell, 0) for cell in ((True, True), (True, False), (False, True), (False, False))]
        return KernelRun(
            device=self.device,
            samples=self.samples,
            accuracy=Rate(self._right, self._labelled) if self._labelled else None,
            drop=PairedDrop(*paired) if sum(paired) else None,
            agreement=Rate(self._agreed, self._compared) if self._compared else None,
            errors=self._errors.results(names),
            refused=self.refused,
        )
