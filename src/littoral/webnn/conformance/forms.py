"""Where the data are older than the standard: what can be said in its words today, and what it no longer has.

The data are of 2025-03-31, the standard is the editor's draft of 2026-06-27.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from littoral.webnn.conformance.cases import NIBBLES, Case, Given, Step
from littoral.webnn.conformance.tolerance import Tolerance

_TOLERANCES = {
    ("subgraph", "quantized conv2d"): Tolerance("ULP", 12),
}
"""What the data lack. The suite adds up those of the operations: six conversions at 1, and 1*1*3*2 of conv2d."""

_RENAMED = {"roundingType": "outputShapeRounding"}


def modernize(case: Case) -> tuple[Case, tuple[str, ...]]:
    """The case in the words of today's standard, with the same meaning; and what was said otherwise."""
    changes = []
    for change, words in _CHANGES.items():
        changed = change(case)
        if changed is not case:
            case = changed
            changes.append(words)
    return case, tuple(changes)


def objection(case: Case) -> str | None:
    """The rule of the standard that a case breaks; None where there is none."""
    for step in case.steps:
        if step.operation == "pad" and step.options.get("mode") == "symmetric":
            return "pad: MLPaddingMode has no symmetric"
    types = {given.data_type for given in (*case.inputs.values(), *case.expected.values())}
    for nibble in sorted(types.intersection(NIBBLES)):
        return f"{case.subject}: MLOperandDataType has no {nibble}"
    return None


def _name_axis(case: Case) -> Case:
    matrices = [name for name, given in case.inputs.items() if given.value.ndim == 2]

    def named(step: Step) -> Step:
        of_matrix = step.operation == "softmax" and len(step.arguments) == 1 and step.arguments[0] in matrices
        return replace(step, arguments=(*step.arguments, 1)) if of_matrix else step

    return _with_steps(case, named)


def _rename(case: Case) -> Case:
    def renamed(step: Step) -> Step:
        return replace(step, options={_RENAMED.get(name, name): value for name, value in step.options.items()})

    return _with_steps(case, renamed)


def _with_steps(case: Case, change: Callable[[Step], Step]) -> Case:
    steps = tuple(map(change, case.steps))
    return case if steps == case.steps else replace(case, steps=steps)


def _raise_ranks(case: Case) -> Case:
    """Scales and zero points were broadcast to the input; now they have its rank."""
    ranks = {name: given.value.ndim for name, given in case.inputs.items()}
    inputs: dict[str, Given] = dict(case.inputs)
    for step in case.steps:
        first = step.arguments[0] if step.arguments else None
        rank = ranks.get(first, 0) if isinstance(first, str) else 0
        ranks.update(dict.fromkeys(step.outputs, rank))  # true of the operations that such cases have
        if step.operation in ("quantizeLinear", "dequantizeLinear"):
            inputs.update({name: _of_rank(inputs[name], rank) for name in step.arguments[1:] if name in inputs})
    return replace(case, inputs=inputs) if _shapes(inputs) != _shapes(case.inputs) else case


def _of_rank(given: Given, rank: int) -> Given:
    shape = (1,) * (rank - given.value.ndim) + given.value.shape
    return replace(given, value=given.value.reshape(shape))


def _shapes(inputs: Mapping[str, Given]) -> dict[str, tuple[int, ...]]:
    return {name: given.value.shape for name, given in inputs.items()}


def _widen(case: Case) -> Case:
    """Reading a nibble as a byte changes nothing; writing one does, as it saturates elsewhere."""
    nibbles = {name: given for name, given in case.inputs.items() if given.data_type in NIBBLES}
    if not nibbles or case.operations != {"dequantizeLinear"}:
        return case
    widened = {name: replace(given, data_type=given.value.dtype.name) for name, given in nibbles.items()}
    return replace(case, inputs={**case.inputs, **widened})


def _add_tolerance(case: Case) -> Case:
    known = _TOLERANCES.get((case.file, case.name))
    return replace(case, tolerance=known) if case.tolerance is None and known else case


_CHANGES: dict[Callable[[Case], Case], str] = {
    _name_axis: "softmax: the axis is named, 1 of a matrix",
    _rename: "pooling: roundingType is outputShapeRounding",
    _raise_ranks: "quantizeLinear, dequantizeLinear: scale and zero point have the rank of the input",
    _widen: "dequantizeLinear: int4 and uint4 are read as int8 and uint8",
    _add_tolerance: "tolerance: added up from those of the operations",
}
