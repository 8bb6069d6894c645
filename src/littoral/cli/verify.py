"""littoral verify MODEL: does its page give the same answers as Python, in a real browser?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text
from typer.core import TyperCommand

from littoral.cli import options, terminal

if TYPE_CHECKING:
    from typer._click.core import Context

    from littoral.export.agreement import OutputAgreement
    from littoral.export.verify import Place, Verified


class Command(TyperCommand):
    """Takes --browser without a path too: it is found then, as without the option."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Leaves out a --browser that no path follows."""
        following = [*args[1:], "-"]
        bare = [arg == "--browser" and after.startswith("-") for arg, after in zip(args, following, strict=True)]
        return super().parse_args(ctx, [arg for arg, leave_out in zip(args, bare, strict=True) if not leave_out])


def command(
    model: options.ModelFile,
    browser: Annotated[
        Path | None,
        typer.Option("--browser", metavar="PATH", help="A Chromium, Chrome or Edge; found when not given."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="PATH", help="Samples to run; random ones when not given.")
    ] = None,
    samples: options.Samples = 16,
    seed: options.Seed = 0,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="How long to time each.")] = 1.0,
    timeout: Annotated[
        float, typer.Option("--timeout", min=1, help="Seconds that the browser has for each answer.")
    ] = 120.0,
    as_json: options.Json = False,
) -> None:
    """Run the exported page in a browser without a window, by WebNN and by LiteRT.js, and compare with Python.

    Exit code 0 when all that the browser has give Python's answers, 1 when one differs.
    """
    from littoral import check
    from littoral.export.verify import ENGINES, verify

    with terminal.progress_bar() as progress:
        found = verify(
            model,
            browser=browser,
            data=data,
            samples=samples,
            seed=seed,
            seconds=seconds,
            patience=timeout,
            progress=progress,
        )
    if as_json:
        terminal.emit_json(check.encode(found))
    else:
        name = f"{Path(found.browser).name} {found.version}"
        head = f"{found.model} in {name}, {found.samples} samples ({found.data})"
        terminal.out.print(head, soft_wrap=True, markup=False)
        terminal.out.print(_table(found))
        for place in found.places:
            if place.refused:
                terminal.note(f"{ENGINES[place.engine]} did not run: {place.refused}")
        terminal.out.print(_sentence(found), soft_wrap=True, markup=False)
    if not found.agrees:
        raise typer.Exit(terminal.DONE_NO)


def _table(found: Verified) -> Table:
    """Engines beside each other, each with the output that agrees least."""
    from littoral.export.agreement import worst
    from littoral.export.verify import ENGINES

    table = Table(box=None, header_style="bold")
    for column in ("", "runs on", "answers"):
        table.add_column(column)
    for column in ("largest difference", "same top 5", "load, ms", "call, ms"):
        table.add_column(column, justify="right")
    for place in found.places:
        name = ENGINES[place.engine]
        if place.refused:
            table.add_row(name, "not here")
            continue
        least = worst(place.outputs)
        top = f"{place.top.hits} of {place.top.total}" if place.top else ""
        times = f"{1000 * place.load:.0f}", f"{1000 * place.latency:.2f}"
        table.add_row(name, place.device, Text(least.verdict), _difference(place, least), top, *times)
    table.add_row("Python", "cpu", "", "", "", "", f"{1000 * found.latency:.2f}")
    return table


def _difference(place: Place, least: OutputAgreement) -> Text:
    of = f" ({least.name})" if len(place.outputs) > 1 else ""
    if least.verdict == "exact":
        return Text("0")
    if least.step:
        return Text(f"{least.steps:.0f} steps{of}")
    share = "" if least.equal == 0 else f", {least.equal:.2%} equal"
    return Text(f"{least.max_abs:.2g}{share}{of}")


def _sentence(found: Verified) -> str:
    from littoral.export.verify import ENGINES

    ran = [(ENGINES[place.engine], place.agrees) for place in found.places if not place.refused]
    wrong = [name for name, agrees in ran if not agrees]
    if wrong:
        return f"{' and '.join(wrong)}: not the answers of Python."
    return f"{' and '.join(name for name, _ in ran)}: the answers of Python."
