"""littoral run MODEL INPUT...: what the model says of each picture, as a table, as JSON, and drawn."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from littoral.cli import drawings, options, terminal

if TYPE_CHECKING:
    from littoral.vision import Answer, Pose


class Task(str, Enum):
    """What a model is for."""

    classify = "classify"
    detect = "detect"
    segment = "segment"
    pose = "pose"


def command(
    model: options.ModelFile,
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT...", help="Pictures, or folders of pictures.")],
    task: Annotated[Task | None, typer.Option("--task", help="What the model is for; else its outputs tell.")] = None,
    labels: Annotated[Path | None, typer.Option("--labels", metavar="FILE", help="Names of the classes.")] = None,
    top_k: Annotated[
        int | None, typer.Option("--top-k", min=1, help="At most so many answers a picture; 5 classes, all else.")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option("--threshold", metavar="X", help="The smallest score of an object or a pose.")
    ] = None,
    draw: Annotated[
        Path | None,
        typer.Option("--draw", metavar="OUT", help="Draw the answer: a .png or .jpg file; a folder for several."),
    ] = None,
    contract: options.Contract = None,
    device: options.Device = "cpu",
    threads: options.Threads = None,
    as_json: options.Json = False,
) -> None:
    """Answer pictures with a model file: classes, objects, masks or poses."""
    from littoral import load, vision
    from littoral.data import Contract, read_labels

    pictures = _pictures(inputs)
    files = drawings.plan(draw, pictures) if draw else []
    names = read_labels(labels) if labels else None
    wanted = Contract.load(contract) if contract else None
    answers: dict[str, Answer] = {}
    with load(model, device=device, threads=threads, contract=wanted) as loaded:
        if loaded.contract_derived:
            terminal.note(f"{model} has no contract: the picture is read as its input tensor suggests")
        kind = task.value if task else vision.task(loaded)
        for index, picture in enumerate(pictures):
            found = vision.answer(loaded, picture, kind, threshold=threshold, top_k=top_k, labels=names)
            answers[str(picture)] = found
            if files:
                drawings.save(vision.draw(picture, found), files[index])
    if as_json:
        terminal.emit_json({name: _encode(found) for name, found in answers.items()})
    else:
        terminal.out.print(_table(kind, answers))


def _pictures(inputs: list[Path]) -> list[Path]:
    from littoral.data import find_pictures

    return [p for given in inputs for p in (find_pictures(given) if given.is_dir() else [given])]


def _encode(answer: Answer) -> Any:
    from littoral.vision import Segmentation

    if isinstance(answer, Segmentation):
        height, width = answer.classes.shape
        return {"width": width, "height": height, "classes": [dataclasses.asdict(share) for share in answer.shares]}
    return [dataclasses.asdict(found) for found in answer]


_COLUMNS = {
    "classify": ("class", "score"),
    "detect": ("object", "score", "left", "top", "right", "bottom"),
    "segment": ("class", "share", "pixels"),
    "pose": ("person", "score", "keypoint", "x", "y", "score"),
}


def _table(kind: str, answers: dict[str, Answer]) -> Table:
    table = Table("picture", box=None, header_style="bold")
    for column in _COLUMNS[kind]:
        words = column in ("class", "object", "person", "keypoint")
        table.add_column(column, justify="left" if words else "right")
    for name, answer in answers.items():
        first = name
        for row in _rows(answer):
            table.add_row(Text(first), *map(Text, row))
            first = ""
        if first:
            table.add_row(Text(first), Text("nothing found", style="dim"))
    return table


def _rows(answer: Answer) -> Iterator[tuple[str, ...]]:
    """The cells of each answer, in the columns of its task."""
    from littoral.vision import Class, Object, Segmentation

    if isinstance(answer, Segmentation):
        for share in answer.shares:
            yield share.label or str(share.index), f"{share.share:.1%}", f"{share.pixels:,}"
        return
    several: Sequence[Class | Object | Pose] = answer
    for number, found in enumerate(several, 1):
        score = f"{found.score:.3f}"
        if isinstance(found, Class):
            yield found.label or str(found.index), score
        elif isinstance(found, Object):
            sides = dataclasses.astuple(found.box)
            yield found.label or str(found.index), score, *(f"{side:.1f}" for side in sides)
        else:
            person = str(number), score
            for point in found.keypoints:
                yield *person, point.name, f"{point.x:.1f}", f"{point.y:.1f}", f"{point.score:.3f}"
                person = "", ""
