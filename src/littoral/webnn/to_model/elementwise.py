"""Element by element."""

from __future__ import annotations

from typing import TYPE_CHECKING

from littoral.tflite.options.elementwise import AddOptions, MulOptions
from littoral.webnn.program import Call
from littoral.webnn.to_model.emitter import Emitter

if TYPE_CHECKING:
    from littoral.webnn.to_model import Lowering


def _add(emitter: Emitter, call: Call) -> int:
    a, b = emitter.take(call.arguments["a"]), emitter.take(call.arguments["b"])
    return emitter.emit("ADD", (a, b), emitter.described(call.outputs[0]).shape, options=AddOptions())


def _mul(emitter: Emitter, call: Call) -> int:
    a, b = emitter.take(call.arguments["a"]), emitter.take(call.arguments["b"])
    return emitter.emit("MUL", (a, b), emitter.described(call.outputs[0]).shape, options=MulOptions())


LOWERINGS: dict[str, Lowering] = {"add": _add, "mul": _mul}
