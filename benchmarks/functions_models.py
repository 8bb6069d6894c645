"""Models, rows and helpers of benchmarks/functions.py."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from benchmarks.functions_core import DATA, float_model

SAMPLES = 8


@dataclass(frozen=True)
class Row:
    """A line of the table: what was measured, what was wanted, and whether it holds."""

    name: str
    measured: str
    target: str
    holds: bool
    figures: dict[str, float] = field(default_factory=dict)


def models() -> dict[str, Path]:
    """Name -> model file: MobileNet v1 224 in int8 and f32 (random weights, made once), the real quantized v2."""
    real = float_model()
    small = real.with_name("mobilenet_v1.int8.tflite")
    if not small.exists():
        quantize(real, small)
    found = {"int8": small, "f32": real}
    trained = DATA / "coral" / "mobilenet_v2_1.0_224_quant.tflite"
    return found | ({"v2 uint8": trained} if trained.exists() else {})


def quantize(real: Path, small: Path) -> None:
    """Static int8, int8 at the edge as well: what a function is sent are bytes."""
    from littoral.convert import RECIPES, calibrate, quantize, settle
    from littoral.data import Arrays, Contract
    from littoral.tflite import read, set_io, write

    graph = read(real)
    settle(graph, real.name, quantized_is_fine=False)
    samples = np.random.default_rng(0).normal(size=(SAMPLES, 224, 224, 3)).astype(np.float32)
    made = quantize(real, RECIPES["int8"], calibrate(graph, Arrays(samples).samples(Contract())))
    write(set_io(made, "int8", "int8"), small)


@contextmanager
def fresh_home() -> Iterator[Path]:
    """A LITTORAL_HOME of its own, for this process and its children."""
    before = os.environ.get("LITTORAL_HOME")
    with tempfile.TemporaryDirectory() as home:
        os.environ["LITTORAL_HOME"] = home
        try:
            yield Path(home)
        finally:
            if before is None:
                del os.environ["LITTORAL_HOME"]
            else:
                os.environ["LITTORAL_HOME"] = before


def percentile(seconds: list[float], percent: float) -> float:
    return float(np.percentile(seconds, percent))
