"""littoral compare A B: do two model files take the same inputs and give the same answers?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from littoral.cli import options, terminal


def command(
    a: Annotated[Path, typer.Argument(metavar="A", help="A model file.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another model file.")],
    data: Annotated[
        Path | None, typer.Option("--data", metavar="PATH", help="Samples to compare on; random ones when not given.")
    ] = None,
    samples: options.Samples = 16,
    seed: options.Seed = 0,
    as_json: options.Json = False,
) -> None:
    """Compare two model files: inputs, outputs, quantization, answers.

    Exit code 0 when they agree (exactly, closely or approximately), 1 when they differ.
    """
    from littoral import check

    comparison = check.compare(a, b, data=data, count=samples, seed=seed)
    if as_json:
        terminal.emit_json(check.encode(comparison))
    else:
        terminal.out.print(check.comparison_table(comparison))
    if comparison.verdict == "different":
        raise typer.Exit(terminal.DONE_NO)
