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


def tables(report: Report) -> Group:
    """The variants as a table, the front as a small plot, failures, the choice, the worst operators, notes."""
    parts: list[RenderableType] = [measurement_table(report.measurements), *_plot(report.measurements)]
    for measurement in report.measurements:
        parts += [Text(f"✗ {measurement.label}: {failure}", "red") for failure in measurement.failures]
    if report.chosen:
        good = report.chosen.recipe is not None
        parts.append(Text(f"{'✓' if good else '✗'} {report.chosen.reason}", "green" if good else "red"))
    if report.sensitivity:
        parts.append(sensitivity_table(report.sensitivity))
    for measurement in report.measurements:
        parts += [Text(f"note: {measurement.label}: {note}", "dim") for note in measurement.notes]
    parts += [Text(f"note: {note}", "dim") for note in report.notes]
    return Group(*parts)


def measurement_table(measurements: Sequence[Measurement]) -> Table:
    """One row a variant. ◆ marks the front of size and quality; the letter is its mark in the plot."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("", "variant"):
        table.add_column(name, no_wrap=True)
    columns = ("size", "p50, 1 thread", "all threads", "accuracy (95 %)", "agreement (95 %)", "SQNR", "max error")
    for name in columns:
        table.add_column(name, justify="right")
    table.add_column("quantized", justify="right")
    table.add_column("kernels")
    on_front = set(front_of(measurements, "size"))
    for index, measurement in enumerate(measurements):
        mark = f"{_letter(index)}{'◆' if index in on_front else ' '}"
        table.add_row(*map(Text, (mark, *_cells(measurement))), style=None if measurement.ok else "red")
    return table


def _cells(measurement: Measurement) -> tuple[str, ...]:
    one, every = measurement.p50("one"), measurement.p50("all")
    return (
        measurement.label + ("" if measurement.ok else " ✗"),
        words.size(measurement.bytes),
        words.duration(one) if one is not None else words.NOTHING,
        words.duration(every) if every is not None else words.NOTHING,
        words.rate(measurement.accuracy),
        words.rate(measurement.agreement),
        words.decibel(measurement.sqnr_db),
        words.largest_error(measurement.errors),
        words.quantized(measurement.operators),
        words.kernels(measurement),
    )


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
    return [Text(f"\n{kind} by size (◆ in the table: no other is both smaller and better)\n"), Text("\n".join(lines))]


def _letter(index: int) -> str:
    return ascii_lowercase[index % len(ascii_lowercase)]


def sensitivity_table(found: Sequence[OperatorSensitivity]) -> Table:
    """The operators that suffer most when they alone are quantized."""
    table = Table(box=None, header_style="bold", pad_edge=False, title_justify="left", title_style="")
    table.title = (
        f"\nThe {min(len(found), _WORST_OPERATORS)} most sensitive of {len(found)} operators, each quantized alone"
    )
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
    table = Table(box=None, header_style="bold", pad_edge=False)
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
    table = Table(box=None, header_style="bold", pad_edge=False)
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
