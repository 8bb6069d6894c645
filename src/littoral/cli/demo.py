"""littoral demo: the whole main job on real handwritten digits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from littoral.cli import options, terminal


def command(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where to write.")] = Path("demo-out"),
    as_json: options.Json = False,
) -> None:
    """Train a small network on handwritten digits, convert it to every recipe, prove each, classify a few digits."""
    from littoral import check, demo, load, vision

    with terminal.progress_bar() as progress:
        result = demo.run(output, progress)
    if as_json:
        terminal.emit_json(check.encode(result.report))
        return
    terminal.out.print(check.tables(result.report))
    variant = result.folder / "converted" / "digits.int8.tflite"
    terminal.out.print(f"\n$ littoral run {variant} ...", markup=False)
    with load(variant) as model:
        for picture in result.shown:
            best = vision.classify(model, picture, top_k=1)[0]
            terminal.out.print(f"{picture}  ->  {best.label}  ({best.score:.3f})", markup=False)
    terminal.out.print(f"\nReport: {result.folder / 'converted' / 'report.html'}", markup=False)
