"""littoral doctor: what is there for Coral's Edge TPU, what is wrong, and the next command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from littoral.cli import options, terminal

if TYPE_CHECKING:
    from littoral.coral.doctor import Examination

_SIGNS = {"ok": ("✓", "green"), "note": ("·", "dim"), "warning": ("!", "yellow"), "error": ("✗", "red")}


def command(
    models: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[MODEL]...", help="Compiled models to run on each chip, for the hardware report."),
    ] = None,
    hardware_report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all of it, and how fast the models run, as JSON.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Say what is wrong with Coral devices and what to do. Exit code 0 when a chip works, 1 when none does."""
    from littoral.coral.doctor import examine

    if models and hardware_report is None:
        raise typer.BadParameter("models are run for --hardware-report FILE", param_hint="MODEL")
    examination = examine()
    if hardware_report is not None:
        _report(examination, models or [], hardware_report)
    if as_json:
        terminal.emit_json(examination.summary())
    else:
        _show(examination)
    if not examination.working:
        raise typer.Exit(terminal.DONE_NO)


def _show(examination: Examination) -> None:
    for finding in examination.findings:
        sign, colour = _SIGNS[finding.level]
        terminal.out.print(Text.assemble((sign, colour), f" {finding.what}"), soft_wrap=True)
        if finding.remedy:
            terminal.out.print(Text(f"  → {finding.remedy}"), soft_wrap=True)
    working = ", ".join(chip.stable for chip in examination.working)
    last = f"Ready: {working}" if working else f"No chip works. Next: {examination.next_step}"
    terminal.out.print(Text(last, "bold"), soft_wrap=True)


def _report(examination: Examination, models: list[Path], file: Path) -> None:
    from littoral.coral.report import hardware_report, write_report

    write_report(hardware_report(examination, _run(examination, models)), file)
    terminal.note(f"{file} holds the report: have a look at it before you send it")


def _run(examination: Examination, models: list[Path]) -> list[dict[str, Any]]:
    """How fast each model runs on each chip that works, one thread at a time."""
    from littoral import check

    devices = [chip.stable for chip in examination.working]
    if not models or not devices:
        return []
    with terminal.progress_bar() as progress:
        return [check.encode(row) for row in check.bench(models, devices=devices, threads=(1,), progress=progress)]
