"""What commands print of the Edge TPU compiler: what it made, and what it is expected to make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from littoral.check import Progress, Report
    from littoral.coral.compiler import Compilation, Request
    from littoral.coral.placement import OperatorPrediction, Prediction


@dataclass(frozen=True)
class Outcome:
    """A model file's prediction, and what the compiler made of it: None where there is no compiler."""

    prediction: Prediction
    compilation: Compilation | None = None

    def to_json(self) -> dict[str, Any]:
        """For --json."""
        from littoral import check

        made = self.compilation
        files = {"files": [str(file) for file in made.files]} if made else {}
        return {
            "target": "edgetpu",
            "prediction": check.encode(self.prediction),
            "compilation": check.encode(made) | files if made else None,
        }

    def page(self) -> Group:
        """For people: what is known if it is, else what is expected."""
        return compiled_page(self.compilation) if self.compilation else predicted_page(self.prediction)


def outcome(
    model: Path, folder: Path, request: Request, beside: Sequence[Path] = (), progress: Progress | None = None
) -> Outcome:
    """Predict, and compile where the compiler is.

    Raises:
        SourceError: The compiler is here and fails.
        ModelFileError: The file is no model file, or is compiled already.
    """
    from littoral.coral import compiler, placement
    from littoral.coral.rules import NEWEST_RUNTIME
    from littoral.tflite import read

    graph = read(model)
    placement.refuse_compiled(graph, model.name)
    prediction = placement.predict(graph, request.runtime_version or NEWEST_RUNTIME)
    if compiler.find() is None:
        return Outcome(prediction)
    return Outcome(prediction, compiler.compile(model, folder, request, beside=beside, progress=progress))


def compiled(report: Report, folder: Path, progress: Progress | None) -> Outcome:
    """The outcome of the full-int8 file that a conversion made."""
    from littoral.coral.compiler import Request

    file = next(one.name for one in report.measurements if one.recipe == "full-int8")
    return outcome(folder / file, folder, Request(), progress=progress)


def predicted_page(prediction: Prediction) -> Group:
    """A prediction, always called so."""
    total = len(prediction.operators)
    head = (
        f"Prediction for the Edge TPU, runtime {prediction.runtime_version}: {prediction.mapped} of {total} operators "
        f"will run on it, with {prediction.accelerated:.1%} of the multiply-adds"
    )
    parts: list[RenderableType] = [Text(head, style="bold")]
    parts += [Text(f"✗ the compiler will refuse it: {one.cause}. {one.remedy}", "red") for one in prediction.obstacles]
    parts.append(_table(prediction.operators))
    if prediction.mapped:
        parts.append(Text(_memory(prediction)))
    return Group(*parts)


def _table(operators: Sequence[OperatorPrediction]) -> Table:
    """One row an operator name and status; of what to change, the first of each."""
    rows: dict[tuple[str, str], list[OperatorPrediction]] = {}
    for one in operators:
        rows.setdefault((one.name, one.status), []).append(one)
    table = _columns("operator", "count", "status", "what to change")
    for (name, status), ones in rows.items():
        table.add_row(Text(name), str(len(ones)), status, Text(ones[0].change))
    return table


def _memory(prediction: Prediction) -> str:
    from littoral.check.words import size

    memory = prediction.memory
    need = f"Parameters take about {size(memory.parameters)} of the chip, activations {size(memory.activations)}"
    return f"{need}: they fit." if memory.fits else f"{need}: about {size(memory.streamed)} stream at every inference."


def compiled_page(compilation: Compilation) -> Group:
    """What the compiler says that it made."""
    from littoral.check.words import size

    parts: list[RenderableType] = []
    for file, result in zip(compilation.files, compilation.results, strict=True):
        total = result.operators or sum(row.count for row in result.table)
        parts += [
            Text(f"{file}: {result.mapped} of {total} operators run on the Edge TPU", style="bold"),
            Text(
                f"parameters: {size(result.on_chip)} on the chip, {size(result.off_chip)} sent at every inference; "
                f"{size(result.remaining)} of the chip are left"
            ),
        ]
        table = _columns("operator", "count", "status")
        for row in result.table:
            table.add_row(Text(row.operator), str(row.count), Text(row.status))
        parts.append(table)
    return Group(*parts, Text(f"edgetpu_compiler {compilation.version}, {compilation.seconds:.1f} s", style="dim"))


def _columns(*names: str) -> Table:
    table = Table(box=None, header_style="bold")
    for name in names:
        table.add_column(name, justify="right" if name == "count" else "left")
    return table
