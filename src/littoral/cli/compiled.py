"""What commands print of models that are compiled for the Edge TPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from pathlib import Path

    from littoral.coral import advice
    from littoral.coral.compiled import Compiled, Executable
    from littoral.coral.leftover import CpuOperator
    from littoral.coral.twins import Twins


def section(compiled: Compiled, found: Sequence[advice.Advice]) -> Group:
    """What runs on the chip, what does not, and what to do about it."""
    count = len(compiled.segments)
    head = (
        f"Edge TPU: {count} segment{'s' if count > 1 else ''}, runtime version {compiled.min_runtime_version} or newer"
    )
    parts: list[RenderableType] = [Text(head, style="bold"), _bytes(compiled), _layers(compiled)]
    if compiled.on_cpu:
        parts.append(_beside(compiled.on_cpu))
    parts += [Text(f"! {one.what}. {one.remedy}", style="yellow") for one in found]
    return Group(*parts)


def groups(found: Sequence[advice.Group]) -> list[Text]:
    """Which files were compiled together, a line a group."""
    words = {True: "segments of one pipeline, for a chip each", False: "compiled together, to share one chip"}
    return [Text(f"{words[one.pipeline]} (token {one.token}): {', '.join(one.members)}") for one in found]


def twins_page(twins: Twins, files: tuple[Path, Path], question: str) -> Group:
    """What two files have in common and what not, the verdict first."""
    verdict = f"{question}: {'yes' if twins.same else 'no'}, {files[0]} and {files[1]}"
    lines = [Text(verdict, style="bold green" if twins.same else "bold red")]
    lines += [Text(f"- {text}") for text in twins.differences]
    return Group(*lines, *(Text(f"+ {text}", style="dim") for text in twins.evidence))


def _bytes(compiled: Compiled) -> Table:
    """A row for each executable; what crosses to and from the chip is of one run."""
    table = _table("segment", "executable", "parameters", "instructions", "scratch", "to chip", "from chip", left=(1,))
    for number, segment in enumerate(compiled.segments):
        for one in segment.executables:
            traffic = one.traffic
            about = "" if traffic.exact else "~"
            crossing = f"{about}{traffic.to_chip:,}", f"{about}{traffic.from_chip:,}"
            sizes = (f"{size:,}" for size in (one.parameter_bytes, one.instruction_bytes, one.scratch_bytes))
            table.add_row(str(number), _words(one), *sizes, *crossing)
    return table


def _words(executable: Executable) -> Text:
    """Its type, and how often it runs."""
    often = "once" if executable.type == "parameter-caching" else "each inference"
    batch = "" if executable.batch == 1 else f", batch {executable.batch}"
    return Text(f"{executable.type}, {often}{batch} ({executable.chip})")


def _layers(compiled: Compiled) -> Table:
    table = _table("segment", "", "tensor", "y x z", "type", "scale", "zero point", "runs", left=(1, 2, 3, 4))
    for number, segment in enumerate(compiled.segments):
        for side, layers in (("in", segment.main.inputs), ("out", segment.main.outputs)):
            for layer in layers:
                shape = "x".join(str(size) for size in layer.shape)
                numbers = f"{layer.scale:.6g}", str(layer.zero_point), str(layer.executions)
                table.add_row(str(number), side, Text(layer.name), shape, layer.type, *numbers)
    return table


def _beside(operators: Sequence[CpuOperator]) -> Table:
    """Operators of the same name and status together; of what to change, the first."""
    rows: dict[tuple[str, str], list[CpuOperator]] = {}
    for one in operators:
        rows.setdefault((one.name, one.status), []).append(one)
    table = _table("on the processor", "count", "multiply-adds", "why", "what to change", left=(0, 3, 4))
    for (name, status), ones in rows.items():
        work = sum(one.macs for one in ones)
        table.add_row(Text(name), str(len(ones)), f"{work:,}" if work else "", status, Text(ones[0].change))
    return table


def _table(*names: str, left: tuple[int, ...]) -> Table:
    table = Table(box=None, header_style="bold")
    for index, name in enumerate(names):
        table.add_column(name, justify="left" if index in left else "right")
    return table
