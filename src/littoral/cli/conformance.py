"""littoral webnn conformance DIR: the W3C test-suite's data on our WebNN contexts."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from littoral.cli import options, terminal

if TYPE_CHECKING:
    from littoral.webnn.conformance import Conformance, Outcome


def command(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="Folders of the data, one JSON an operation.")
    ],
    device: options.Device = "cpu",
    threads: options.Threads = None,
    as_json: options.Json = False,
) -> None:
    """Run the test-suite's data on a WebNN context: passed and failed by operation, and every failure's reason.

    Exit code 1 where a test fails that is not listed as a known gap of the device, or one listed passes.
    """
    from littoral.webnn import conformance

    with terminal.progress_bar() as progress:
        found = conformance.run(folders, device, threads=threads, progress=progress)
    if as_json:
        terminal.emit_json(_encode(found))
    else:
        terminal.out.print(_page(found))
    if not found.ok:
        raise typer.Exit(terminal.DONE_NO)


def _encode(found: Conformance) -> dict[str, Any]:
    return {
        "device": found.device,
        "ok": found.ok,
        "share": found.share,
        "total": dict(found.total),
        "untested": list(found.untested),
        "operations": {name: dict(counts) for name, counts in found.table.items()},
        "tests": [dataclasses.asdict(outcome) for outcome in found.outcomes],
    }


def _page(found: Conformance) -> Group:
    untested = f"no test of {', '.join(found.untested)} passes" if found.untested else "each operation passes a test"
    tests = len(found.outcomes) - found.total["other form"]
    words = f"{found.device}: {found.total['passed']} of {tests} tests pass ({found.share:.2%}); {untested}"
    return Group(_table(found), *_reasons(found.outcomes), Text(words, "green" if found.ok else "red"))


def _table(found: Conformance) -> Table:
    from littoral.webnn.conformance import STATUSES

    table = Table(box=None, header_style="bold")
    table.add_column("operation")
    for status in STATUSES:
        table.add_column(status, justify="right")
    for name, counts in found.table.items():
        table.add_row(Text(name), *(str(counts[status] or "") for status in STATUSES))
    table.add_section()
    table.add_row("all", *(str(found.total[status]) for status in STATUSES), style="bold")
    return table


def _reasons(outcomes: Sequence[Outcome]) -> list[Text]:
    """Everything that did not pass, and what passed although it is listed as a gap."""
    lines = [Text(f"✗ {_named(each)}: {each.reason}", "red") for each in outcomes if each.status == "failed"]
    stale = "passes, and is listed as a known gap"
    lines += [Text(f"✗ {_named(each)}: {stale}", "red") for each in outcomes if each.stale]
    for status in ("known gap", "other form"):
        lines += [Text(f"{status}: {_named(each)}: {each.reason}") for each in outcomes if each.status == status]
    return lines


def _named(outcome: Outcome) -> str:
    """The names of most tests begin with the operation."""
    return outcome.name if outcome.name.startswith(outcome.subject) else f"{outcome.file}: {outcome.name}"
