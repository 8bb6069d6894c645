"""Measurements made up for what only reads them, real models and photos for the rest, and models broken on purpose."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from littoral.check.measure import Samples
from littoral.check.pareto import choose
from littoral.check.report import DataUse, Report, SkippedSample
from littoral.check.results import (
    Answer,
    Answers,
    KernelRun,
    Latency,
    Measurement,
    OperatorSensitivity,
    OperatorShare,
    Prediction,
)
from littoral.check.statistics import OutputError, PairedDrop, Rate
from littoral.data import Contract, ImageFolder, InputContract, Sample
from littoral.tflite import Buffer, Graph, Operator, OperatorCode, Subgraph, Tensor, TensorType, read, write
from littoral.tflite.options.control import VarHandleOptions

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


@pytest.fixture(scope="session")
def models(flowers: Path) -> Path:
    """The folder of a float model and four files once converted from it; it takes pixels of 0..255."""
    return flowers / "models"


@pytest.fixture(scope="session")
def photos(flowers: Path) -> Samples:
    """The first 12 photos, as the models of `models` want them; every other one labelled, by turns."""
    contract = Contract((InputContract(100, 100, resize="area"),))
    folder = ImageFolder(flowers / "images")

    def samples() -> Iterator[Sample]:
        for number, sample in enumerate(folder.samples(contract, limit=12)):
            yield replace(sample, label=number % 10 if number % 2 else None)

    return samples


@pytest.fixture
def unfrozen(tmp_path: Path) -> Path:
    """A model file that adds a variable to its input, and a variable that nothing gives a value."""
    tensors = [Tensor(name=name, shape=(1, 4)) for name in ("x", "handle", "value", "y")]
    tensors[1] = Tensor(name="handle", type=TensorType.RESOURCE)
    operators = [
        Operator(code=OperatorCode.of("VAR_HANDLE"), outputs=(1,), options=VarHandleOptions(shared_name="weights")),
        Operator(code=OperatorCode.of("READ_VARIABLE"), inputs=(1,), outputs=(2,)),
        Operator(code=OperatorCode.of("ADD"), inputs=(0, 2), outputs=(3,)),
    ]
    main = Subgraph(tensors=tensors, inputs=(0,), outputs=(3,), operators=operators, name="main")
    write(Graph(subgraphs=[main], metadata=[], signatures=[]), tmp_path / "unfrozen.tflite")
    return tmp_path / "unfrozen.tflite"


@pytest.fixture
def with_nan(models: Path, tmp_path: Path) -> Path:
    """The float model with one weight of its first dense layer NaN."""
    graph = read(models / "model.tflite")
    dense = next(operator for operator in graph.main.operators if operator.name == "FULLY_CONNECTED")
    weights = graph.main.tensors[dense.inputs[1]]
    assert weights.data is not None
    values = weights.data.copy()
    values[0, 0] = np.nan
    weights.buffer = Buffer(data=values.tobytes())
    write(graph, tmp_path / "nan.tflite")
    return tmp_path / "nan.tflite"


@pytest.fixture
def refused(models: Path, tmp_path: Path) -> Path:
    """The int8 model with a bias whose scale is not that of input and weights: XNNPACK does not look at it."""
    graph = read(models / "model_integer.tflite")
    dense = next(operator for operator in graph.main.operators if operator.name == "FULLY_CONNECTED")
    quantization = graph.main.tensors[dense.inputs[2]].quantization
    assert quantization is not None
    quantization.scale = (quantization.scale * 1e5).astype("<f4")
    write(graph, tmp_path / "refused.tflite")
    return tmp_path / "refused.tflite"


HOSTILE = "<script>alert(1)</script>\"'&$x^2$ [red]b[/red]"


@pytest.fixture
def report(measured: Make) -> Report:
    """A report with something in every part, in which every text that may come from a file is hostile."""
    measurements = (
        replace(measured("float32", 4_000_000, sqnr=math.inf), name=HOSTILE),
        measured("float16", 2_000_000),
        replace(measured("int8", 1_000_000, 95, 97), notes=(HOSTILE,)),
        measured(HOSTILE, 500_000, 40, 41, failures=(f"Output {HOSTILE} is NaN.",)),
    )
    answers = tuple(
        Answers(one.label, (Answer(HOSTILE if one.ok else "rose", 0.9), Answer("tulip", 0.1))) for one in measurements
    )
    error = measurements[1].errors[0]
    return Report(
        source=HOSTILE,
        reference="m.float32.tflite",
        data=(
            DataUse("calibration", "/photos", 100),
            DataUse("evaluation", HOSTILE, 100, 90, (SkippedSample(HOSTILE, "truncated"),)),
        ),
        measurements=measurements,
        predictions=(
            Prediction(HOSTILE, HOSTILE, "data:image/png;base64,AAAA", answers),
            Prediction("b.jpg", "", "https://example.com/track.png", answers[:2]),
        ),
        sensitivity=(
            OperatorSensitivity(7, "ELU", HOSTILE, 0, 0, None, None, HOSTILE),
            OperatorSensitivity(3, "CONV_2D", "out", 1000, 400, error, Rate(9, 10)),
        ),
        chosen=choose(measurements[1:], max_drop=0.02),
        notes=(HOSTILE,),
        source_sha256="ab" * 32,
    )
