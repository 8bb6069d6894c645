"""A model file for each device: one model in several forms, as before and after it was compiled for an accelerator."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from littoral.devices import Device, parse
from littoral.errors import DeviceError
from littoral.runtime.engine import Entry, Source, main_entry
from littoral.runtime.tensors import Array, TensorInfo
from littoral.tflite import Graph

T = TypeVar("T")


def pick(files: Mapping[str, Source], device: Device) -> Source:
    """The model file for a device: by its whole string, or else by its name.

    Raises:
        DeviceError: There is none.
    """
    for key in (str(device), device.name):
        if key in files:
            return files[key]
    given = ", ".join(sorted(files))
    raise DeviceError(f"no model file is given for device {str(device)!r}", f"There are files for: {given}")


def named(files: Mapping[str, T]) -> dict[str, T]:
    """Model files by device strings as we write them.

    Raises:
        DeviceError: A key is no device, two are the same, or there is none.
    """
    found: dict[str, T] = {}
    for key, file in files.items():
        device, *others = parse(key)
        if others or str(device) in found:
            raise DeviceError(f"the key {key!r} is not one device for one model file", "Give each device its file")
        found[str(device)] = file
    if not found:
        raise DeviceError("no model file is given", 'Accepted: {"coral": file, "cpu": file}')
    return found


def check_twins(sources: Iterable[Source]) -> None:
    """Refuses model files that do not take and give the same: one could not answer for another.

    Raises:
        DeviceError: Inputs or outputs differ in number, order, shape, type or quantization.
    """
    first, *others = sources
    for other in others:
        ours, theirs = main_entry(first.graph), main_entry(other.graph)
        for kind, some, more in (("input", ours.inputs, theirs.inputs), ("output", ours.outputs, theirs.outputs)):
            if difference := _difference(kind, some, more):
                raise DeviceError(
                    f"{first.name} and {other.name} are not twins: {difference}",
                    "Give the model file that the other one was compiled from",
                )


def run_as_twin(
    run: Callable[[Entry, Sequence[Array]], list[Array]], graph: Graph, entry: Entry, values: Sequence[Array]
) -> list[Array]:
    """Runs a twin by an entry of another one. Compiled files have lost their signatures: tensors keep their names.

    Args:
        run: Runs the twin.
        graph: The twin.
        entry: Of the other one.
        values: In the order of the entry's inputs.

    Returns:
        Stored values in the order of the entry's outputs.

    Raises:
        DeviceError: The twin has no such entry.
    """
    main = main_entry(graph)
    if entry.key is None:
        return run(main, values)
    into, out_of = (
        _order(entry, [info.tensor for info in mine], [info.tensor for info in asked])
        for mine, asked in ((entry.inputs, main.inputs), (main.outputs, entry.outputs))
    )
    results = run(main, [values[index] for index in into])
    return [results[index] for index in out_of]


def _order(entry: Entry, there: Sequence[str], asked: Sequence[str]) -> list[int]:
    """Where each of some tensors is."""
    if entry.subgraph or not set(asked) <= set(there):
        raise DeviceError(f"the model file of this device has no signature {entry.key!r}", "Call the model itself")
    return [there.index(name) for name in asked]


def _difference(kind: str, ours: Sequence[TensorInfo], theirs: Sequence[TensorInfo]) -> str:
    if len(ours) != len(theirs):
        return f"{len(ours)} {kind}s and {len(theirs)}"
    names, others = [info.tensor for info in ours], [info.tensor for info in theirs]
    if names != others and sorted(names) == sorted(others):
        return f"the {kind}s are in another order: {', '.join(names)}, and {', '.join(others)}"
    for one, other in zip(ours, theirs, strict=True):
        for what, this, that in (
            ("shape", list(one.shape), list(other.shape)),
            ("type", one.dtype, other.dtype),
            ("quantization", _quantization(one), _quantization(other)),
        ):
            if this != that:
                return f"{kind} {one.name!r} has {what} {this}, and {that}"
    return ""


def _quantization(info: TensorInfo) -> str:
    return f"{info.scale!r} * (stored - {info.zero_point})" if info.is_quantized else "none"
