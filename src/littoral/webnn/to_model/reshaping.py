"""Shapes: concat, expand, identity, reshape, split, tile, transpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from littoral.tflite.options.shape import BroadcastToOptions, TileOptions
from littoral.webnn.program import Call
from littoral.webnn.to_model.emitter import Emitter
from littoral.webnn.to_model.moves import join, move, number, numbers
from littoral.webnn.to_model.slicing import cut

if TYPE_CHECKING:
    from littoral.webnn.to_model import Lowering


def _concat(emitter: Emitter, call: Call) -> int:
    return join(emitter, emitter.take_all(call.arguments["inputs"]), number(call, "axis"))


def _expand(emitter: Emitter, call: Call) -> int:
    source, shape = emitter.take(call.arguments["input"]), numbers(call, "newShape")
    source = emitter.reshape(source, (1,) * (len(shape) - len(emitter.shape(source))) + emitter.shape(source))
    if emitter.shape(source) == shape:
        return source
    return move(emitter, "BROADCAST_TO", (source, emitter.indices(shape)), shape, BroadcastToOptions(), version=2)


def _identity(emitter: Emitter, call: Call) -> int:
    return emitter.take(call.arguments["input"])


def _reshape(emitter: Emitter, call: Call) -> int:
    return emitter.reshape(emitter.take(call.arguments["input"]), numbers(call, "newShape"))


def _split(emitter: Emitter, call: Call) -> list[int]:
    source, axis = emitter.take(call.arguments["input"]), number(call, "axis")
    sizes = [emitter.described(operand).shape[axis] for operand in call.outputs]
    whole = emitter.shape(source)
    parts, start = [], 0
    for size in sizes:  # SPLIT lacks types that SLICE has, and is no faster
        starts, shape = [0] * len(whole), list(whole)
        starts[axis], shape[axis] = start, size
        parts.append(cut(emitter, source, starts, shape))
        start += size
    return parts


def _tile(emitter: Emitter, call: Call) -> int:
    source, times = emitter.take(call.arguments["input"]), numbers(call, "repetitions")
    if set(times) <= {1}:
        return source
    shape = emitter.described(call.outputs[0]).shape
    return move(emitter, "TILE", (source, emitter.indices(times)), shape, TileOptions())


def _transpose(emitter: Emitter, call: Call) -> int:
    return emitter.transpose(emitter.take(call.arguments["input"]), numbers(call, "permutation"))


LOWERINGS: dict[str, Lowering] = {
    "concat": _concat,
    "expand": _expand,
    "identity": _identity,
    "reshape": _reshape,
    "split": _split,
    "tile": _tile,
    "transpose": _transpose,
}
