"""Was a compiled model made from this model file? What can be known of it without running either."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from math import prod
from typing import ClassVar

import numpy as np

from littoral.coral.compiled import OPERATOR, Compiled, Layer, Segment, read_compiled
from littoral.tflite import Graph, Operator, Subgraph, Tensor, TensorType

# The compiler pads weights and adds tables for some operators: in eleven pairs they are 1.03 to 1.21 times as many
# bytes, and for an LSTM 35 KB more. They are never fewer, as it does not compress.
_MOST_TIMES, _MOST_MORE = 2, 64 << 10

_STATE_SUFFIX = "_variable_output"  # of a recurrent layer's state, as the chip gives it back

_WORDS = ("name", "shape", "type", "quantization")
_OperatorKey = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class Twins:
    """What two model files have in common (`evidence`) and what not (`differences`), a sentence each."""

    differences: tuple[str, ...]
    evidence: tuple[str, ...]

    derived: ClassVar = ("same",)

    @property
    def same(self) -> bool:
        """Whether nothing differs of what can be known. The weights on the chip cannot."""
        return not self.differences


def compare(model: Graph, compiled: Graph, name: str = "the compiled model") -> Twins:
    """Whether `compiled` was made from `model`, as far as can be known.

    Compared are inputs and outputs (names, shapes, types, quantization), the tensors at the edges of the chip's
    segments, operators on the processor with their constants, and whether there are about as many parameters.

    Args:
        model: Not compiled.
        compiled: Compiled, perhaps from `model`.
        name: What to call `compiled` in errors.

    Raises:
        ModelFileError: `compiled` is not compiled for the Edge TPU, or is damaged.
    """
    found = read_compiled(compiled, name)
    edges = tuple(_edges(model, compiled))
    layers = tuple(_layers(model, found))
    operators = tuple(_unknown_operators(model.main, compiled.main))
    parameters = tuple(_parameters(model.main, compiled.main, found))
    count = sum(len(segment.main.inputs) + len(segment.main.outputs) for segment in found.segments)
    evidence = (
        () if edges else (_edges_agree(model),),
        () if layers else (f"the model has the tensors at the edge of the chip ({count}), with the same quantization",),
        () if operators or not found.on_cpu else (_operators_agree(found),),
        () if parameters else (f"{found.parameter_bytes:,} bytes of parameters are plausible for the model's weights",),
    )
    return Twins((*edges, *layers, *operators, *parameters), tuple(text for part in evidence for text in part))


def compare_compiled(a: Graph, b: Graph, names: tuple[str, str] = ("the first model", "the second model")) -> Twins:
    """Whether two compiled models are the same: packages for the chip, and the operators beside them.

    Args:
        a: Compiled.
        b: Compiled too.
        names: What to call them in errors.

    Raises:
        ModelFileError: One of them is not compiled for the Edge TPU, or is damaged.
    """
    first, second = read_compiled(a, names[0]), read_compiled(b, names[1])
    edges = tuple(_edges(a, b))
    packages = tuple(_packages(first, second))
    operators = (*_unknown_operators(a.main, b.main), *_unknown_operators(b.main, a.main))
    evidence = (
        () if edges else (_edges_agree(a),),
        () if packages else ("what runs on the chip is the same, byte for byte",),
        () if operators or not first.on_cpu else (_operators_agree(first),),
    )
    return Twins((*edges, *packages, *operators), tuple(text for part in evidence for text in part))


# Inputs and outputs


def _edges(a: Graph, b: Graph) -> Iterator[str]:
    for side in ("input", "output"):
        firsts, seconds = _tensors(a.main, side), _tensors(b.main, side)
        if len(firsts) != len(seconds):
            yield f"the number of {side}s: {len(firsts)} | {len(seconds)}"
        for index, (first, second) in enumerate(zip(firsts, seconds, strict=False)):
            for what, one, other in zip(_WORDS, _words(first), _words(second), strict=True):
                if one != other:
                    yield f"{side} {index} {first.name!r}: {what} {one} | {other}"


def _tensors(subgraph: Subgraph, side: str) -> list[Tensor]:
    return [subgraph.tensors[index] for index in (subgraph.inputs if side == "input" else subgraph.outputs)]


def _words(tensor: Tensor) -> tuple[str, ...]:
    """What _WORDS name."""
    shape = "x".join(str(size) for size in tensor.shape) or "scalar"
    return tensor.name, shape, tensor.type.name.lower(), _quantization(tensor)


def _quantization(tensor: Tensor) -> str:
    quantization = tensor.quantization
    if quantization is None or not quantization.scale.size:
        return "not quantized"
    pairs = zip_longest(quantization.scale, quantization.zero_point, fillvalue=0)
    return ", ".join(f"scale {scale!s} zero point {zero}" for scale, zero in pairs)


def _edges_agree(graph: Graph) -> str:
    counts = f"inputs ({len(graph.main.inputs)}) and outputs ({len(graph.main.outputs)})"
    return f"{counts} agree in names, shapes, types and quantization"


# What the chip takes and gives


def _layers(model: Graph, compiled: Compiled) -> Iterator[str]:
    named: defaultdict[str, list[Tensor]] = defaultdict(list)
    for subgraph in model.subgraphs:
        for tensor in subgraph.tensors:
            named[tensor.name].append(tensor)
    for segment in compiled.segments:
        for layer in (*segment.main.inputs, *segment.main.outputs):
            tensors = named.get(layer.name) or named.get(layer.name.removesuffix(_STATE_SUFFIX), [])
            if not tensors:
                yield f"the chip's tensor {layer.name!r} is not in the model"
            elif _brief(layer) not in [_values(tensor) for tensor in tensors]:
                yield f"the chip's tensor {layer.name!r}: {_values(tensors[0])} | {_brief(layer)}"


def _values(tensor: Tensor) -> str:
    """Number, type and quantization of a tensor's values."""
    return f"{prod(tensor.shape)} x {tensor.type.name.lower()}, {_quantization(tensor)}"


