"""littoral function experiment: what a sandbox and cold starts cost, measured on this machine."""

from __future__ import annotations

import dataclasses
import json
import os
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from littoral.cli import options, terminal

if TYPE_CHECKING:
    from littoral.functions.experiment import Line


class Kind(str, Enum):
    """The experiments."""

    latency = "latency"
    throughput = "throughput"
    all = "all"


def experiment(
    kind: Annotated[Kind, typer.Argument(help="latency, throughput, or all of them.")],
    model: options.ModelFile,
    seconds: Annotated[float, typer.Option("--seconds", min=0.3, help="To measure each point.")] = 4.0,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="For JSON and charts.")] = Path(),
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Of the gateway; one a core when not given.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Compare a model alone with a function that calls it, with cold starts, with and without HTTP.

    Writes NAME.json and NAME.svg for each experiment. Takes about six minutes for all.
    """
    from littoral.functions.experiment import latency, throughput
    from littoral.functions.experiment_chart import check_installed, latency_chart, throughput_chart
    from littoral.functions.experiment_stage import stage

    known = {Kind.latency: (latency, latency_chart), Kind.throughput: (throughput, throughput_chart)}
    wanted = list(known) if kind is Kind.all else [kind]
    documents = {}
    check_installed()
    output.mkdir(parents=True, exist_ok=True)
    with stage(model, workers) as contestants, terminal.progress_bar() as progress:
        for each in wanted:
            measure, draw = known[each]
            name = str(each.value)
            lines = measure(contestants, seconds, partial(progress, name))
            documents[name] = _document(name, model, lines)
            _write(output / f"{name}.json", documents[name])
            draw(lines, output / f"{name}.svg")
            if not as_json:
                terminal.out.print(_table(lines))
                terminal.out.print(f"written: {output / name}.json and .svg", markup=False)
    if as_json:
        terminal.emit_json(documents)


def _document(name: str, model: Path, lines: list[Line]) -> dict[str, Any]:
    from littoral.check.environment import environment

    machine = dataclasses.asdict(environment())
    return {"experiment": name, "model": model.name, "machine": machine, "lines": [line.as_json() for line in lines]}


def _write(file: Path, document: dict[str, Any]) -> None:
    part = file.with_name(f".{file.name}-{os.getpid()}")
    part.write_text(json.dumps(document, indent=1))
    part.replace(file)


def _table(lines: list[Line]) -> Table:
    table = Table("", "connections", "due/s", "answers/s", "p50 ms", "p99 ms", "failed", box=None, header_style="bold")
    for line in lines:
        result, found = line.result, line.result.percentiles()
        load = result.load
        table.add_row(
            line.label,
            str(load.connections),
            "" if load.rate is None else f"{load.rate:,.0f}",
            f"{result.throughput:,.1f}",
            *(f"{found[key] * 1e3:,.2f}" if found else "" for key in ("50", "99")),
            str(result.failed),
        )
    return table
