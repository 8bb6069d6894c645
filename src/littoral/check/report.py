"""The report: all that was found out about the variants of one model, as JSON and as one self-contained page."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from littoral.check.codec import decode, encode
from littoral.check.environment import Environment, environment
from littoral.check.pareto import Choice
from littoral.check.results import Measurement, OperatorSensitivity, Prediction
from littoral.errors import DataError

SCHEMA = 1
"""The version of the JSON: raised when a key changes its meaning or goes."""


@dataclass(frozen=True)
class SkippedSample:
    """A sample that could not be read: its file, and why."""

    file: str
    reason: str


@dataclass(frozen=True)
class DataUse:
    """What a set of samples was used for.

    Args:
        role: "calibration" or "evaluation".
        path: Where it came from.
        samples: How many samples were used.
        labelled: How many of them had a label.
        skipped: Those that could not be read.
    """

    role: str
    path: str
    samples: int
    labelled: int = 0
    skipped: tuple[SkippedSample, ...] = ()


@dataclass(frozen=True)
class Report:
    """All that was found out about the variants of one model.

    Args:
        source: The trained model's file name.
        reference: The float model file that the variants are held against: its file name.
        data: What samples were used for what.
        measurements: One for each model file, the float one first.
        predictions: What the variants said about some samples.
        sensitivity: What quantizing each operator alone does, worst first.
        chosen: The variant that holds the bound on the loss, where one was asked for.
        notes: Whole sentences: what was guessed, skipped or left out.
        source_sha256: Of the trained model, hexadecimal.
        environment: The machine and the software.
        schema: The version of this JSON.
    """

    source: str
    reference: str
    data: tuple[DataUse, ...]
    measurements: tuple[Measurement, ...]
    predictions: tuple[Prediction, ...] = ()
    sensitivity: tuple[OperatorSensitivity, ...] = ()
    chosen: Choice | None = None
    notes: tuple[str, ...] = ()
    source_sha256: str = ""
    environment: Environment = field(default_factory=environment)
    schema: int = SCHEMA
    derived: ClassVar[tuple[str, ...]] = ("ok",)

    @property
    def ok(self) -> bool:
        """True when no variant failed and, where a bound was given, one holds it."""
        return all(m.ok for m in self.measurements) and (self.chosen is None or self.chosen.recipe is not None)

    def to_json(self) -> str:
        """The report as JSON in a fixed order of keys: bytes are integers, seconds and shares exact floats."""
        return json.dumps(encode(self), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str, what: str = "the report") -> Report:
        """The report that `to_json` wrote.

        Raises:
            DataError: The text is not JSON, not such a report, or of a newer version.
        """
        report = decode(cls, text, what)
        if report.schema != SCHEMA:
            raise DataError(f"{what} has version {report.schema}", f"This littoral reads version {SCHEMA}")
        return report


def write_report(report: Report, folder: str | os.PathLike[str]) -> None:
    """Writes report.json and report.html into the folder, which is made if need be; each appears whole or not at all.

    Raises:
        MissingExtraError: matplotlib or jinja2 is not installed; report.json is written nevertheless.
        OSError: The folder cannot be written to.
    """
    from littoral.check.page import page

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "report.json", report.to_json())
    write_text(folder / "report.html", page(report))


def write_text(path: Path, text: str) -> None:
    """Writes beside the target and renames, so that nobody ever sees half a file.

    Raises:
        OSError: The file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        # File names may hold what is not Unicode; as \udcff it is valid JSON and harmless in HTML.
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
