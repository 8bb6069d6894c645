"""Compiled models made for tests: packages written with Google's flatbuffers, independently of our reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import flatbuffers
import numpy as np
from flatbuffers import flexbuffers

from littoral import tflite
from littoral.coral.compiled import OPERATOR
from littoral.tflite import Graph, Operator, OperatorCode, Quantization, Subgraph, Tensor, TensorType


@dataclass(frozen=True)
class L:
    """A layer: `type` is the schema's number (0 uint8, 8 int8)."""

    name: str
    shape: tuple[int, int, int] = (1, 1, 10)
    bytes: int = 16
    type: int = 0
    zero_point: int = 3
    scale: float = 0.5
    executions: int = 1


@dataclass(frozen=True)
class X:
    """An executable: type 0 standalone, 1 parameter-caching, 2 execution-only; hints are (memory, direction, bytes)."""

    type: int = 0
    parameters: bytes = b""
    instructions: tuple[bytes, ...] = (b"\1" * 32,)
    inputs: tuple[L, ...] = (L("in"),)
    outputs: tuple[L, ...] = (L("out"),)
    batch: int = 1
    scratch: int = 0
    token: int = 0
    hints: tuple[tuple[int, int, int], ...] | None = None
    cycles: int = 0
    sent: int | None = None  # which chunk of instructions the hints name; all when not given


def caching_pair(cached: bytes, streamed: bytes = b"", token: int = 7, **fields: object) -> tuple[X, X]:
    """What current compilers make: one executable of each inference, one that fills the chip's memory once."""
    each = X(type=2, parameters=streamed, token=token, **fields)  # type: ignore[arg-type]
    return each, X(type=1, parameters=cached, token=token, inputs=(), outputs=())


def executable(x: X) -> bytes:
    """The flatbuffer of an executable."""
    b = flatbuffers.Builder(0)
    name, chip = b.CreateString("model"), b.CreateString("beagle")
    parameters = b.CreateByteVector(x.parameters)
    chunks = []
    for instructions in x.instructions:
        data = b.CreateByteVector(instructions)
        b.StartObject(2)
        b.PrependUOffsetTRelativeSlot(0, data, 0)
        chunks.append(b.EndObject())
    bitstreams = _tables(b, chunks)
    inputs, outputs = (_tables(b, [_layer(b, layer) for layer in layers]) for layers in (x.inputs, x.outputs))
    hints = None if x.hints is None else _hints(b, x.hints, range(len(x.instructions)) if x.sent is None else [x.sent])
    b.StartObject(17)
    for slot, offset in ((1, name), (5, bitstreams), (6, parameters), (8, inputs), (9, outputs), (10, chip)):
        b.PrependUOffsetTRelativeSlot(slot, offset, 0)
    if hints is not None:
        b.PrependUOffsetTRelativeSlot(7, hints, 0)
    b.PrependInt32Slot(3, x.batch, 0)
    b.PrependInt32Slot(4, x.scratch, 0)
    b.PrependInt16Slot(13, x.type, 0)
    b.PrependUint64Slot(14, x.token, 0)
    b.PrependInt64Slot(16, x.cycles, 0)
    b.Finish(b.EndObject())
    return bytes(b.Output())


def package(executables: Sequence[bytes], *, runtime: int = 13, chip_id: int = 0, identifier: bytes = b"DWN1") -> bytes:
    """The flatbuffer that the custom operator holds; equal executables lie in it once."""
    inner = flatbuffers.Builder(0)
    places = {data: inner.CreateString(data) for data in dict.fromkeys(executables)}
    vector = _tables(inner, [places[data] for data in executables])
    inner.StartObject(1)
    inner.PrependUOffsetTRelativeSlot(0, vector, 0)
    inner.Finish(inner.EndObject())
    b = flatbuffers.Builder(0)
    multi, compiler = b.CreateByteVector(bytes(inner.Output())), b.CreateString("cl/1")
    b.StartObject(8)
    b.PrependInt32Slot(0, runtime, 0)
    b.PrependUOffsetTRelativeSlot(1, multi, 0)
    b.PrependUOffsetTRelativeSlot(4, compiler, 0)
    b.PrependInt32Slot(5, chip_id, 0)
    b.Finish(b.EndObject(), identifier)
    return bytes(b.Output())


