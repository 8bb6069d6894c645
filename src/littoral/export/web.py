"""A model file as a web page: a program for WebNN, its weights, a script without dependencies, and a page around it."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from littoral.data import Contract
from littoral.errors import InputError, LittoralError, SourceError
from littoral.export import litertjs
from littoral.export.edges import Detection, cut_detection, plain_edges
from littoral.export.publish import check_place, publish
from littoral.export.script import script
from littoral.export.weights import pack
from littoral.runtime import Model, TensorInfo, load
from littoral.runtime.names import main_inputs, main_outputs
from littoral.tflite import Graph, write
from littoral.vision import task as task_of
from littoral.vision.detect import roles

FORMAT = 1
DESCRIPTION = "model.json"
ANCHORS = "anchors.bin"  # of detectors
SHIPPED = (
    "index.html",
    "demo.js",
    "littoral-web.js",
    "detection.js",
    "litert.js",
    "littoral-web.d.ts",
    "service-worker.js",
)

_ZEROS = "0" * 64  # in place of a file's own hash while it is computed


@dataclass(frozen=True)
class Exported:
    """A site that was made.

    Attributes:
        folder: Where it is.
        task: What the page shows: "classify", "detect", "segment", "pose"; None where the outputs do not tell.
        calls: Of the WebNN program; 0 where there is none.
        unmapped: Why there is no program; empty where there is one.
        page: Bytes that a browser with WebNN fetches.
        fallback: Bytes that another one fetches; 0 where LiteRT.js was left out.
        files: Path in the folder, and bytes, of each file.
    """

    folder: Path
    task: str | None
    calls: int
    unmapped: str
    page: int
    fallback: int
    files: tuple[tuple[str, int], ...]


def to_web(
    model: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    contract: Contract | None = None,
    labels: Sequence[str] | None = None,
    task: str | None = None,
    fallback: bool = True,
) -> Exported:
    """Makes a folder that any static web server serves. Quantized inputs and outputs become real numbers in it.

    Args:
        model: A model file.
        folder: Where to. It appears whole, and takes the place of an earlier site.
        contract: In place of the file's.
        labels: In place of the contract's.
        task: What the page is for; found out by the model's outputs when it is not said.
        fallback: Put LiteRT.js and the model file in, for browsers without WebNN.

    Raises:
        ModelFileError: The model file is refused.
        ContractError: The contract is not this model's.
        InputError: There is no such task.
        SourceError: The model runs in no browser, the folder holds something else, or LiteRT.js cannot be had.
    """
    path, folder = Path(model), Path(folder)
    check_place(folder, DESCRIPTION)
    with load(path, contract=contract) as loaded:
        contract = loaded.contract if labels is None else replace(loaded.contract, labels=tuple(labels))
        cut, detection = cut_detection(loaded.graph, str(path))
        graph = plain_edges(cut)
        edges = _edges(loaded, graph, detection)
        kind, found = _task(loaded, task), roles(loaded)
        about = {
            "name": path.stem,
            "task": kind,
            "contract": _contract(contract, loaded.inputs),
            "roles": vars(found) if found else None,
        }
    with publish(folder, DESCRIPTION) as site:
        for name in SHIPPED:
            (site / name).write_bytes((files("littoral.export") / "site" / name).read_bytes())
        program, unmapped = _program(graph, site)
        _check_runnable(graph, unmapped, path, fallback)
        rest = {"program": program, "unmapped": unmapped, "fallback": _fallback(graph, site) if fallback else None}
        if detection:
            (site / ANCHORS).write_bytes(detection.anchors.astype("<f4").tobytes())
            edges["detection"]["anchors"] = _entry(site / ANCHORS)
        _describe(site, {**about, **edges, **rest})
        return _exported(site, folder, kind, program, unmapped)


def _contract(contract: Contract, inputs: Sequence[TensorInfo]) -> dict[str, Any]:
    """What a page needs of it, with its inputs named as the page names them."""
    names = {info.tensor: info.name for info in inputs} | {info.name: info.name for info in inputs}
    pictures = [{**vars(entry), "name": names.get(entry.name, inputs[0].name)} for entry in contract.inputs]
    return {"inputs": pictures, "labels": contract.labels, "recipe": contract.recipe}


def _task(model: Model, wanted: str | None) -> str | None:
    from littoral.vision import TASKS

    if wanted is not None and wanted not in TASKS:
        raise InputError(f"there is no task {wanted!r}", f"Accepted: {', '.join(TASKS)}")
    try:
        return wanted or task_of(model)
    except InputError:
        return None


def _program(graph: Graph, site: Path) -> tuple[dict[str, Any] | None, str]:
    """The program for the page, its weights written; or None, and why."""
    from littoral.webnn.from_model import lower

    try:
        program = lower(graph)
    except LittoralError as error:
        return None, error.cause
    stored, data, inflated = pack(program.constants.values())
    (site / "weights.bin").write_bytes(data)
    inputs, outputs = ([info.name for info in infos] for infos in (main_inputs(graph), main_outputs(graph)))
    weights = {**_entry(site / "weights.bin"), "inflated": inflated}
    return {"weights": weights, **script(program, inputs, outputs, stored)}, ""


def _check_runnable(graph: Graph, unmapped: str, path: Path, fallback: bool) -> None:
    if not unmapped:
        return
    custom = {operator.name for operator in graph.main.operators if operator.code.custom_code}
    if custom:
        raise SourceError(
            f"{path} has {', '.join(sorted(custom))}, which no browser runs", "Export the model without it"
        )
    if not fallback:
        raise SourceError(
            f"{path} does not run by WebNN alone: {unmapped}", "Export it with LiteRT.js: no --no-fallback"
        )


def _fallback(graph: Graph, site: Path) -> dict[str, Any]:
    write(graph, site / "model.tflite")
    return {"model": _entry(site / "model.tflite"), "runtime": f"{litertjs.add(site)}/"}


def _edges(model: Model, graph: Graph, detection: Detection | None) -> dict[str, Any]:
    """Inputs and outputs by the model's names, as the page's graph has them in the same order; and what it lacks."""
    given = [_described(info.name, info) for info in main_outputs(graph)]
    inputs = [_described(was.name, info) for was, info in zip(model.inputs, main_inputs(graph), strict=True)]
    if detection is None:
        outputs = [{**each, "name": was.name} for was, each in zip(model.outputs, given, strict=True)]
        return {"inputs": inputs, "outputs": outputs, "detection": None}
    room = detection.options["max_detections"] * detection.options["max_classes_per_detection"]
    shapes = dict(zip(detection.places, ([1, room, 4], [1, room], [1, room], [1]), strict=True))
    outputs = [
        {"name": info.name, "shape": shapes.get(i), "dataType": "float32"} for i, info in enumerate(model.outputs)
    ]
    for place, whole in detection.kept:
        outputs[whole] = {**given[place], "name": outputs[whole]["name"]}
    rest = {key: value for key, value in vars(detection).items() if key != "anchors"}
    return {"inputs": inputs, "outputs": outputs, "detection": {"given": given, **rest}}


def _described(name: str, info: TensorInfo) -> dict[str, Any]:
    return {"name": name, "shape": info.shape, "dataType": info.dtype.name}


def _entry(file: Path) -> dict[str, Any]:
    data = file.read_bytes()
    return {"file": file.name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _describe(site: Path, description: dict[str, Any]) -> None:
    """Writes model.json, with its own hash at the start: that of the text in which the hash is zeros."""
    whole = {"sha256": _ZEROS, "format": FORMAT, **description}
    text = json.dumps(whole, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    own = hashlib.sha256(text.encode()).hexdigest()
    (site / DESCRIPTION).write_text(text.replace(_ZEROS, own, 1), encoding="utf-8")


def _exported(site: Path, folder: Path, task: str | None, program: dict[str, Any] | None, unmapped: str) -> Exported:
    sizes = {str(path.relative_to(site)): path.stat().st_size for path in sorted(site.rglob("*")) if path.is_file()}
    page = sum(sizes[name] for name in ("index.html", "demo.js", "littoral-web.js", DESCRIPTION))
    if ANCHORS in sizes:
        page += sizes["detection.js"] + sizes[ANCHORS]
    # Of the variants of LiteRT.js a browser fetches one; they hardly differ in size.
    wasm = sum(size for name, size in sizes.items() if "/" in name and not re.search("_(compat|threaded)_", name))
    fallback = page + wasm + sizes["litert.js"] + sizes["model.tflite"] if wasm else 0
    calls = len(program["calls"]) if program else 0
    return Exported(
        folder, task, calls, unmapped, page + sizes["weights.bin"] if program else 0, fallback, tuple(sizes.items())
    )
