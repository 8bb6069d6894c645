"""Does the page give the same answers as Python, in a real browser, and how fast?"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np

from littoral.check import Progress, Rate
from littoral.check.compare import step_of
from littoral.check.inputs import class_scores, in_order, random_inputs, run
from littoral.data import Sample, decode, open_dataset
from littoral.errors import DataError, DeviceError, SourceError
from littoral.export.agreement import Array, OutputAgreement, output_agreement, same_top
from littoral.export.browser import PATIENCE, Browser, find
from littoral.export.server import serving
from littoral.export.web import DESCRIPTION, Exported, to_web
from littoral.runtime import Model, load

ENGINES = {"webnn": "WebNN", "wasm": "LiteRT.js"}
"""What a page may be run by, and what that is called."""

_BLANK = "verify.html"  # a page of the site without its own script, which would load the model once more
_ACTS = {"open": "loading the model", "run": "running a sample", "time": "timing calls"}  # what verify.js does
_LACKS = ("DeviceError", "NoWebNNError", "NotIsolatedError", "NoGpuError", "RefusedError")
_ROUNDS = 5  # in which engines take turns
_MOST = 100  # calls of a round


@dataclass(frozen=True)
class Place:
    """A model run by a page.

    Attributes:
        engine: "webnn" or "wasm".
        device: What really ran it, as the page says: "webnn", "webnn:cpu", "wasm", "wasm:threads"; empty if none did.
        refused: Why it did not run; empty where it did.
        outputs: Each output beside Python's.
        top: On how many samples the best five classes are the same; None where the model does not classify.
        load: Seconds until it was ready, files fetched from this machine.
        latency: Seconds of a call, values in and values out: the median.
        calls: How many were timed.
    """

    engine: str
    device: str = ""
    refused: str = ""
    outputs: tuple[OutputAgreement, ...] = ()
    top: Rate | None = None
    load: float = 0.0
    latency: float = 0.0
    calls: int = 0
    derived: ClassVar[tuple[str, ...]] = ("agrees",)

    @property
    def agrees(self) -> bool | None:
        """Whether no output is "different", and the best classes are the same; None where it did not run."""
        if self.refused:
            return None
        same = all(each.verdict != "different" for each in self.outputs)
        return same and (self.top is None or self.top.hits == self.top.total)


@dataclass(frozen=True)
class Verified:
    """A model file's page beside Python.

    Attributes:
        model: The file's name.
        browser: The program.
        version: The browser's own.
        samples: How many were run.
        data: Where they came from: a path, or "random inputs, seed 0".
        latency: Seconds of a call in Python, on the device cpu: the median.
        places: What the page was run by; at least one ran.
    """

    model: str
    browser: str
    version: str
    samples: int
    data: str
    latency: float
    places: tuple[Place, ...]
    derived: ClassVar[tuple[str, ...]] = ("agrees",)

    @property
    def agrees(self) -> bool:
        """Whether all that ran agree with Python."""
        return all(place.agrees is not False for place in self.places)


def verify(
    model: str | os.PathLike[str],
    *,
    browser: str | os.PathLike[str] | None = None,
    data: str | os.PathLike[str] | None = None,
    samples: int = 16,
    seed: int = 0,
    seconds: float = 1.0,
    patience: float = PATIENCE,
    progress: Progress | None = None,
) -> Verified:
    """Exports a model file, runs the page in a browser by WebNN and by LiteRT.js, and compares with Python.

    Pictures are prepared by the page, from their pixels; other samples come as values.

    Args:
        model: A model file.
        browser: A Chromium, Chrome or Edge; found when not given.
        data: A folder of pictures, .npy or .npz; without it, inputs are random in the range of the contract.
        samples: At most so many.
        seed: Of the choice of samples, or of the random inputs.
        seconds: How long to time each engine.
        patience: Seconds that the browser has for each answer.
        progress: Called with (stage, done, total).

    Raises:
        ModelFileError: The model file is refused.
        SourceError: The model runs in no browser.
        DataError: The data cannot be used.
        MissingExtraError: playwright is not installed.
        DeviceError: There is no browser, it has neither, or it crashed, ended or did not answer.
    """
    path, program = Path(model), find(browser)
    tell = progress or (lambda *_: None)
    with load(path) as loaded, TemporaryDirectory(prefix="littoral-verify-") as room:
        tell("export", 0, 1)
        site, left_out = _site(path, Path(room) / "site")
        given = list(_samples(loaded, data, samples, seed))
        if not given:
            raise DataError(f"{data} has no samples", "Name a folder of pictures, a .npy or a .npz")
        tell("export", 1, 1)
        expected = [run(loaded, sample.inputs) for sample in given]
        with serving(site.folder) as address, Browser(program, patience=patience) as page:
            page.open(address + _BLANK)
            engines = [_Engine(name, page, left_out if name == "wasm" else "") for name in ENGINES]
            asked = _questions(loaded, site.folder, given)
            for number, question in enumerate(asked):
                tell("run", number, len(asked))
                for engine in engines:
                    if not engine.refused:
                        engine.run(question)
            tell("run", len(asked), len(asked))
            _check_any(engines, program)
            latency = _time(engines, lambda: loaded(*in_order(loaded, given[-1].inputs)), seconds, tell)
            version = page.version
        places = tuple(_judged(engine, loaded, site.task == "classify", expected) for engine in engines)
    source = f"random inputs, seed {seed}" if data is None else str(data)
    return Verified(path.name, str(program), version, len(given), source, latency, places)


@dataclass
class _Engine:
    """One engine of the page, and what came of it so far."""

    name: str
    page: Browser
    refused: str = ""
    device: str = ""
    load: float = 0.0
    outputs: list[dict[str, Array]] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)

    def run(self, question: dict[str, Any]) -> None:
        """One sample; the first one loads the model."""
        with self._refusals():
            if not self.device:
                opened = self._ask("open")
                self.device, self.load = opened["device"], opened["milliseconds"] / 1000
            self.outputs.append({name: _array(each) for name, each in self._ask("run", **question).items()})

    def time(self, seconds: float) -> None:
        """Calls with the last sample again, for about so many seconds."""
        with self._refusals():
            calls = min(max(round(seconds / self.taken[-1]), 1), _MOST) if self.taken else 1
            self.taken += [taken / 1000 for taken in self._ask("time", calls=calls)]

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """What the page cannot do is no error but an answer: nothing more is asked then."""
        try:
            yield
        except _RefusedError as error:
            self.refused = str(error)

    def _ask(self, act: str, **given: Any) -> Any:
        doing = f"{_ACTS[act]} by {ENGINES[self.name]}"
        answer = self.page.call(_script(), {"act": act, "device": self.name, **given}, doing)
        if "error" not in answer:
            return answer["value"]
        if answer["error"] in _LACKS:
            raise _RefusedError(answer["message"])
        raise DeviceError(f"the page fails while {doing}: {answer['error']}: {answer['message']}")


class _RefusedError(Exception):
    """The page says that an engine is not here, or does not take the model."""


def _site(model: Path, folder: Path) -> tuple[Exported, str]:
    """The exported site with a page to run scripts in; and why LiteRT.js is not in it."""
    left_out = ""
    try:
        made = to_web(model, folder)
    except SourceError as error:
        made = to_web(model, folder, fallback=False)  # raises its own error where that is not what was wrong
        left_out = error.cause
    (folder / _BLANK).write_text("<!doctype html><title>littoral verify</title>\n", encoding="utf-8")
    return made, left_out


def _samples(model: Model, data: str | os.PathLike[str] | None, count: int, seed: int) -> Iterator[Sample]:
    if data is not None:
        yield from open_dataset(data).samples(model.contract, limit=count, seed=seed)
        return
    for number in range(count):
        yield Sample(random_inputs(model, seed=seed + number), None, f"random {number}", None)


def _questions(model: Model, folder: Path, samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """The samples as a page takes them: pixels where it is to prepare a picture itself, else values."""
    inputs = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))["inputs"]
    prepares = len(inputs) == 1 and len(model.contract.inputs) == 1 and inputs[0]["dataType"] == "float32"
    return [_question(model, inputs, sample, prepares and sample.picture is not None) for sample in samples]


def _question(model: Model, inputs: Sequence[dict[str, Any]], sample: Sample, prepares: bool) -> dict[str, Any]:
    if prepares and sample.picture is not None:
        pixels = decode(sample.picture)
        opaque = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
        return {"inputs": {}, "picture": {"input": inputs[0]["name"], "width": pixels.shape[1], **_text(opaque)}}
    values = zip(inputs, in_order(model, sample.inputs), strict=True)
    return {"inputs": {each["name"]: _text(np.asarray(value).astype(each["dataType"])) for each, value in values}}


def _text(values: Array) -> dict[str, str]:
    """An array as the page's script takes it."""
    return {
        "type": f"{values.dtype.name.capitalize()}Array",
        "data": base64.b64encode(np.ascontiguousarray(values).tobytes()).decode(),
    }


