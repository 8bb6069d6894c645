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
from littoral.check.results import Measurement, OperatorSensitivity
from littoral.check.scatter import Point, scatter

if TYPE_CHECKING:
    from littoral.check.bench import Benched
    from littoral.check.compare import Comparison
    from littoral.check.report import Report
    from littoral.check.tune import Tuned

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
    "quantized: share of operators in integers (int), or from smaller weights."
)
_COLUMNS = ("", "variant", "size", "1 thread", "all", "accuracy %", "agrees", "SQNR dB", "quantized")


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
        "accuracy %": words.rate(measurement.accuracy).replace(" %", ""),
        "agrees": words.share(agreement.value) if agreement and measurement.accuracy else words.rate(agreement),
        "SQNR dB": words.decibel(measurement.sqnr_db).removesuffix(" dB"),
        "quantized": words.quantized(measurement.operators).replace("integer", "int"),
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


def bench_table(rows: Sequence[Benched]) -> Group:
    """One row a device and number of threads under each model's name; below them, why others do not run."""
    cells = [(one.name, (one.device, str(one.threads), *bench_cells(one))) for one in rows if one.latency]
    names = list(dict.fromkeys(name for name, _ in cells))
    widest = max(map(len, [_BENCH_COLUMNS[0], *(row[0] for _, row in cells)]))
    parts: list[RenderableType] = []
    for name in names:
        table = _table()
        for place, heading in enumerate(_BENCH_COLUMNS):
            # A narrow terminal breaks figures between number and unit, and the first two columns not at all.
            whole = place < 2 and widest <= _WIDEST_DEVICE
            width = widest if whole and place == 0 else None  # the same for all models
            table.add_column(heading, justify="right" if place else "left", width=width, no_wrap=whole, overflow="fold")
        for _, row in (each for each in cells if each[0] == name):
            table.add_row(*map(Text, row))
        parts += [Text(name, "bold", overflow="fold"), table]
    reasons = [(one.device if len(names) == 1 else f"{one.name} on {one.device}", one.refused) for one in rows]
    return Group(*parts, Text(_BENCH_LEGEND, "dim"), *_refusals(reasons))


_WIDEST_DEVICE = 20
_BENCH_COLUMNS = ("device", "threads", "p50", "p90", "p99", "ratio", "calls / s", "load", "first call", "memory")
_BENCH_LEGEND = (
    "ratio: of p50, to the first row with as many threads. calls / s: with all cores busy.\n"
    "load, first call, memory: in a new process."
)


def bench_cells(one: Benched) -> list[str]:
    """The figures of a row that runs: p50, p90, p99, ratio, calls a second, load, first call, memory."""
    assert one.latency is not None
    times = [words.duration(taken) for taken in (one.latency.p50, one.latency.p90, one.latency.p99)]
    ratio = f"{one.latency.ratio:.2f} ± {one.latency.ratio * one.latency.noise:.2f}"
    begun = one.start
    grown = words.size(begun.memory) if begun and begun.memory is not None else words.NOTHING
    begin = [words.duration(begun.load), words.duration(begun.first), grown] if begun else [words.NOTHING] * 3
    return [*times, ratio, words.per_second(one.throughput), *begin]


def _refusals(found: Sequence[tuple[str, str]]) -> list[Text]:
    """Each place that does not run, with its reason; said once for all numbers of threads."""
    return [Text(f"✗ {where}: {reason}", "red") for where, reason in dict.fromkeys(found) if reason]


def tuned_table(tuned: Tuned) -> Group:
    """One row a device that runs, with its verdict; below it the others, and what was chosen."""
    table = _table()
    table.add_column("device", overflow="fold")
    labelled = any(one.accuracy for one in tuned.candidates)
    columns = ["p50", "ratio", *(["accuracy"] if labelled else []), "agreement", "output error"]
    for name in columns:
        table.add_column(name, justify="right", overflow="fold")
    table.add_column("verdict")
    for one in tuned.candidates:
        if not one.latency:
            continue
        ratio = f"{one.latency.ratio:.2f} ± {one.latency.ratio * one.latency.noise:.2f}"
        cells = [one.device, words.duration(one.latency.p50), ratio]
        cells += [words.rate(one.accuracy)] if labelled else []
        cells += [words.rate(one.agreement), words.NOTHING if one.noise is None else words.share(one.noise)]
        chosen = one.device == tuned.device
        verdict = Text("✓ chosen", "green") if chosen else Text(one.broken, "red") if one.broken else Text("holds")
        table.add_row(*map(Text, cells), verdict)
    parts = [*_refusals([(one.device, one.refused) for one in tuned.candidates]), Text(f"✓ {tuned.reason}", "green")]
    return Group(table, *parts, *(Text(f"note: {note}", "dim") for note in tuned.notes))


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
