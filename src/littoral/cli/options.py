"""Options that several commands share, so that one word means one thing in all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ModelFile = Annotated[Path, typer.Argument(metavar="MODEL", help="A model file (.tflite).")]
Device = Annotated[
    str, typer.Option("--device", "-d", metavar="D", help="Where to run, as littoral devices lists them.")
]
Threads = Annotated[int | None, typer.Option("--threads", "-t", min=1, help="Threads; all cores when not given.")]
Samples = Annotated[int, typer.Option("--samples", "-n", min=1, help="How many samples to draw from the data.")]
Seed = Annotated[int, typer.Option("--seed", help="The draw of samples is the same for the same seed.")]
Contract = Annotated[
    Path | None,
    typer.Option("--contract", metavar="FILE", help="How a picture becomes a tensor (JSON)."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for scripts.")]


def share(text: str) -> float:
    """A share from "1%" or "0.01"; 0 to 1."""
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a share: write 1% or 0.01") from None
    if not 0 <= value <= 1:
        raise typer.BadParameter(f"{text!r} is not between 0 and 100%")
    return value
