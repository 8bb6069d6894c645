"""Which operators run other subgraphs."""

from __future__ import annotations

from collections.abc import Mapping

from littoral.tflite.graph import Operator
from littoral.tflite.options.control import CallOnceOptions, CallOptions, IfOptions, WhileOptions
from littoral.tflite.options.stablehlo import (
    StablehloCaseOptions,
    StableHLOCompositeOptions,
    StablehloCustomCallOptions,
    StablehloReduceOptions,
    StablehloReduceWindowOptions,
    StablehloScatterOptions,
    StablehloSortOptions,
    StablehloWhileOptions,
)
from littoral.tflite.wire import Table

_FIELDS: dict[type[Table], tuple[str, ...]] = {
    IfOptions: ("then_subgraph_index", "else_subgraph_index"),
    WhileOptions: ("cond_subgraph_index", "body_subgraph_index"),
    CallOptions: ("subgraph",),
    CallOnceOptions: ("init_subgraph_index",),
    StablehloCaseOptions: ("branch_subgraph_indices",),
    StableHLOCompositeOptions: ("decomposition_subgraph_index",),
    StablehloCustomCallOptions: ("called_computations",),
    StablehloReduceOptions: ("body_subgraph_index",),
    StablehloReduceWindowOptions: ("body_subgraph_index",),
    StablehloScatterOptions: ("update_computation_subgraph_index",),
    StablehloSortOptions: ("comparator_subgraph_index",),
    StablehloWhileOptions: ("cond_subgraph_index", "body_subgraph_index"),
}


def called_subgraphs(operator: Operator) -> tuple[int, ...]:
    """The subgraphs that an operator runs, in the order of its options' fields."""
    called: list[int] = []
    for options in (operator.options, operator.options_2):
        for name in _FIELDS.get(type(options), ()) if options else ():
            value = getattr(options, name)
            called += value if isinstance(value, tuple) else (value,)
    return tuple(called)


def with_calls_moved(operator: Operator, moves: Mapping[int, int]) -> Operator:
    """An operator that runs other subgraphs in place of those that it ran."""
    if not called_subgraphs(operator):
        return operator
    changes: dict[str, Table] = {}
    for field in ("options", "options_2"):
        options = getattr(operator, field)
        values = {name: getattr(options, name) for name in _FIELDS.get(type(options), ())}
        if values:
            changes[field] = options.replaced(**{name: _moved(value, moves) for name, value in values.items()})
    return operator.replaced(**changes)


def _moved(value: int | tuple[int, ...], moves: Mapping[int, int]) -> int | tuple[int, ...]:
    return tuple(moves[index] for index in value) if isinstance(value, tuple) else moves[value]
