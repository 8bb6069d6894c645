"""littoral inspect MODEL: what is in a model file."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from littoral.cli import compiled as pages
from littoral.cli import edgetpu, options, terminal, webnn

if TYPE_CHECKING:
    from littoral.coral.compiled import Compiled
    from littoral.tflite import Graph, Tensor


def command(
    models: Annotated[list[Path], typer.Argument(metavar="MODEL...", help="Model files (.tflite).")],
    device: Annotated[
        str | None,
        typer.Option("--device", "-d", metavar="D", help="Also show where each operator runs there, and why."),
    ] = None,
    limits: Annotated[
        str,
        typer.Option(
            "--limits", metavar="FILE", help="Of the browser for --device webnn, as littoral webnn limits wrote."
        ),
    ] = "chromium",
    as_json: options.Json = False,
) -> None:
    """Show a model file: inputs, outputs, operators, weights, contract; with a device, who runs what.

    Of models compiled for the Edge TPU: what the chip keeps, streams and exchanges; of several, which were compiled
    together. Of others, --device coral predicts what the compiler will make of them, and --device webnn what a
    browser will.
    """
    from littoral import check, tflite
    from littoral.coral import advice
    from littoral.coral.compiled import is_compiled, read_compiled

    graphs = {model: tflite.read(model) for model in models}
    chips = {model: read_compiled(graph, str(model)) for model, graph in graphs.items() if is_compiled(graph)}
    found = [_inspect(graph, model, device, limits, chips.get(model)) for model, graph in graphs.items()]
    groups = advice.groups({str(model): compiled for model, compiled in chips.items()})
    if as_json:
        summaries = [summary for summary, _ in found]
        terminal.emit_json(summaries[0] if len(models) == 1 else {"files": summaries, "groups": check.encode(groups)})
    else:
        for summary, sections in found:
            terminal.out.print(_page(summary), *sections, sep="\n", end="\n\n" if len(found) > 1 else "\n")
        terminal.out.print(*pages.groups(groups), sep="\n", end="\n" if groups else "")


def _inspect(
    graph: Graph, model: Path, device: str | None, limits: str, compiled: Compiled | None
) -> tuple[dict[str, Any], list[Group]]:
    """What scripts get of one file, and what people see behind its page."""
    from littoral import check
    from littoral.coral.advice import advise
    from littoral.coral.placement import predict

    summary = _summary(graph, model)
    if compiled is not None:
        advice = advise(compiled)
        summary["edgetpu"] = check.encode(compiled) | {"advice": check.encode(advice)}
    if device is not None and device.partition(":")[0] == "coral" and compiled is None:
        prediction = predict(graph)
        return summary | {"prediction": check.encode(prediction)}, [edgetpu.predicted_page(prediction)]
    if device == "webnn":
        found, page = webnn.mapping(graph, limits)
        return summary | {"webnn": found}, [page]
    if device is not None:
        summary["placement"] = _placement(model, device)
    return summary, [] if compiled is None else [pages.section(compiled, advice)]


def _summary(graph: Graph, path: Path) -> dict[str, Any]:
    from littoral.runtime import contract_of

    contract = contract_of(graph)
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "description": graph.description or "",
        "contract": json.loads(contract.to_json()) if contract else None,
        "subgraphs": len(graph.subgraphs),
        "inputs": [_tensor(graph.main.tensors[i]) for i in graph.main.inputs],
        "outputs": [_tensor(graph.main.tensors[i]) for i in graph.main.outputs],
        "signatures": [s.key for s in graph.signatures],
        "metadata": [entry.name for entry in graph.metadata],
        "weights_bytes": sum(
            {id(t.buffer): t.data.nbytes for s in graph.subgraphs for t in s.tensors if t.data is not None}.values()
        ),
        "operators": [row for index in range(len(graph.subgraphs)) for row in _operators(graph, index)],
    }


def _placement(model: Path, device: str) -> dict[str, Any]:
    """Who runs each operator, from a model that is loaded for it."""
    from littoral import load

    with load(model, device) as loaded:
        found = loaded.placement
        return {
            "device": loaded.device,
            "notes": list(loaded.notes),
            "accelerated": found.accelerated,
            "operators": [dataclasses.asdict(place) for place in found.operators],
        }


def _tensor(tensor: Tensor) -> dict[str, Any]:
    quantization = tensor.quantization
    quantized = quantization is not None and len(quantization.scale) > 0
    return {
        "name": tensor.name,
        "shape": list(tensor.shape_signature or tensor.shape),
        "type": tensor.type.name.lower(),
        "scale": float(quantization.scale[0]) if quantization and quantized else None,
        "zero_point": int(quantization.zero_point[0]) if quantization and quantized else None,
    }


def _operators(graph: Graph, index: int) -> list[dict[str, Any]]:
    """A row for each kind of operator and type of its first output: how many, and their multiply-adds."""
    from littoral.tflite import macs

    subgraph = graph.subgraphs[index]
    counts: Counter[tuple[str, str]] = Counter()
    work: Counter[tuple[str, str]] = Counter()
    for number, operator in enumerate(subgraph.operators):
        kind = subgraph.tensors[operator.outputs[0]].type.name.lower() if operator.outputs else "-"
        counts[operator.name, kind] += 1
        work[operator.name, kind] += macs(graph, index, number)
    return [
        {"subgraph": subgraph.name or "main", "operator": name, "type": kind, "count": n, "macs": work[name, kind]}
        for (name, kind), n in sorted(counts.items(), key=lambda item: (-work[item[0]], -item[1], item[0]))
    ]


def _page(summary: dict[str, Any]) -> Group:
    head = Text(f"{summary['file']}  {summary['bytes']:,} bytes, {summary['weights_bytes']:,} of them weights")
    parts: list[Any] = [head, Text(summary["description"], style="dim")] if summary["description"] else [head]
    parts += [_edges(summary), _operator_table(summary), *_contract(summary["contract"])]
    for name in ("signatures", "metadata"):
        if summary[name]:
            parts.append(Text(f"{name}: {', '.join(str(item) for item in summary[name])}"))
    return Group(*parts, *_placement_table(summary["placement"])) if "placement" in summary else Group(*parts)


def _placement_table(placement: dict[str, Any]) -> list[Any]:
    """Operators that run in the same place for the same reason, together."""
    rows: dict[tuple[str, str, str], list[int]] = {}
    for place in placement["operators"]:
        rows.setdefault((place["runner"], place["name"], place["reason"]), []).append(place["macs"])
    table = Table(box=None, header_style="bold")
    for column in ("runs on", "operator"):
        table.add_column(column)
    for column in ("count", "multiply-adds"):
        table.add_column(column, justify="right")
    table.add_column("why not on the accelerator")
    for (runner, name, reason), work in rows.items():
        table.add_row(runner, Text(name), str(len(work)), f"{sum(work):,}" if sum(work) else "", Text(reason))
    share = f"{placement['accelerated']:.1%} of the multiply-adds are accelerated"
    return [Text(f"\non {placement['device']}: {share}"), *map(Text, placement["notes"]), table]


def _edges(summary: dict[str, Any]) -> Table:
    table = Table("", "name", "shape", "type", "scale", "zero point", box=None, header_style="bold")
    for side in ("inputs", "outputs"):
        for tensor in summary[side]:
            scale = "" if tensor["scale"] is None else f"{tensor['scale']:.6g}"
            zero_point = "" if tensor["scale"] is None else str(tensor["zero_point"])
            shape = "x".join("?" if n < 0 else str(n) for n in tensor["shape"]) or "scalar"
            table.add_row(side[:-1], Text(tensor["name"]), shape, tensor["type"], scale, zero_point)
    return table


def _operator_table(summary: dict[str, Any]) -> Table:
    table = Table(box=None, header_style="bold")
    for column in ("operator", "type"):
        table.add_column(column)
    for column in ("count", "multiply-adds"):
        table.add_column(column, justify="right")
    for row in summary["operators"]:
        table.add_row(Text(row["operator"]), row["type"], str(row["count"]), f"{row['macs']:,}" if row["macs"] else "")
    return table


def _contract(contract: dict[str, Any] | None) -> list[Text]:
    if contract is None:
        return [
            Text(
                "contract: none, so a picture is read as the input tensor suggests; --contract FILE says more",
                style="dim",
            )
        ]
    lines = [f"contract: {json.dumps(entry)}" for entry in contract["inputs"]]
    labels = contract.get("labels") or []
    if labels:
        lines.append(f"labels: {len(labels)} ({', '.join(labels[:5])}{', ...' if len(labels) > 5 else ''})")
    return [Text(line) for line in lines]
