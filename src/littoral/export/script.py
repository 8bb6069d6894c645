"""A program as the JSON that a page replays: js/web/site.ts has its form."""

from __future__ import annotations

import math
from typing import Any

from littoral.export.weights import Stored
from littoral.webnn.idl import signatures
from littoral.webnn.program import Call, Program, Ref, Value

UNUSED = -1  # in place of the operand of an input that nothing needs


def script(program: Program, inputs: list[str], outputs: list[str], stored: list[Stored]) -> dict[str, Any]:
    """What `program` of model.json holds, but for the file of its weights.

    Args:
        program: Whose inputs and outputs have these names.
        inputs: Names, in the order of the page's inputs.
        outputs: The same of its outputs.
        stored: How each constant lies in weights.bin, in the program's order.
    """
    return {
        "inputs": [program.inputs.get(name, UNUSED) for name in inputs],
        "outputs": [program.outputs[name] for name in outputs],
        "constants": [
            {
                "operand": operand,
                "dataType": program.operands[operand].data_type,
                "shape": program.operands[operand].shape,
                "stored": entry.data_type,
                "count": entry.count,
            }
            for operand, entry in zip(program.constants, stored, strict=True)
        ],
        "calls": [_call(call) for call in program.calls],
    }


def _call(call: Call) -> list[Any]:
    order = [parameter.name for parameter in signatures()[call.operation].arguments]
    options = {name: _value(value) for name, value in call.options.items()}
    return [call.operation, [_value(call.arguments[name]) for name in order], options, call.outputs]


def _value(value: Value) -> Any:
    if isinstance(value, Ref):
        return {"$": value.operand}
    if isinstance(value, tuple):
        return [_value(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")}
    return value
