"""What each operator of a model file becomes in a browser, or why it does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from littoral.tflite import Graph, Operator, Subgraph
from littoral.webnn.builder import refs
from littoral.webnn.from_model.quantized import is_integer_quantized
from littoral.webnn.from_model.recorder import Recorder
from littoral.webnn.from_model.trace import Traced, trace
from littoral.webnn.from_model.unmapped import Unmapped
from littoral.webnn.idl import signatures
from littoral.webnn.limits import Limits, Support
from littoral.webnn.program import Call, Ref

_EDGES = ("quantizeLinear", "dequantizeLinear")


@dataclass(frozen=True)
class Mapped:
    """What becomes of one operator.

    Attributes:
        operator: Its index in the main subgraph.
        name: As in "CONV_2D".
        calls: The builder's methods that it becomes; none where its result is known before any run, or is its input.
        reason: Why it does not map; empty where it does.
        remedy: What would help.
        note: Where it maps and computes otherwise than LiteRT does.
    """

    operator: int
    name: str
    calls: tuple[str, ...]
    reason: str = ""
    remedy: str = ""
    note: str = ""


def explain(graph: Graph, limits: Limits) -> tuple[Mapped, ...]:
    """What becomes of each operator of the main subgraph, by the limits of some implementation.

    Args:
        graph: The model file.
        limits: Of the browser that is to run it.
    """
    everything = range(len(graph.main.operators))
    try:
        recorder, operators = trace(graph, graph.main.inputs, 0, everything)
    except Unmapped as refusal:  # an input is of a type that WebNN lacks: nothing can be said of what follows
        names = [operator.name for operator in graph.main.operators]
        return tuple(Mapped(n, name, (), refusal.cause, refusal.remedy) for n, name in enumerate(names))
    return tuple(_mapped(graph.main, recorder, traced, limits) for traced in operators)


def _mapped(subgraph: Subgraph, recorder: Recorder, traced: Traced, limits: Limits) -> Mapped:
    refusal = traced.refusal or next(_objections(traced.calls, recorder, limits), None)
    if refusal is not None:
        return Mapped(traced.operator, traced.name, (), refusal.cause, refusal.remedy)
    calls = tuple(call.operation for call in traced.calls)
    return Mapped(traced.operator, traced.name, calls, note=_note(subgraph, subgraph.operators[traced.operator], calls))


def _note(subgraph: Subgraph, operator: Operator, calls: tuple[str, ...]) -> str:
    tensors = [subgraph.tensors[index] for index in (*operator.inputs, *operator.outputs) if index >= 0]
    if any(tensor.is_variable for tensor in tensors):
        return "its state is fresh at each run"
    if all(call in _EDGES for call in calls):
        return ""
    if "dequantizeLinear" in calls and not any(map(is_integer_quantized, (t for t in tensors if not t.is_constant))):
        return "its weights are widened to float32; LiteRT rounds its inputs to 8 bits"
    return "between dequantizeLinear and quantizeLinear, in float32" if "quantizeLinear" in calls else ""


def _objections(calls: tuple[Call, ...], recorder: Recorder, limits: Limits) -> Iterator[Unmapped]:
    """What an implementation has against calls."""
    for call in calls:
        supported = limits.operations.get(call.operation)
        if supported is None:
            yield Unmapped(f"{limits.name} has no {call.operation}", "Use a browser that has it")
            continue
        for name, ref in _operands(call):
            if name in supported and (words := _objection(recorder, ref, supported[name])):
                yield Unmapped(f"{limits.name}: {name} of {call.operation} is {words[0]}", words[1])
        for ref in (*refs(call), *map(Ref, call.outputs)):
            descriptor = recorder.describe(ref)
            size = prod(descriptor.shape) * descriptor.dtype.itemsize
            if size > limits.max_tensor_bytes:
                most = f"{limits.max_tensor_bytes:,}"
                yield Unmapped(f"{limits.name}: {call.operation} has a tensor of {size:,} bytes", f"At most {most}")


def _operands(call: Call) -> Iterator[tuple[str, Ref]]:
    """Those of a call by the names that limits have for them."""
    values = {**call.arguments, **call.options}
    for parameter in signatures()[call.operation].operands:
        value = values.get(parameter.name)
        for ref in value if isinstance(value, tuple) else (value,):
            if isinstance(ref, Ref):
                yield parameter.name, ref
    for operand in call.outputs:
        yield "output" if len(call.outputs) == 1 else "outputs", Ref(operand)


def _objection(recorder: Recorder, ref: Ref, support: Support) -> tuple[str, str] | None:
    descriptor = recorder.describe(ref)
    rank = len(descriptor.shape)
    if descriptor.data_type not in support.data_types:
        return descriptor.data_type, f"It takes {', '.join(support.data_types)} there"
    if not support.least_rank <= rank <= support.most_rank:
        return f"of rank {rank}", f"It takes {support.least_rank} to {support.most_rank} dimensions there"
    return None
