"""littoral export MODEL: a model file as a web page."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from littoral.cli import options, terminal
from littoral.cli.run import Task

if TYPE_CHECKING:
    from littoral.export import Exported

_MB = 1e6


class Target(str, Enum):
    """What a model file is exported to."""

    web = "web"


def command(
    model: options.ModelFile,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The folder to make.")],
    to: Annotated[  # noqa: ARG001 - the only one so far; scripts that name it stay right
        Target, typer.Option("--to", help="What to make.")
    ] = Target.web,
    task: Annotated[Task | None, typer.Option("--task", help="What the model is for; else its outputs tell.")] = None,
    labels: Annotated[Path | None, typer.Option("--labels", metavar="FILE", help="Names of the classes.")] = None,
    contract: options.Contract = None,
    no_fallback: Annotated[
        bool, typer.Option("--no-fallback", help="Leave out LiteRT.js (28 MB): only browsers with WebNN run the page.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Make a web page of a model file: WebNN where the browser has it, else LiteRT.js.

    The folder works from any static web server, and takes the place of a site that was exported there before.
    LiteRT.js is taken from a node_modules folder, or fetched with npm.
    """
    from littoral.data import Contract, read_labels
    from littoral.export import to_web

    made = to_web(
        model,
        output,
        contract=Contract.load(contract) if contract else None,
        labels=read_labels(labels) if labels else None,
        task=task.value if task else None,
        fallback=not no_fallback,
    )
    if as_json:
        terminal.emit_json({**vars(made), "folder": str(made.folder), "files": dict(made.files)})
        return
    terminal.out.print(_table(made))
    if made.unmapped:
        terminal.note(f"no WebNN program, so LiteRT.js runs it everywhere: {made.unmapped}")
    if made.task is None:
        terminal.note("the outputs do not tell what the model is for: the page shows no answers without --task")
    terminal.out.print(f"See it: python -m http.server --directory {made.folder}", soft_wrap=True, markup=False)


def _table(made: Exported) -> Table:
    table = Table(box=None, show_header=False, title=f"{made.folder}: {made.task or 'no task'}", title_justify="left")
    table.add_column()
    table.add_column(justify="right")
    rows = {f"WebNN, {made.calls} calls": made.page, "LiteRT.js": made.fallback}
    for name, size in rows.items():
        if size:
            table.add_row(Text(f"what a browser fetches: {name}"), f"{size / _MB:.2f} MB")
    return table
