"""Where a program dequantizes, computes and quantizes again: what one quantized kernel may do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from littoral.webnn.program import Call, Program, Ref


@dataclass(frozen=True)
class Pattern:
    """An operation between dequantizeLinear and quantizeLinear.

    Attributes:
        call: The operation; None where what is dequantized is quantized again.
        activation: relu or clamp of its output, where there is one.
        dequantized: The calls that make its real operands, by operand.
    """

    call: Call | None
    activation: Call | None
    dequantized: dict[int, Call]


@dataclass(frozen=True)
class Patterns:
    """Those of a program.

    Attributes:
        by_output: Pattern by what quantizeLinear returns.
        inner: Operands that nothing but patterns may need: their calls are lowered when they are asked for.
    """

    by_output: dict[int, Pattern]
    inner: frozenset[int]


def find(program: Program) -> Patterns:
    """All patterns of a program."""
    makers = {operand: call for call in program.calls for operand in call.outputs}
    uses = Counter(ref.operand for call in program.calls for ref in operands(call))
    uses.update(program.outputs.values())
    found: dict[int, Pattern] = {}
    inner = {call.outputs[0] for call in program.calls if call.operation == "dequantizeLinear"}
    for call in program.calls:
        pattern = _pattern(call, makers, uses) if call.operation == "quantizeLinear" else None
        if pattern is not None:
            found[call.outputs[0]] = pattern
            inner.update(part.outputs[0] for part in (pattern.call, pattern.activation) if part is not None)
    return Patterns(found, frozenset(inner))


def operands(call: Call) -> Iterator[Ref]:
    """What a call takes."""
    for value in (*call.arguments.values(), *call.options.values()):
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, Ref):
                yield item


def _pattern(quantize: Call, makers: dict[int, Call], uses: Counter[int]) -> Pattern | None:
    source = quantize.arguments["input"]
    assert isinstance(source, Ref)
    call = makers.get(source.operand)
    activation = None
    if call is not None and call.operation in ("relu", "clamp") and uses[source.operand] == 1:
        before = call.arguments["input"]
        assert isinstance(before, Ref)
        maker = makers.get(before.operand)
        if maker is not None and maker.operation not in ("dequantizeLinear", "quantizeLinear"):
            call, activation, source = maker, call, before
    if call is None:
        return None
    if call.operation == "dequantizeLinear":
        return Pattern(None, None, {source.operand: call})
    if len(call.outputs) > 1 or uses[source.operand] > 1:
        return None
    inputs = {ref.operand: maker for ref in operands(call) if (maker := makers.get(ref.operand)) is not None}
    dequantized = {operand: maker for operand, maker in inputs.items() if maker.operation == "dequantizeLinear"}
    return Pattern(call, activation, dequantized) if dequantized else None
