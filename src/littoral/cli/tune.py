"""littoral tune MODEL: the fastest device and precision of this machine that keeps a model right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from littoral.cli import options, terminal


def command(
    model: options.ModelFile,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="PATH", help="Samples to judge by, labelled or not; else random inputs."),
    ] = None,
    max_drop: Annotated[
        float | None,
        typer.Option(
            "--max-drop", metavar="X", parser=options.share, help="What may be lost: accuracy, or equal answers (1%)."
        ),
    ] = None,
    device: Annotated[
        list[str] | None,
        typer.Option("--device", "-d", metavar="D", help="Repeatable: choose from these and cpu; else from all."),
    ] = None,
    samples: options.Samples = 100,
    seed: options.Seed = 0,
    threads: options.Threads = None,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="How long to measure each device.")] = 1.0,
    as_json: options.Json = False,
) -> None:
    """Measure a model on every device of this machine and remember the fastest that keeps its answers right.

    Afterwards --device auto uses it.
    """
    from littoral import check

    with terminal.progress_bar() as progress:
        tuned = check.tune(
            model,
            samples=data,
            count=samples,
            seed=seed,
            max_drop=0.01 if max_drop is None else max_drop,
            devices=device,
            threads=threads,
            seconds=seconds,
            progress=progress,
        )
    if as_json:
        terminal.emit_json(check.encode(tuned))
    else:
        terminal.out.print(check.tuned_table(tuned))
