"""The command line: one thin module a command, each of which reads options, calls the library and prints.

Exit codes: 0 done, and the answer is yes; 1 done, and the answer is no; 2 could not; 130 interrupted.
"""

from __future__ import annotations

import typer

from littoral.cli import (
    bench,
    compare,
    convert,
    demo,
    devices,
    doctor,
    export,
    function,
    inspect,
    native,
    run,
    terminal,
    tune,
    verify,
    webnn,
)
from littoral.cli import compile as compile_
from littoral.errors import LittoralError

app = typer.Typer(
    name="littoral",
    help="Take a trained model to the edge: convert it, prove that it is still right, run it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (convert, compile_, inspect, run, compare, bench, tune, export, devices, doctor, demo):
    app.command(name=command.__name__.rpartition(".")[2])(command.command)

app.add_typer(function.app, name="function")
app.command(name="verify", cls=verify.Command)(verify.command)
app.add_typer(webnn.app, name="webnn")


def _version(show: bool) -> None:
    if show:
        from littoral import __version__

        terminal.out.print(f"littoral {__version__}")
        raise typer.Exit


@app.callback()
def _global(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Options before the command."""


def main() -> None:
    """Run the command line; every error that littoral raises on purpose is one line and exit code 2."""
    native.hush()
    try:
        app()
    except (LittoralError, OSError) as error:
        terminal.fail(error)
