"""littoral function serve, token, tokens, revoke: functions over HTTP, and who may call them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from littoral.cli import options, terminal

if TYPE_CHECKING:
    from littoral.http.tokens import Tokens

_BODY = "32 MiB"


def serve(
    workers: Annotated[
        int | None, typer.Option("--workers", "-w", min=1, max=256, help="Processes; one a core.")
    ] = None,
    host: Annotated[str, typer.Option("--host", help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", "-p", min=0, max=65535, help="0: any that is free.")] = 8080,
    everybody: Annotated[bool, typer.Option("--open", help="Let everybody in, without tokens.")] = False,
    certificate: Annotated[
        Path | None, typer.Option("--tls-certificate", metavar="FILE", help="Serve HTTPS with this certificate (PEM).")
    ] = None,
    key: Annotated[Path | None, typer.Option("--tls-key", metavar="FILE", help="Its key, if in another file.")] = None,
    max_body: Annotated[str, typer.Option("--max-body", metavar="SIZE", help="The largest request.")] = _BODY,
    queue: Annotated[
        int, typer.Option("--queue", min=1, help="Requests of a function that may wait in a worker.")
    ] = 64,
    drain: Annotated[float, typer.Option("--drain", min=0, help="Seconds for requests to end on SIGTERM.")] = 30.0,
    modules: Annotated[
        list[str] | None, typer.Option("--import", metavar="MODULE", help="A Python module with host calls.")
    ] = None,
) -> None:
    """Serve the deployed functions at /functions/NAME until SIGTERM; a line of JSON a request on stderr."""
    from littoral.functions import gateway
    from littoral.functions.limits import parse_size
    from littoral.http.limits import Limits

    size = parse_size(max_body)
    if not size or size > 1 << 30:
        raise typer.BadParameter(f"{max_body!r} is no size up to 1 GiB, as in {_BODY!r}", param_hint="--max-body")
    if key is not None and certificate is None:
        raise typer.BadParameter("a key needs its certificate: --tls-certificate FILE", param_hint="--tls-key")
    wanted = gateway.settings(
        _folder(),
        workers,
        open=everybody,
        limits=Limits(body=size, held=max(8 * size, Limits().held)),
        certificate=str(certificate) if certificate else None,
        key=str(key) if key else None,
        modules=tuple(modules or ()),
    )
    wanted = dataclasses.replace(
        wanted,
        care=dataclasses.replace(wanted.care, drain=drain),
        shape=dataclasses.replace(wanted.shape, waiting=queue, waiting_in_all=4 * queue),
    )
    if everybody:
        terminal.note("everybody who reaches this address may call all functions")
    elif not _tokens().list():
        terminal.note("nobody has a token yet: littoral function token NAME makes one")
    gateway.serve(wanted, host, port, lambda address: print(address, flush=True))


def token(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The function that it opens.")] = None,
    rate: Annotated[float | None, typer.Option("--rate", metavar="N", help="Requests a second; any number.")] = None,
    burst: Annotated[
        float | None, typer.Option("--burst", metavar="N", help="Requests at once; those of a second.")
    ] = None,
    metrics: Annotated[bool, typer.Option("--metrics", help="It opens /metrics instead of a function.")] = False,
    as_json: options.Json = False,
) -> None:
    """Make a token for a function, and print it: it is not kept, only its hash."""
    from littoral.functions.application import METRICS, scope_of
    from littoral.functions.store import Store

    if (name is None) != metrics:
        raise typer.BadParameter("name a function, or --metrics", param_hint="NAME")
    if name is not None:
        Store(_folder()).record(name)
    text, made = _tokens().make(METRICS if name is None else scope_of(name), rate, burst)
    if as_json:
        terminal.emit_json({"token": text, "id": made.id, "scope": made.scope, "rate": rate, "burst": made.burst})
    else:
        print(text)


def tokens(as_json: options.Json = False) -> None:
    """List the tokens, without their secrets."""
    known = _tokens().list()
    if as_json:
        fields = ("id", "scope", "made", "rate", "burst")
        terminal.emit_json([{field: getattr(each, field) for field in fields} for each in known])
        return
    table = Table("id", "opens", "made", "requests a second", box=None, header_style="bold")
    for each in known:
        table.add_row(each.id, each.scope, each.made, "any" if each.rate is None else f"{each.rate:g}")
    terminal.out.print(table)


def revoke(identifier: Annotated[str, typer.Argument(metavar="ID", help="As tokens lists it.")]) -> None:
    """Forget a token: nobody gets in with it any more."""
    gone = _tokens().revoke(identifier)
    terminal.out.print(f"{gone.id}: revoked, opened {gone.scope}", markup=False)


def revoke_all(name: str) -> None:
    """Forgets the tokens of a function: whoever takes its name next has others."""
    from littoral.functions.application import scope_of

    known = _tokens()
    for each in known.list(scope_of(name)):
        known.revoke(each.id)


def _folder() -> Path:
    from littoral.runtime.home import data_folder

    return data_folder() / "functions"


def _tokens() -> Tokens:
    from littoral.functions.gateway import TOKENS
    from littoral.http.tokens import Tokens

    return Tokens(_folder() / TOKENS)
