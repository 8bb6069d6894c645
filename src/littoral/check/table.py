"""The report on a terminal. Everything that comes from files is plain text to rich, never its markup."""

from __future__ import annotations

import math
from collections.abc import Sequence
from string import ascii_lowercase
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from littoral.check import words
from littoral.check.pareto import front_of, quality, quality_kind
from littoral.check.results import Latency, Measurement, OperatorSensitivity
from littoral.check.scatter import Point, scatter

if TYPE_CHECKING:
    from littoral.check.compare import Comparison
    from littoral.check.report import Report

_WORST_OPERATORS = 10
_MOST_SKIPPED = 5


def tables(report: Report) -> Group:
    """The variants as a table, the front as a small plot, failures, the choice, the worst operators, notes."""
    parts: list[RenderableType] = [measurement_table(report.measurements), Text(_LEGEND, "dim")]
    parts += _plot(report.measurements)
    for measurement in report.measurements:
        parts += [Text(f"✗ {measurement.label}: {failure}", "red") for failure in measurement.failures]
    if report.chosen:
        good = report.chosen.recipe is not None
        parts.append(Text(f"{'✓' if good else '✗'} {report.chosen.reason}", "green" if good else "red"))
    if report.sensitivity:
        parts.append(sensitivity_table(report.sensitivity))
    for measurement in report.measurements:
        parts += [Text(f"note: {measurement.label}: {note}", "dim") for note in measurement.notes]
    parts += [Text(f"note: {note}", "dim") for note in (*_skipped(report), *report.notes)]
    return Group(*parts)


def _skipped(report: Report) -> list[str]:
    """Samples that could not be read: how many, and the first of them."""
    found = list(dict.fromkeys((one.file, one.reason) for use in report.data for one in use.skipped))
    lines = [f"{file} was skipped: {reason}" for file, reason in found[:_MOST_SKIPPED]]
    more = len(found) - len(lines)
    return [*lines, f"{more} more samples were skipped; report.json names them"] if more else lines


def measurement_table(measurements: Sequence[Measurement]) -> Table:
    """One row a variant; what was measured of none has no column, so that the table fits a terminal.

    ◆ marks the front of size and quality; the letter is the variant's mark in the plot.
    """
    on_front = set(front_of(measurements, "size"))
    cells = [_cells(m, f"{_letter(i)}{'◆' if i in on_front else ' '}") for i, m in enumerate(measurements)]
    shown = [name for name in _COLUMNS if any(row[name] != words.NOTHING for row in cells)]
    table = _table()
    for name in shown:
        # Headings may be broken between words, figures may not.
        width = max(map(len, [*name.split(), *(row[name] for row in cells)]))
        table.add_column(name, justify="left" if name in ("", "variant") else "right", min_width=width)
    for measurement, row in zip(measurements, cells, strict=True):
        table.add_row(*(Text(row[name]) for name in shown), style=None if measurement.ok else "red")
    return table


_LEGEND = (
    "◆ no other is both smaller and better. 1 thread, all: median latency.\n"
    "In parentheses: 95 % interval. agrees: same top-1 as the float model.\n"
    "quantized: share of operators that compute in integers, or from smaller weights."
)
_COLUMNS = ("", "variant", "size", "1 thread", "all", "accuracy", "agrees", "SQNR dB", "quantized")


def _table() -> Table:
    return Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))


def _cells(measurement: Measurement, mark: str) -> dict[str, str]:
    one, every = measurement.p50("one"), measurement.p50("all")
    agreement = measurement.agreement
    return {
        "": mark,
        "variant": measurement.label + ("" if measurement.ok else " ✗"),
        "size": words.size(measurement.bytes),
        "1 thread": words.duration(one) if one is not None else words.NOTHING,
        "all": words.duration(every) if every is not None else words.NOTHING,
        "accuracy": words.rate(measurement.accuracy),
        "agrees": words.share(agreement.value) if agreement and measurement.accuracy else words.rate(agreement),
        "SQNR dB": words.decibel(measurement.sqnr_db).removesuffix(" dB"),
        "quantized": words.quantized(measurement.operators),
    }


def _plot(measurements: Sequence[Measurement]) -> list[RenderableType]:
    kind = quality_kind(measurements)
    found = [
        (_letter(index), measurement, good)
        for index, measurement in enumerate(measurements)
        if (good := quality(measurement, kind)) and math.isfinite(good.value)
    ]
    if len(found) < 2:
        return []
    sizes = [measurement.bytes for _, measurement, _ in found]
    values = [good.value for _, _, good in found]
    points = [Point(float(measurement.bytes), good.value, letter) for letter, measurement, good in found]
    show = words.decibel if kind == "SQNR" else words.share
    lines = scatter(points, (words.size(min(sizes)), words.size(max(sizes))), (show(min(values)), show(max(values))))
    return [Text(f"\n{kind} by size\n"), Text("\n".join(lines))]


def _letter(index: int) -> str:
    return ascii_lowercase[index % len(ascii_lowercase)]


def sensitivity_table(found: Sequence[OperatorSensitivity]) -> Table:
    """The operators that suffer most when they alone are quantized."""
    table = _table()
    worst = min(len(found), _WORST_OPERATORS)
    table.title = f"\nThe {worst} most sensitive of {len(found)} operators, each quantized alone"
    table.title_justify, table.title_style = "left", "none"
    for name in ("operator", "kind", "output"):
        table.add_column(name)
    for name in ("SQNR", "max error", "agreement"):
        table.add_column(name, justify="right")
    for one in found[:_WORST_OPERATORS]:
        figures = (
            (words.decibel(one.error.sqnr_db), words.number(one.error.max_abs), words.rate(one.agreement))
            if one.error
            else (one.refused, words.NOTHING, words.NOTHING)
        )
        table.add_row(*map(Text, (str(one.index), one.kind, one.output, *figures)))
    return table


def latency_table(found: Sequence[Latency]) -> Table:
    """One row a model, device and number of threads, with the ratio to the first model."""
    table = _table()
    for name in ("model", "device", "threads"):
        table.add_column(name)
    for name in ("best", "p50", "p90", "p99", "first call", "runs", "ratio to the first"):
        table.add_column(name, justify="right")
    for one in found:
        times = (one.best, one.p50, one.p90, one.p99, one.first)
        ratio = f"{one.ratio:.2f} ± {one.ratio * one.noise:.2f}"
        cells = (one.name, one.device, str(one.threads), *map(words.duration, times), f"{one.runs:,}", ratio)
        table.add_row(*map(Text, cells))
    return table


def comparison_table(comparison: Comparison) -> Group:
    """The verdict, what differs in words, and a row for each output."""
    table = _table()
    table.add_column("output")
    for name in ("max error", "mean error", "SQNR", "cosine", "verdict"):
        table.add_column(name, justify="right")
    for one in comparison.outputs:
        error = one.error
        figures = (words.number(error.max_abs), words.number(error.mean_abs), words.decibel(error.sqnr_db))
        table.add_row(*map(Text, (error.name, *figures, f"{error.cosine:.6f}", one.verdict)))
    same = comparison.verdict != "different"
    parts: list[RenderableType] = [Text(f"{'✓' if same else '✗'} {comparison.summary}", "green" if same else "red")]
    parts += [Text(f"  {difference}") for difference in comparison.differences]
    return Group(*parts, table) if comparison.outputs else Group(*parts)
