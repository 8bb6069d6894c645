"""littoral webnn: limits of browsers, and what a model file becomes there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from littoral.cli import conformance, terminal

if TYPE_CHECKING:
    from littoral.tflite import Graph
    from littoral.webnn.from_model import Mapped

app = typer.Typer(help="Web Neural Network API: what browsers take, what our contexts do.", no_args_is_help=True)
app.command("conformance")(conformance.command)


@app.command()
def limits(
    browser: Annotated[
        Path | None,
        typer.Option("--browser", envvar="LITTORAL_BROWSER", metavar="PATH", help="A Chromium with a WebNN backend."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write; printed when not given.")
    ] = None,
    flags: Annotated[
        list[str] | None, typer.Option("--flag", metavar="FLAG", help="A further flag to start the browser with.")
    ] = None,
) -> None:
    """Record what a browser takes: its opSupportLimits, for littoral inspect --device webnn --limits FILE."""
    from littoral.export.browser import find
    from littoral.webnn.limits.record import FLAGS, record

    found = record(find(browser), (*FLAGS, *(flags or ())))
    if output is None:
        terminal.out.out(found.to_json(), end="", highlight=False)
    else:
        _write(output, found.to_json())
        terminal.out.print(f"{output}: {found.name}, {len(found.operations)} operations", markup=False)


def _write(file: Path, text: str) -> None:
    draft = file.with_name(f".{file.name}.part")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def mapping(graph: Graph, name_or_path: str) -> tuple[dict[str, Any], Group]:
    """What a model file becomes by the limits of a browser: for scripts, and as a page.

    Raises:
        DataError: There are no such limits.
    """
    from littoral import check
    from littoral.tflite import macs
    from littoral.webnn.from_model import explain
    from littoral.webnn.limits import load

    known = load(name_or_path)
    operators = explain(graph, known)
    work = [macs(graph, 0, one.operator) for one in operators]
    mapped = [n for one, n in zip(operators, work, strict=True) if not one.reason]
    share = sum(mapped) / sum(work) if sum(work) else len(mapped) / max(len(operators), 1)
    summary = {
        "limits": known.name,
        "mapped": len(mapped),
        "accelerated": share,
        "operators": [check.encode(one) | {"macs": n} for one, n in zip(operators, work, strict=True)],
    }
    head = f"{known.name}: {len(mapped)} of {len(operators)} operators map, with {share:.1%} of the multiply-adds"
    parts: list[Any] = [Text(f"\non webnn, {head}"), _table(operators, work)]
    if any("quantizeLinear" in one.calls for one in operators):
        takes = ", ".join(known.operations["conv2d"]["input"].data_types) if "conv2d" in known.operations else "none"
        parts.append(Text(_EMULATED.format(takes=takes), style="dim"))
    return summary, Group(*parts)


_EMULATED = (
    "conv2d takes {takes} there: quantized operators become dequantizeLinear, the operation in float32, and "
    "quantizeLinear, which a browser may fuse again"
)


def _operations(calls: Sequence[str]) -> str:
    """Each operation once; those that only change between stored and real values where there is nothing else."""
    inner = dict.fromkeys(call for call in calls if call not in ("dequantizeLinear", "quantizeLinear"))
    return " ".join(inner or dict.fromkeys(calls)) or "nothing to do"


def _table(operators: Sequence[Mapped], work: Sequence[int]) -> Table:
    """Operators that become the same for the same reason, together."""
    rows: dict[tuple[str, str, str], list[int]] = {}
    for one, macs in zip(operators, work, strict=True):
        calls = "✗" if one.reason else _operations(one.calls)
        why = f"{one.reason}. {one.remedy}" if one.reason else one.note
        rows.setdefault((one.name, calls, why), []).append(macs)
    table = Table(box=None, header_style="bold")
    table.add_column("operator")
    for column in ("count", "multiply-adds"):
        table.add_column(column, justify="right")
    for column in ("becomes", "note, or why not and what helps"):
        table.add_column(column)
    for (name, calls, why), macs_of in rows.items():
        total = sum(macs_of)
        table.add_row(Text(name), str(len(macs_of)), f"{total:,}" if total else "", Text(calls), Text(why))
    return table
