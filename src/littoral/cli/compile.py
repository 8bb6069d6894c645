"""littoral compile MODEL: a quantized model file to one for an accelerator."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from littoral.cli import edgetpu, options, terminal
from littoral.cli.convert import Target


def command(
    model: options.ModelFile,
    target: Annotated[  # noqa: ARG001 - the only one so far; scripts that name it stay right
        Target, typer.Option("--target", help="What to compile for.")
    ] = Target.edgetpu,
    segments: Annotated[
        int, typer.Option("--segments", metavar="N", help="Cut the model for a pipeline of N Edge TPUs.")
    ] = 1,
    search_delegate: Annotated[
        bool, typer.Option("--search-delegate", help="If the whole does not compile, find the part that does.")
    ] = False,
    runtime_version: Annotated[
        int | None,
        typer.Option("--runtime-version", metavar="V", help="The oldest Edge TPU runtime to work with, 10 to 14."),
    ] = None,
    beside: Annotated[
        list[Path] | None,
        typer.Option("--with", metavar="OTHER", help="Repeatable: share the chip's memory with this model."),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where to write.")] = Path(),
    timeout: Annotated[float, typer.Option("--timeout", metavar="S", help="Seconds for the compiler.")] = 600.0,
    as_json: options.Json = False,
) -> None:
    """Compile a model file for the Edge TPU with Google's edgetpu_compiler.

    Writes DIR/NAME_edgetpu.tflite, or DIR/NAME_segment_I_of_N_edgetpu.tflite, with the contract of the model.
    Without the compiler it prints a prediction, and ends with exit code 2.
    Exit code 1 when nothing of a model runs on the Edge TPU.
    """
    from littoral.coral.compiler import HOW_TO_GET, PROGRAM, Request
    from littoral.errors import SourceError

    request = Request(segments, search_delegate, runtime_version, timeout)
    with terminal.progress_bar() as progress:
        made = edgetpu.outcome(model, output, request, beside or (), progress)
    if as_json:
        terminal.emit_json(made.to_json())
    else:
        terminal.out.print(made.page())
    if made.compilation is None:
        raise SourceError(f"{PROGRAM} is not on this machine", HOW_TO_GET)
    if not all(result.subgraphs for result in made.compilation.results):
        raise typer.Exit(terminal.DONE_NO)