def options(package: bytes, **more: object) -> bytes:
    """What the operator's custom options are; `more` adds keys."""
    b = flexbuffers.Builder()
    with b.Map():
        b.Key("1")
        b.Int(0)
        b.Key("4")
        b.Blob(package)
        for key, value in more.items():
            b.Key(key)
            b.Add(value)
    return bytes(b.Finish())


def graph(*custom_options: bytes, behind: Sequence[str] = ()) -> Graph:
    """A model of one segment for each of the options, from "in" (1x10 uint8) to "out", then builtin operators."""
    count = len(custom_options) + len(behind)
    names = ["in", "out", *(f"out{i}" for i in range(1, count))]
    tensors = [
        Tensor(
            name=name,
            shape=(1, 10),
            type=TensorType.UINT8,
            quantization=Quantization(scale=np.array([0.5], np.float32), zero_point=np.array([3], np.int64)),
        )
        for name in names
    ]
    codes = [OperatorCode.of(OPERATOR)] * len(custom_options) + [OperatorCode.of(name) for name in behind]
    operators = [
        Operator(code=code, inputs=(index,), outputs=(index + 1,), custom_options=data)
        for index, (code, data) in enumerate(zip(codes, [*custom_options, *[None] * len(behind)], strict=True))
    ]
    main = Subgraph(name="main", tensors=tensors, inputs=(0,), outputs=(count,), operators=operators)
    return tflite.read(tflite.to_bytes(Graph(subgraphs=[main], metadata=[], signatures=[])))


def one(*executables: X, runtime: int = 13, behind: Sequence[str] = ()) -> Graph:
    """A compiled model of one segment."""
    return graph(options(package([executable(x) for x in executables], runtime=runtime)), behind=behind)


def _tables(b: flatbuffers.Builder, offsets: Sequence[int]) -> int:
    b.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        b.PrependUOffsetTRelative(offset)
    return int(b.EndVector())


def _layer(b: flatbuffers.Builder, layer: L) -> int:
    name = b.CreateString(layer.name)
    b.StartObject(2)
    b.PrependInt32Slot(0, layer.zero_point, 0)
    b.PrependFloat32Slot(1, layer.scale, 0)
    numerics = b.EndObject()
    b.StartObject(12)
    b.PrependUOffsetTRelativeSlot(0, name, 0)
    for slot, value in ((1, layer.bytes), *((2 + i, size) for i, size in enumerate(layer.shape))):
        b.PrependInt32Slot(slot, value, 0)
    b.PrependUOffsetTRelativeSlot(5, numerics, 0)
    b.PrependInt16Slot(6, layer.type, 0)
    b.PrependInt32Slot(9, layer.executions, 1)
    return int(b.EndObject())


def _hints(b: flatbuffers.Builder, hints: Sequence[tuple[int, int, int]], chunks: Sequence[int]) -> int:
    """Chunks of instructions, then the transfers."""
    offsets = []
    for index in chunks:
        b.StartObject(1)
        b.PrependInt32Slot(0, index, 0)
        offsets.append(_hint(b, 2, b.EndObject(), 0))
    for memory, direction, size in hints:
        b.StartObject(4)
        b.PrependInt16Slot(0, memory, 0)
        meta = b.EndObject()
        b.StartObject(3)
        b.PrependUOffsetTRelativeSlot(0, meta, 0)
        b.PrependInt32Slot(2, size, 0)
        offsets.append(_hint(b, 1, b.EndObject(), direction))
    vector = _tables(b, offsets)
    b.StartObject(2)
    b.PrependUOffsetTRelativeSlot(0, vector, 0)
    b.PrependBoolSlot(1, True, False)
    return int(b.EndObject())


def _hint(b: flatbuffers.Builder, kind: int, table: int, direction: int) -> int:
    b.StartObject(3)
    b.PrependUint8Slot(0, kind, 0)
    b.PrependUOffsetTRelativeSlot(1, table, 0)
    b.PrependInt16Slot(2, direction, 0)
    return int(b.EndObject())
