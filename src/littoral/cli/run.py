"""littoral run MODEL INPUT...: what the model says of each picture."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from littoral.cli import options, terminal

if TYPE_CHECKING:
    from littoral.vision import Class


def command(
    model: options.ModelFile,
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT...", help="Pictures, or folders of pictures.")],
    labels: Annotated[Path | None, typer.Option("--labels", metavar="FILE", help="Names of the classes.")] = None,
    top_k: Annotated[int, typer.Option("--top-k", min=1, help="How many classes to show for each picture.")] = 5,
    device: options.Device = "cpu",
    threads: options.Threads = None,
    as_json: options.Json = False,
) -> None:
    """Classify pictures with a model file."""
    from littoral import load, vision
    from littoral.data import read_labels

    names = read_labels(labels) if labels else None
    answers: dict[str, list[Class]] = {}
    with load(model, device=device, threads=threads) as loaded:
        if loaded.contract_derived:
            terminal.note(f"{model} has no contract: the picture is read as its input tensor suggests")
        for picture in _pictures(inputs):
            answers[str(picture)] = vision.classify(loaded, picture, top_k=top_k, labels=names)
    if as_json:
        terminal.emit_json({name: [dataclasses.asdict(c) for c in classes] for name, classes in answers.items()})
    else:
        terminal.out.print(_table(answers))


def _pictures(inputs: list[Path]) -> list[Path]:
    from littoral.data import find_pictures

    return [p for given in inputs for p in (find_pictures(given) if given.is_dir() else [given])]


def _table(answers: dict[str, list[Class]]) -> Table:
    table = Table("picture", "class", "score", box=None, header_style="bold")
    for name, classes in answers.items():
        for row, answer in enumerate(classes):
            table.add_row(name if row == 0 else "", answer.label or str(answer.index), f"{answer.score:.3f}")
    return table
