"""What every command shares: where text goes, JSON, progress bars, and how an error ends the program.

Results go to stdout; progress, notes and errors go to stderr, so that `littoral ... --json | jq` always works.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from rich.console import Console

from littoral.errors import LittoralError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from littoral import check

DONE_NO, COULD_NOT = 1, 2

PIPE_WIDTH = 200  # columns where nobody looks: tables are not cut to the 80 that rich assumes


def _console(stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPE_WIDTH
    return console


out = _console(stderr=False)
err = _console(stderr=True)


def emit_json(value: Any) -> None:
    """Print one JSON document to stdout, exact: bytes as integers, seconds and ratios as floats."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def note(text: str) -> None:
    """One line for people, on stderr: something assumed or left out."""
    err.print(f"note: {text}", markup=False, soft_wrap=True)


@contextmanager
def progress_bar() -> Iterator[check.Progress]:
    """A progress callback: bars on a terminal, one plain line a stage elsewhere.

    The callback takes (stage, done, total); total is None where it is not known.
    """
    if err.is_terminal:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        with Progress(*columns, console=err, transient=True) as bars:
            yield _bars(bars)
    else:
        yield _lines()


def _bars(bars: Progress) -> check.Progress:
    tasks: dict[str, TaskID] = {}

    def report(stage: str, done: int, total: int | None) -> None:
        if stage not in tasks:
            tasks[stage] = bars.add_task(stage, total=total)
        bars.update(tasks[stage], completed=done, total=total)

    return report


def _lines() -> check.Progress:
    seen: set[str] = set()

    def report(stage: str, done: int, total: int | None) -> None:  # noqa: ARG001 - a line a stage says enough
        if stage not in seen:
            seen.add(stage)
            err.print(f"{stage} ...", markup=False, soft_wrap=True)

    return report


def fail(error: LittoralError | OSError) -> NoReturn:
    """Print the one line that an error is, and leave with exit code 2."""
    err.print(f"error: {_os_error(error) if isinstance(error, OSError) else error}", markup=False, soft_wrap=True)
    sys.exit(COULD_NOT)


def _os_error(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    remedy = {
        errno.ENOSPC: ". Free some space, or write elsewhere with -o",
        errno.EACCES: ". Check who may read and write there",
        errno.EROFS: ". Write elsewhere with -o",
    }.get(error.errno or 0, "")
    return f"{where}{error.strerror or error}{remedy}"
