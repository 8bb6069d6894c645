"""One case on a context, through the API that everybody uses: builder, tensors, dispatch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from littoral.errors import DataError
from littoral.webnn.builder import MLGraphBuilder
from littoral.webnn.conformance.cases import Case, Given, Step
from littoral.webnn.context import MLContext
from littoral.webnn.idl import Parameter, signatures
from littoral.webnn.operand import MLOperand
from littoral.webnn.program import Array, Descriptor


def execute(case: Case, context: MLContext) -> dict[str, Array]:
    """What comes out of a case, by the names of what is expected.

    Raises:
        DataError: It names an operand that is not there.
        OperandError: It breaks a rule of the standard.
        OperationError: The device does not compute it.
    """
    builder = MLGraphBuilder(context)
    operands = {name: _operand(builder, name, given) for name, given in case.inputs.items()}
    for step in case.steps:
        made = getattr(builder, step.operation)(*_arguments(step, operands), **_options(step, operands))
        operands.update(zip(step.outputs, made if isinstance(made, list) else [made], strict=False))
    graph = builder.build({name: _named(name, operands) for name in case.expected})
    try:
        inputs = {name: context.create_tensor(descriptor, writable=True) for name, descriptor in graph.inputs.items()}
        outputs = {name: context.create_tensor(descriptor, readable=True) for name, descriptor in graph.outputs.items()}
        for name, tensor in inputs.items():
            context.write_tensor(tensor, case.inputs[name].value)
        context.dispatch(graph, inputs, outputs)
        return {name: context.read_tensor(tensor) for name, tensor in outputs.items()}
    finally:
        graph.destroy()


def _operand(builder: MLGraphBuilder, name: str, given: Given) -> MLOperand:
    descriptor = Descriptor(given.data_type, given.value.shape)
    return builder.constant(descriptor, given.value) if given.constant else builder.input(name, descriptor)


def _arguments(step: Step, operands: Mapping[str, MLOperand]) -> list[Any]:
    """The arguments of a call, with operands in place of their names."""
    parameters = (*signatures()[step.operation].arguments, *(None for _ in step.arguments))
    return [_value(*pair, operands) for pair in zip(parameters, step.arguments, strict=False)]


def _options(step: Step, operands: Mapping[str, MLOperand]) -> dict[str, Any]:
    parameters = {parameter.name: parameter for parameter in signatures()[step.operation].options}
    return {name: _value(parameters.get(name), value, operands) for name, value in step.options.items()}


def _value(parameter: Parameter | None, value: Any, operands: Mapping[str, MLOperand]) -> Any:
    if parameter is None or parameter.kind not in ("operand", "operands"):
        return value
    return [_named(name, operands) for name in value] if isinstance(value, list) else _named(value, operands)


def _named(name: Any, operands: Mapping[str, MLOperand]) -> MLOperand:
    if not isinstance(name, str) or name not in operands:
        raise DataError(f"there is no operand {name!r}", f"There are {', '.join(operands)}")
    return operands[name]