def _brief(layer: Layer) -> str:
    """The same of a layer."""
    scale = np.float32(layer.scale)
    values = f"{prod(layer.shape) * layer.executions} x {layer.type}"
    return f"{values}, scale {scale!s} zero point {layer.zero_point}" if scale else f"{values}, not quantized"


# Operators on the processor


def _unknown_operators(model: Subgraph, other: Subgraph) -> Iterator[str]:
    """Operators of `other` beside the chip that `model` does not have."""
    known: defaultdict[_OperatorKey, list[Operator]] = defaultdict(list)
    for operator in model.operators:
        known[_key(model, operator)].append(operator)
    for operator in other.operators:
        if operator.name == OPERATOR:
            continue
        key = _key(other, operator)
        if key not in known:
            yield f"{operator.name} with the output {', '.join(map(repr, key[1]))} is on one side only"
        elif not any(_constants(model, one) == _constants(other, operator) for one in known[key]):
            yield f"{operator.name} with the output {', '.join(map(repr, key[1]))} has other constants"


def _key(subgraph: Subgraph, operator: Operator) -> _OperatorKey:
    return operator.name, tuple(subgraph.tensors[index].name for index in operator.outputs)


def _constants(subgraph: Subgraph, operator: Operator) -> list[bytes]:
    data = (subgraph.tensors[index].data for index in operator.inputs if index >= 0)
    return [array.tobytes() for array in data if array is not None]


def _operators_agree(compiled: Compiled) -> str:
    return f"operators on the processor ({len(compiled.on_cpu)}) are the same, with their constants"


# Parameters


def _parameters(model: Subgraph, compiled: Subgraph, found: Compiled) -> Iterator[str]:
    beside = {_key(compiled, operator) for operator in compiled.operators}
    mapped = [operator for operator in model.operators if _key(model, operator) not in beside]
    used = {index for operator in mapped for index in operator.inputs if index >= 0}
    sizes = [
        (model.tensors[index].type, data.nbytes) for index in used if (data := model.tensors[index].data) is not None
    ]
    most = sum(size for _, size in sizes)
    least = sum(size for kind, size in sizes if kind in (TensorType.INT8, TensorType.UINT8))
    if not least <= found.parameter_bytes <= _MOST_TIMES * most + _MOST_MORE:
        yield f"bytes of weights | of parameters on the chip: {most:,} | {found.parameter_bytes:,}"


def _packages(first: Compiled, second: Compiled) -> Iterator[str]:
    if len(first.segments) != len(second.segments):
        yield f"segments on the chip: {len(first.segments)} | {len(second.segments)}"
    for number, (one, other) in enumerate(zip(first.segments, second.segments, strict=False)):
        if one.digest != other.digest:
            told = [
                f"segment {number}: {what} {_shown(a)} | {_shown(b)}"
                for (what, a), (_, b) in zip(_facts(one), _facts(other), strict=True)
                if a != b
            ]
            yield from told or [f"segment {number}: other instructions or parameters, of the same sizes"]


def _facts(segment: Segment) -> list[tuple[str, object]]:
    return [
        ("tensors in and out", [layer.name for layer in (*segment.main.inputs, *segment.main.outputs)]),
        ("cached parameter bytes", segment.cached_bytes),
        ("streamed parameter bytes", segment.streamed_bytes),
        ("instruction bytes", segment.instruction_bytes),
        ("scratch bytes", segment.scratch_bytes),
        ("runtime version needed", segment.min_runtime_version),
        ("compiler", segment.compiler_version),
        ("parameter caching token", segment.token or "none"),
    ]


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
