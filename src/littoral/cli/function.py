"""littoral function: Wasm functions, from a template to answers."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from littoral.cli import function_experiment, function_serve, options, terminal

if TYPE_CHECKING:
    from littoral.functions.store import Store

app = typer.Typer(help="Wasm functions with models: make, deploy, call and serve them.", no_args_is_help=True)

app.command()(function_experiment.experiment)
for _command in (function_serve.serve, function_serve.token, function_serve.tokens, function_serve.revoke):
    app.command()(_command)

Name = Annotated[str, typer.Argument(metavar="NAME", help="A deployed function.")]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder with function.toml.")]
Data = Annotated[Path | None, typer.Option("--data", metavar="FILE", help="The request's body; - is standard input.")]
Number = Annotated[int | None, typer.Option("--version", min=1, help="A version; the one that answers when not given.")]


def open_store() -> Store:
    """The store of this user."""
    from littoral.functions.store import Store
    from littoral.runtime.home import data_folder

    return Store(data_folder() / "functions")


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the function and its folder.")],
    language: Annotated[str, typer.Option("--lang", help="c or assemblyscript.")] = "c",
) -> None:
    """Make a folder with a working image classifier."""
    from typing import cast

    from littoral.functions import scaffold
    from littoral.functions.build import Language

    folder = scaffold.new(name, cast(Language, language))
    terminal.out.print(f"{folder}: littoral function build {folder}, then deploy it", markup=False)


@app.command()
def build(folder: Folder, as_json: options.Json = False) -> None:
    """Compile a function to WebAssembly."""
    from littoral.functions.build import BuildError
    from littoral.functions.build import build as compile_function

    try:
        made = compile_function(folder)
    except BuildError as error:
        _quote(error.output)
        raise
    _quote(made.warnings)
    if as_json:
        terminal.emit_json(dataclasses.asdict(made) | {"module": str(made.module)})
    else:
        terminal.out.print(f"{made.module}  {made.size:,} bytes", markup=False)


@app.command()
def deploy(
    folder: Folder,
    model: Annotated[
        list[str] | None, typer.Option("--model", metavar="NAME=FILE", help="A model file for the function.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Check, initialise, test and store a function; then it answers."""
    from littoral.functions.deploy import deploy as deploy_function

    version = deploy_function(open_store(), folder, _pairs(model or []), told=lambda step: terminal.note(step))
    if as_json:
        terminal.emit_json(dataclasses.asdict(version))
    else:
        terminal.out.print(f"{version.route}: version {version.number} answers", markup=False)


@app.command(name="list")
def list_functions(as_json: options.Json = False) -> None:
    """Show what is deployed."""
    store = open_store()
    records = [store.record(name) for name in store.names()]
    if as_json:
        terminal.emit_json([_summary(record.name, record.current, record.version()) for record in records])
        return
    table = Table("function", "route", "version", "deployed", "models", box=None, header_style="bold")
    for record in records:
        version = record.version()
        table.add_row(record.name, version.route, str(version.number), version.deployed, ", ".join(version.models))
    terminal.out.print(table if records else "no functions are deployed yet: littoral function deploy DIR")


@app.command()
def show(name: Name, as_json: options.Json = False) -> None:
    """Show the versions of a function."""
    record = open_store().record(name)
    if as_json:
        terminal.emit_json(dataclasses.asdict(record))
        return
    table = Table("", "version", "deployed", "route", "module", "models", "files", box=None, header_style="bold")
    for version in record.versions:
        models = ", ".join(f"{key} {digest[:12]}" for key, digest in version.models.items())
        mark = "answers" if version.number == record.current else ""
        files = ", ".join(version.files)
        table.add_row(
            mark, str(version.number), version.deployed, version.route, version.module[:12], models, Text(files)
        )
    terminal.out.print(table)


