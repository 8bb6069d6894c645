"""littoral bench MODEL...: how fast models answer, on every device that is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from littoral.cli import options, terminal


def command(
    models: Annotated[list[Path], typer.Argument(metavar="MODEL...", help="Model files; ratios are to the first.")],
    device: Annotated[
        list[str] | None, typer.Option("--device", "-d", metavar="D", help="Repeatable; littoral devices lists them.")
    ] = None,
    threads: Annotated[
        list[int] | None, typer.Option("--threads", "-t", min=1, help="Repeatable. One and all by default.")
    ] = None,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="How long to measure each.")] = 2.0,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page with a chart as well.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Measure latency, throughput, load time and memory, models and devices in turn so that noise hits all alike.

    A device that does not work is named with its reason.
    """
    from littoral import check

    with terminal.progress_bar() as progress:
        found = check.bench(
            models,
            devices=device or ["cpu"],
            threads=threads or check.one_and_all(),
            seconds=seconds,
            progress=progress,
        )
    if html:
        check.write_bench(found, html)
    if as_json:
        terminal.emit_json(check.encode(found))
    else:
        terminal.out.print(check.bench_table(found))
        if html:
            terminal.out.print(f"Page: {html}", markup=False)
