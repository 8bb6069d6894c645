"""Measurements made up for what only reads them; real ones are made where they are tested."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from littoral.check.results import KernelRun, Latency, Measurement, OperatorShare
from littoral.check.statistics import OutputError, PairedDrop, Rate

Make = Callable[..., Measurement]


@pytest.fixture(scope="session")
def measured() -> Make:
    """Makes a measurement: recipe, bytes, of `total` samples how many were right (97 in the float model) and agree."""

    def make(
        recipe: str,
        size: int,
        right: int | None = 97,
        agree: int | None = 100,
        *,
        total: int = 100,
        sqnr: float = 40.0,
        p50: float | None = 0.004,
        failures: tuple[str, ...] = (),
    ) -> Measurement:
        error = OutputError("scores", 10 * total, 0.03, 0.002, 0.003, sqnr, 0.999)
        lost = None if right is None else PairedDrop(min(right, 97), max(0, 97 - right), max(0, right - 97), 3)
        run = KernelRun(
            device="cpu",
            samples=total,
            accuracy=None if right is None else Rate(right, total),
            drop=lost,
            agreement=None if agree is None else Rate(agree, total),
            errors=(error,),
        )
        seconds = [] if p50 is None else [p50, p50 / 2]
        latency = tuple(
            Latency(f"{recipe}.tflite", "cpu", place + 1, 100, 3 * s, s, s, 1.2 * s, 2 * s)
            for place, s in enumerate(seconds)
        )
        return Measurement(
            name=f"m.{recipe}.tflite",
            recipe=recipe,
            bytes=size,
            operators=OperatorShare(10, 8, 1, 1000, 900, 100),
            runs=(run, KernelRun("cpu:reference", 8, errors=(error,))),
            between_kernels=(error,),
            latency=latency,
            failures=failures,
        )

    return make
