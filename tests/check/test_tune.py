"""Only what keeps a model right may win, and the winner is remembered."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from littoral.check.codec import encode
from littoral.check.results import KernelRun, Measurement
from littoral.check.statistics import OutputError, PairedDrop, Rate
from littoral.check.tune import Candidate, Tuned, _fastest, _judged, _notes, tune
from littoral.data import Contract, ImageFolder, Sample, Skipped
from littoral.errors import DataError, DeviceError, ModelFileError
from littoral.runtime import load
from littoral.runtime.choices import Winner, fingerprint, recall
from littoral.runtime.delegate import Array, Delegate, Kernel, Partition, plugins
from littoral.tflite import Graph, Operator, OperatorCode, Subgraph, Tensor, read, write


class Card(Delegate):
    """Negates: "card:right", "card:noisy" (3 % off), "card:nan", "card:late" (fails its second call), "card:absent"."""

    name = "card"
    calls: ClassVar[list[str]] = []

    def __init__(self, mode: str = "right") -> None:
        if mode == "absent":
            raise DeviceError("the card is not plugged in")
        self.mode = mode

    @staticmethod
    def devices() -> list[str]:
        return ["card:right", "card:noisy", "card:nan", "card:late", "card:absent"]

    def claim(self, subgraph: Subgraph, operator: Operator) -> bool:
        return operator.name == "NEG"

    def compile(self, partition: Partition) -> Kernel:
        def kernel(inputs: tuple[Array, ...], outputs: tuple[Array, ...]) -> None:
            Card.calls.append(self.mode)
            if self.mode == "late" and Card.calls.count("late") > 1:
                raise OSError("the cable came off")
            outputs[0][...] = -inputs[0] * (1.03 if self.mode == "noisy" else 1)
            if self.mode == "nan":
                outputs[0][..., 0] = np.nan

        return kernel


@pytest.fixture(autouse=True)
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The delegate above as device `card`, and a home of this test."""

    class Point(EntryPoint):
        def load(self) -> Any:
            return Card

    monkeypatch.setenv("LITTORAL_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(plugins, "entry_points", lambda group: [Point("card", "package:name", group)])
    monkeypatch.setattr(Card, "calls", [])


@pytest.fixture
def negation(tmp_path: Path) -> Path:
    """A model file: -x."""
    tensors = [Tensor(name=name, shape=(1, 64)) for name in ("x", "y")]
    operators = [Operator(code=OperatorCode.of("NEG"), inputs=(0,), outputs=(1,))]
    main = Subgraph(tensors=tensors, inputs=(0,), outputs=(1,), operators=operators, name="main")
    write(Graph(subgraphs=[main], metadata=[], signatures=[]), tmp_path / "negation.tflite")
    return tmp_path / "negation.tflite"


def by_device(tuned: Tuned) -> dict[str, Candidate]:
    return {one.device: one for one in tuned.candidates}


def test_every_device_is_tried_and_what_breaks_the_bound_is_discarded(negation: Path) -> None:
    told: list[str] = []
    tuned = tune(negation, threads=1, seconds=0.02, progress=lambda stage, _done, _total: told.append(stage))
    found = by_device(tuned)
    assert next(iter(found)) == "cpu"
    assert {"cpu:fp16", "gpu", "gpu:fp16", *Card.devices()} <= set(found)
    assert (tuned.evidence, tuned.samples) == ("outputs", 16)
    assert "random inputs" in tuned.notes[0]
    assert found["cpu"].holds
    assert found["card:right"].holds
    assert found["card:right"].noise == 0
    assert found["card:noisy"].noise == pytest.approx(0.03, rel=1e-3)
    assert found["card:noisy"].broken == "outputs 3.0 % off"
    assert found["card:nan"].broken == "gives NaN or infinity"
    assert "the cable came off" in found["card:late"].refused
    assert "not plugged in" in found["card:absent"].refused
    assert tuned.device in {one.device for one in tuned.candidates if one.holds and one.latency}
    assert set(told) == {"devices", "samples", "latency"}


def test_a_wider_bound_lets_more_in(negation: Path) -> None:
    tuned = tune(negation, threads=1, seconds=0.01, max_drop=0.05, devices=["card:noisy", "card:nan"])
    assert [(one.device, one.holds) for one in tuned.candidates] == [
        ("cpu", True),
        ("card:noisy", True),
        ("card:nan", False),
    ]


def test_the_winner_is_remembered_and_auto_uses_it(negation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["littoral.check.tune"], "alternate", unfair)  # the package has the function
    tuned = tune(negation, threads=1, seconds=0.01, devices=["card:noisy", "card:right"])
    assert tuned.device == "card:right"
    assert tuned.reason == "card:right is the fastest that holds: 4.00 times as fast as cpu."
    assert recall(fingerprint(negation), 1) == Winner("card:right", 1)
    with load(negation, "auto", threads=1) as model:
        model.warm_up()
        assert model.device == "card:right"


def unfair(every: Any, *_: object) -> None:
    """Everything takes 4 ms on cpu and 1 ms elsewhere."""
    for one in every:
        one.rounds.append([0.004 if one.device == "cpu" else 0.001])


def test_a_home_that_cannot_be_written_is_a_note(negation: Path, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("in the way")
    tuned = tune(negation, threads=1, seconds=0.01, devices=[])
    assert tuned.device == "cpu"
    assert "could not be kept" in tuned.notes[-1]


def test_real_photos_are_judged_by_agreement(models: Path, flowers: Path) -> None:
    told = tune(models / "model.tflite", samples=flowers / "images", count=10, devices=["cpu:reference"], seconds=0.01)
    cpu, reference = told.candidates
    assert (told.evidence, told.samples) == ("agreement", 10)
    assert (cpu.agreement, cpu.noise) == (Rate(10, 10), 0)
    assert reference.agreement == Rate(10, 10)
    assert reference.holds
    assert encode(told)["candidates"][1]["holds"] is True


class Labelled:
    """Ten photos with labels."""

    labels: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    def __init__(self, folder: Path) -> None:
        self.folder = ImageFolder(folder)

    def __len__(self) -> int:
        return 10

    def samples(self, contract: Contract | None, *, limit: int | None = None, seed: int = 0) -> Iterator[Sample]:
        for number, sample in enumerate(self.folder.samples(contract, limit=10, seed=seed)):
            yield replace(sample, label=number % 3)


def test_labelled_photos_are_judged_by_accuracy(models: Path, flowers: Path) -> None:
    data = Labelled(flowers / "images")
    told = tune(models / "model.tflite", samples=data, devices=["cpu:reference"], seconds=0.01)
    assert told.evidence == "accuracy"
    assert told.candidates[0].accuracy is not None
    assert told.candidates[0].accuracy == told.candidates[1].accuracy


def run(drop: PairedDrop | None = None, agreement: Rate | None = None, sqnr: float = 60.0) -> KernelRun:
    error = OutputError("y", 10, 0.1, 0.1, 0.1, sqnr, 1.0)
    accuracy = Rate(drop.both + drop.only_second, drop.total) if drop else None
    return KernelRun("d", 100, accuracy, drop, agreement, (error,))


@pytest.mark.parametrize(
    ("found", "evidence", "broken"),
    [
        (run(drop=PairedDrop(97, 1, 0, 2)), "accuracy", ""),
        (run(drop=PairedDrop(95, 2, 0, 3)), "accuracy", "loses 2.0 %"),
        (run(drop=PairedDrop(95, 0, 2, 3)), "accuracy", ""),  # better is fine
        (run(agreement=Rate(99, 100)), "agreement", ""),
        (run(agreement=Rate(98, 100)), "agreement", "differs on 2.0 %"),
        (run(sqnr=40.1), "outputs", ""),
        (run(sqnr=39.9), "outputs", "outputs 1.0 % off"),
        (run(sqnr=-math.inf), "outputs", "outputs wholly off"),
        (run(sqnr=math.inf), "outputs", ""),
    ],
)
def test_the_bound(found: KernelRun, evidence: Any, broken: str) -> None:
    base = Candidate("cpu", run=run())
    assert _judged(Candidate("card", run=found), base, evidence, 0.01).broken == broken


def test_a_gain_that_is_none_leaves_the_processor_alone(measured: Callable[..., Measurement]) -> None:
    one = measured("m", 1).latency[0]
    cpu, close = Candidate("cpu", one), Candidate("card", replace(one, ratio=0.985))
    assert _fastest([cpu, close]) == cpu
    fast = Candidate("card:fast", replace(one, ratio=0.5))
    wrong = Candidate("card:wrong", replace(one, ratio=0.1), broken="loses 50.0 %")
    assert _fastest([cpu, close, fast, wrong, Candidate("gpu", refused="none")]) == fast


def test_few_samples_are_said_to_be_few() -> None:
    few = Candidate("card", run=run(agreement=Rate(100, 100)))
    assert "100 samples are few: what card loses may be up to 3.7 %" in _notes(few, "agreement", 0.01, samples=True)[0]
    assert _notes(few, "agreement", 0.05, samples=True) == []
    assert _notes(Candidate("cpu", run=few.run), "agreement", 0.01, samples=True) == []


@pytest.mark.parametrize("device", ["auto", "card|cpu"])
def test_devices_are_single(negation: Path, device: str) -> None:
    with pytest.raises(DeviceError, match="not a single device"):
        tune(negation, devices=[device])


def test_bad_input(models: Path, negation: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError):
        tune(tmp_path / "missing.tflite")
    with pytest.raises(DataError):
        tune(negation, samples=tmp_path / "missing", devices=[])
    graph = read(negation)
    graph.main.operators[0] = graph.main.operators[0].replaced(code=OperatorCode.of("FlexErf"))
    write(graph, tmp_path / "flex.tflite")
    with pytest.raises(DeviceError, match="FlexErf"):
        tune(tmp_path / "flex.tflite", devices=[])
