"""What a compiled model costs that it need not, and what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from littoral.coral.compiled import Compiled, Segment
from littoral.coral.rules import NEWEST_RUNTIME

_CHIP_BYTES = 8 << 20
"""Memory of the chip for parameters, instructions and activations (Coral's documentation)."""

# The compiler streams a few parameters even where all would fit (2,368 bytes of MoveNet's 2.9 MB): they cross a USB 3
# connection in less than 0.1 ms.
_FEW_BYTES = 16 << 10

_AFTERMATH = frozenset(("QUANTIZE", "DEQUANTIZE", "CAST", "PosenetDecoderOp", "TFLite_Detection_PostProcess"))
"""Operators that are always beside the chip: conversions at the edges, and decoders of the published models."""


@dataclass(frozen=True)
class Advice:
    """One thing worth knowing, and the way out."""

    what: str
    remedy: str


@dataclass(frozen=True)
class Group:
    """Models whose parameters share the chip's memory, because they were compiled together.

    Attributes:
        token: The parameter caching token that they share.
        members: Their names, as given.
        pipeline: Whether one takes what another gives: segments of one model, each for a chip of its own.
    """

    token: str
    members: tuple[str, ...]
    pipeline: bool


def advise(compiled: Compiled, runtime_version: int = NEWEST_RUNTIME) -> tuple[Advice, ...]:
    """What to know before running a compiled model.

    Args:
        compiled: The model.
        runtime_version: Of the vendor's library that is to run it (littoral.coral.library.probe says which).
    """
    found = [_runtime(compiled, runtime_version), _segments(compiled), _beside(compiled)]
    for segment in compiled.segments:
        found += [_streaming(segment), _scratch(segment)]
    return tuple(advice for advice in found if advice is not None)


def groups(models: Mapping[str, Compiled]) -> tuple[Group, ...]:
    """Which of several compiled models were compiled together: groups of two and more, in the order given."""
    members: dict[str, list[str]] = {}
    for name, compiled in models.items():
        for token in compiled.tokens:
            members.setdefault(token, []).append(name)
    return tuple(
        Group(token, tuple(names), _is_pipeline([models[name] for name in names]))
        for token, names in members.items()
        if len(names) > 1
    )


def _is_pipeline(models: list[Compiled]) -> bool:
    """Whether a tensor that one gives is one that another takes."""
    takes = [{layer.name for segment in model.segments for layer in segment.main.inputs} for model in models]
    gives = [{layer.name for segment in model.segments for layer in segment.main.outputs} for model in models]
    return any(given & taken for i, given in enumerate(gives) for j, taken in enumerate(takes) if i != j)


def _runtime(compiled: Compiled, runtime_version: int) -> Advice | None:
    if compiled.min_runtime_version <= runtime_version:
        return None
    return Advice(
        f"it needs runtime version {compiled.min_runtime_version}, and the library has {runtime_version}",
        "Install a newer libedgetpu, or compile it with --runtime-version",
    )


def _segments(compiled: Compiled) -> Advice | None:
    if len(compiled.segments) == 1:
        return None
    return Advice(
        f"{len(compiled.segments)} segments run on the chip: tensors go back to the processor between them",
        "Replace the operators between them, or compile it without several subgraphs and compare the speed",
    )


def _beside(compiled: Compiled) -> Advice | None:
    """Operators beside the chip that are work, or that need not be there."""
    names = Counter(operator.name for operator in compiled.on_cpu if operator.name not in _AFTERMATH)
    if not names:
        return None
    count = names.total()
    listed = ", ".join(name if n == 1 else f"{n} x {name}" for name, n in names.most_common(5))
    more = f" and {count - sum(n for _, n in names.most_common(5))} more" if len(names) > 5 else ""
    work = sum(operator.macs for operator in compiled.on_cpu)
    share = f", with {work:,} multiply-adds" if work else ""
    first = min((one for one in compiled.on_cpu if one.name in names), key=lambda one: not one.change)
    return Advice(
        f"the processor runs {count} operator{'s' if count > 1 else ''} beside the chip ({listed}{more}){share}",
        f"The first is {first.name}: {first.change or 'replace it'}; then compile again",
    )


def _streaming(segment: Segment) -> Advice | None:
    streamed = segment.streamed_bytes
    if streamed < _FEW_BYTES:
        return None
    what = f"{streamed:,} bytes of parameters stream to the chip at every inference"
    if streamed + segment.cached_bytes + segment.instruction_bytes > _CHIP_BYTES:
        return Advice(
            what, "The model is larger than the chip's memory: cut it into segments (--segments) or shrink it"
        )
    if segment.main.type == "standalone":
        return Advice(what, "Nothing is kept on the chip: compile it with a current compiler")
    return Advice(what, "They would fit on the chip: co-compile it with fewer models")


def _scratch(segment: Segment) -> Advice | None:
    traffic = segment.main.traffic
    moved = traffic.scratch_to_chip + traffic.scratch_from_chip
    if moved < _FEW_BYTES:
        return None
    return Advice(
        f"activations do not fit on the chip: {moved:,} bytes of them go to the host and back at every inference",
        "Take a smaller input, or a model with smaller layers at its start",
    )
