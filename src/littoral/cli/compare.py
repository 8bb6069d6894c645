"""littoral compare A B: do two model files take the same inputs and give the same answers?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from littoral.cli import compiled as pages
from littoral.cli import options, terminal

if TYPE_CHECKING:
    from rich.console import Group

    from littoral.coral.twins import Twins


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

    Exit code 0 when they agree (exactly, closely or approximately), 1 when they differ. Files compiled for the Edge TPU
    are not run: is one made from the other, or are they the same?
    """
    from littoral import check

    compiled = _compiled(a, b)
    if compiled is not None:
        twins, page = compiled
        if data is not None:
            terminal.note("--data is not used: models compiled for the Edge TPU are compared without running them")
        if as_json:
            terminal.emit_json(check.encode(twins))
        else:
            terminal.out.print(page)
        if not twins.same:
            raise typer.Exit(terminal.DONE_NO)
        return
    comparison = check.compare(a, b, data=data, count=samples, seed=seed)
    if as_json:
        terminal.emit_json(check.encode(comparison))
    else:
        terminal.out.print(check.comparison_table(comparison))
    if comparison.verdict == "different":
        raise typer.Exit(terminal.DONE_NO)


def _compiled(a: Path, b: Path) -> tuple[Twins, Group] | None:
    """What can be said of two files of which at least one is compiled for the Edge TPU; None when none is."""
    from littoral import tflite
    from littoral.coral import twins
    from littoral.coral.compiled import is_compiled

    first, second = tflite.read(a), tflite.read(b)
    if not is_compiled(first) and not is_compiled(second):
        return None
    if is_compiled(first) and is_compiled(second):
        found = twins.compare_compiled(first, second, (str(a), str(b)))
        return found, pages.twins_page(found, (a, b), "the same")
    if is_compiled(first):
        a, b, first, second = b, a, second, first
    found = twins.compare(first, second, str(b))
    return found, pages.twins_page(found, (a, b), "twins")
