"""A benchmark as one HTML page that needs nothing from anywhere else."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from littoral.check import plots
from littoral.check.bench import Benched
from littoral.check.environment import environment
from littoral.check.page import render
from littoral.check.report import write_text
from littoral.check.results import Latency
from littoral.check.table import bench_cells


def write_bench(rows: Sequence[Benched], file: str | os.PathLike[str]) -> None:
    """Writes the rows as a page with a chart; it appears whole or not at all.

    Raises:
        MissingExtraError: matplotlib or jinja2 is not installed.
        OSError: The file cannot be written.
    """
    write_text(Path(file), bench_page(rows))


def bench_page(rows: Sequence[Benched]) -> str:
    """The rows as HTML text; whatever comes from files is escaped.

    Raises:
        MissingExtraError: matplotlib or jinja2 is not installed.
    """
    return render(
        "bench.html.j2",
        title=", ".join(dict.fromkeys(row.name for row in rows)),
        rows=[(row, bench_cells(row)) for row in rows if row.latency],
        refused=list(dict.fromkeys((row.name, row.device, row.refused) for row in rows if row.refused)),
        chart=plots.latency_bars(_groups(rows)),
        environment=environment(),
    )


def _groups(rows: Sequence[Benched]) -> list[tuple[str, list[Latency]]]:
    """The latencies by file and device; only what differs is in the label."""
    several = len({row.name for row in rows}) > 1
    groups: dict[str, list[Latency]] = {}
    for row in rows:
        if row.latency:
            groups.setdefault(f"{row.name}\n{row.device}" if several else row.device, []).append(row.latency)
    return list(groups.items())
