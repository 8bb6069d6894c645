"""Shapes: concat, expand, identity, reshape, split, tile, transpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from littoral.tflite.options.shape import TileOptions
from littoral.webnn.program import Call
from littoral.webnn.to_model.emitter import Emitter
from littoral.webnn.to_model.moves import join, move, number, numbers
from littoral.webnn.to_model.shapes import Shape
from littoral.webnn.to_model.slicing import cut

if TYPE_CHECKING:
    from littoral.webnn.to_model import Lowering


def _concat(emitter: Emitter, call: Call) -> int:
    return join(emitter, emitter.take_all(call.arguments["inputs"]), number(call, "axis"))


def _expand(emitter: Emitter, call: Call) -> int:
    source, shape = emitter.take(call.arguments["input"]), numbers(call, "newShape")
    source = emitter.reshape(source, (1,) * (len(shape) - len(emitter.shape(source))) + emitter.shape(source))
    times = tuple(new // old for new, old in zip(shape, emitter.shape(source), strict=True))
    return _repeat(emitter, source, times)  # BROADCAST_TO does the same, many times slower


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
    return _repeat(emitter, emitter.take(call.arguments["input"]), numbers(call, "repetitions"))


def _repeat(emitter: Emitter, source: int, times: Shape) -> int:
    if set(times) <= {1}:
        return source
    shape = [size * many for size, many in zip(emitter.shape(source), times, strict=True)]
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