@app.command()
def invoke(name: Name, data: Data = None, version: Number = None) -> None:
    """Send a request to a function, here and without a server; prints its answer.

    Exit code 0 when it gives status 0, 1 when it gives another.
    """
    from littoral.functions.shelf import Shelf

    shelf = Shelf(open_store())
    try:
        with shelf.lease(name, version) as lease:
            answer = lease.function.invoke(_body(data))
    finally:
        shelf.close()
    _quote(answer.log)
    sys.stdout.buffer.write(answer.body)
    sys.stdout.buffer.flush()
    if answer.status:
        terminal.note(f"status {answer.status}")
        raise typer.Exit(terminal.DONE_NO)


@app.command()
def logs(
    name: Name,
    last: Annotated[int, typer.Option("--last", "-n", min=1, help="How many entries.")] = 50,
    as_json: options.Json = False,
) -> None:
    """Show what a function said, and what went wrong, while it was served."""
    from littoral.functions.journal import Journal
    from littoral.runtime.home import data_folder

    open_store().record(name)
    entries = Journal(data_folder() / "functions/logs").read(name, last)
    if as_json:
        terminal.emit_json(entries)
        return
    for entry in entries:
        time, *rest = (str(entry.pop(key, "")) for key in ("time", "level", "event"))
        words = " ".join(
            f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in entry.items()
        )
        terminal.out.print(" ".join([time, *rest, words]), markup=False, soft_wrap=True)


@app.command()
def rollback(
    name: Name,
    to: Annotated[int | None, typer.Option("--to", min=1, help="A version; the one before when not given.")] = None,
) -> None:
    """Have an older version answer."""
    version = open_store().rollback(name, to)
    terminal.out.print(f"{name}: version {version.number} answers", markup=False)


@app.command()
def remove(name: Name) -> None:
    """Forget a function, all its versions and what only they needed."""
    from littoral.functions.journal import Journal
    from littoral.runtime.home import data_folder

    store = open_store()
    store.remove(name)
    Journal(data_folder() / "functions/logs").remove(name)
    function_serve.revoke_all(name)
    terminal.out.print(f"{name}: removed; {store.collect():,} bytes are free", markup=False)


@app.command()
def bench(
    name: Name,
    data: Data = None,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="How long to measure.")] = 2.0,
    as_json: options.Json = False,
) -> None:
    """Measure a function: a fresh instance for each request, one caller, no server."""
    from littoral.functions.measure import measure
    from littoral.functions.shelf import Shelf

    shelf = Shelf(open_store())
    try:
        found = measure(shelf, name, _body(data), seconds)
    finally:
        shelf.close()
    parts = {part: getattr(found, part) for part in ("total", "instance", "inference", "rest")}
    if as_json:
        spreads = {part: dataclasses.asdict(spread) for part, spread in parts.items()}
        terminal.emit_json({"calls": found.calls, "cold": found.cold, "status": found.answer.status, **spreads})
        return
    table = Table("", "p50 µs", "p99 µs", box=None, header_style="bold")
    for part, spread in parts.items():
        table.add_row(part, f"{spread.p50 * 1e6:,.0f}", f"{spread.p99 * 1e6:,.0f}")
    terminal.out.print(table)
    terminal.out.print(
        f"{found.calls:,} calls; the first, from disk: {found.cold * 1e3:.1f} ms; status {found.answer.status}"
    )


def _quote(text: str) -> None:
    """What another program said."""
    if text:
        terminal.err.print(text.rstrip("\n"), markup=False, soft_wrap=True)


def _body(data: Path | None) -> bytes:
    if data is None:
        return b""
    return sys.stdin.buffer.read() if str(data) == "-" else data.read_bytes()


def _pairs(texts: list[str]) -> dict[str, Path]:
    pairs: dict[str, Path] = {}
    for text in texts:
        name, separator, file = text.partition("=")
        if not (name and separator and file):
            raise typer.BadParameter(f"{text!r} is not NAME=FILE", param_hint="--model")
        pairs[name] = Path(file)
    return pairs


def _summary(name: str, current: int, version: Any) -> dict[str, Any]:
    return {
        "name": name,
        "version": current,
        "route": version.route,
        "deployed": version.deployed,
        "models": version.models,
    }