def _array(given: dict[str, str]) -> Array:
    """An array as the page's script gives it, in one row."""
    dtype = given["type"].removesuffix("Array").replace("Big", "").lower()
    return np.frombuffer(base64.b64decode(given["data"]), dtype)


def _check_any(engines: Sequence[_Engine], program: Path) -> None:
    if all(engine.refused for engine in engines):
        reasons = "; ".join(f"{ENGINES[engine.name]}: {engine.refused}" for engine in engines)
        raise DeviceError(f"{program} does not run the page. {reasons}", "Try another browser with --browser PATH")


def _time(engines: Sequence[_Engine], call: Callable[[], object], seconds: float, tell: Progress) -> float:
    """Times all in turn, so that a noisy machine slows all of them. Returns the seconds of a call in Python."""
    taken: list[float] = []
    call()
    for number in range(_ROUNDS + 1):
        tell("latency", number, _ROUNDS + 1)
        share = seconds / _ROUNDS
        end = time.perf_counter() + (share if number else 0.0)  # the first round is one call, to know how long it takes
        while True:
            begin = time.perf_counter()
            call()
            taken.append(time.perf_counter() - begin)
            if time.perf_counter() >= end:
                break
        for engine in engines:
            if not engine.refused:
                engine.time(share)
    tell("latency", _ROUNDS + 1, _ROUNDS + 1)
    return median(taken)


def _judged(engine: _Engine, model: Model, classifies: bool, expected: Sequence[Sequence[Array]]) -> Place:
    place = Place(engine.name, engine.device, engine.refused)
    if engine.refused:
        return replace(place, device="")
    found = [
        [given[info.name].reshape(ours.shape) for info, ours in zip(model.outputs, each, strict=True)]
        for given, each in zip(engine.outputs, expected, strict=True)
    ]
    steps = [step_of(model.graph, info) for info in model.outputs]
    pairs = list(zip(zip(*expected, strict=True), zip(*found, strict=True), strict=True))
    outputs = tuple(
        output_agreement(info.name, step, ours, theirs)
        for info, step, (ours, theirs) in zip(model.outputs, steps, pairs, strict=True)
    )
    shapes = [each.shape for each in expected[0]]
    scores = class_scores(shapes, len(model.contract.labels)) if classifies else None
    top = None if scores is None else same_top(*pairs[scores], steps[scores])
    return replace(
        place, outputs=outputs, top=top, load=engine.load, latency=median(engine.taken), calls=len(engine.taken)
    )


def _script() -> str:
    return (files("littoral.export") / "verify.js").read_text(encoding="utf-8")
