"""MLGraphBuilder: records the operations of a graph as a program, and has its context compile that."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from littoral.webnn.bind import bind, kind_of, ml_number, snake, word
from littoral.webnn.errors import InvalidStateError, OperandError
from littoral.webnn.idl import Signature, signatures
from littoral.webnn.operand import DescriptorLike, MLOperand, bytes_as, read_descriptor
from littoral.webnn.program import DTYPES, Array, Call, Descriptor, Program, Ref
from littoral.webnn.rules import complete
from littoral.webnn.rules.casting import cast_number

if TYPE_CHECKING:
    from littoral.webnn.context import MLContext
    from littoral.webnn.graph import MLGraph
    from littoral.webnn.tensor import MLTensor


class MLGraphBuilder:
    """Builds one graph. Each of the standard's 95 operations is a method: `builder.conv2d(x, w, strides=[2, 2])`.

    Options are given as the standard's dictionary, `{"strides": [2, 2]}`, or by name; names are the standard's or their
    snake_case. Operations return an MLOperand, or a list of them where the standard does.

    Args:
        context: Where the graph will run.

    Raises:
        InvalidStateError: Anything is asked of it after `build`, or its context is lost.
        OperandError: A rule of the standard is broken; it is also a TypeError.
    """

    def __init__(self, context: MLContext) -> None:
        context.check_alive()
        self._context = context
        self._operands: list[Descriptor] = []
        self._inputs: dict[str, int] = {}
        self._constants: dict[int, Array] = {}
        self._tensors: dict[int, MLTensor] = {}  # constants that are tensors of the context
        self._calls: list[Call] = []
        self._built = False

    def input(self, name: str, descriptor: DescriptorLike) -> MLOperand:
        """A value that is given at each dispatch, by a name that no other input has."""
        self._check_open()
        if not isinstance(name, str) or not name:
            raise OperandError(f"input: the name is {name!r}, and must be a string that is not empty")
        if name in self._inputs:
            raise OperandError(f"input: there is an input {name!r} already")
        operand = self._new(read_descriptor(descriptor, f"input {name!r}"))
        self._inputs[name] = operand._number
        return operand

    @overload
    def constant(self, descriptor: DescriptorLike, buffer: Any) -> MLOperand: ...
    @overload
    def constant(self, descriptor: str, buffer: float) -> MLOperand: ...
    @overload
    def constant(self, descriptor: MLTensor | Array) -> MLOperand: ...
    def constant(self, descriptor: Any, buffer: Any = None) -> MLOperand:
        """A value that is known.

        Args:
            descriptor: Of a buffer; or a data type, of a number; or a constant tensor of the context; or an array,
                whose type and shape are taken.
            buffer: What has exactly the bytes that the descriptor says, or a number.
        """
        self._check_open()
        if isinstance(descriptor, str):
            return self._keep(_scalar(descriptor, buffer))
        if buffer is not None:
            return self._keep(_frozen(read_descriptor(descriptor, "constant"), buffer))
        if isinstance(descriptor, np.ndarray):
            return self._keep(_frozen(read_descriptor(_described(descriptor), "constant"), descriptor))
        operand = self._keep(self._context.constant_value(descriptor))
        self._tensors[operand._number] = descriptor
        return operand

    def build(self, outputs: Mapping[str, MLOperand]) -> MLGraph:
        """The graph that computes the outputs, compiled. It is the last thing that a builder does.

        Args:
            outputs: Operands by name, none of them an input or a constant.

        Raises:
            OperandError: An output is none of that.
            OperationError: The context's device cannot run the graph.
        """
        program = self.record(outputs)
        self._built = True
        return self._context.compile(program)

    async def build_async(self, outputs: Mapping[str, MLOperand]) -> MLGraph:
        """As `build`, while other coroutines go on."""
        program = self.record(outputs)
        self._built = True
        return await asyncio.to_thread(self._context.compile, program)

    def record(self, outputs: Mapping[str, MLOperand]) -> Program:
        """The program that computes the outputs, and nothing else; the builder can go on."""
        self._check_open()
        if not isinstance(outputs, Mapping) or not outputs:
            raise OperandError("build: there are no outputs", 'Give operands by name: {"y": operand}')
        numbers = {name: self._checked_output(name, operand) for name, operand in outputs.items()}
        needed = set(numbers.values())
        calls = []
        for call in reversed(self._calls):
            if needed.intersection(call.outputs):
                calls.append(call)
                needed.update(call.outputs, (ref.operand for ref in refs(call)))
        for number in needed & self._tensors.keys():
            self._tensors[number].check("build, a constant")
        return Program(
            operands=tuple(self._operands),
            inputs={name: number for name, number in self._inputs.items() if number in needed},
            constants={number: array for number, array in self._constants.items() if number in needed},
            calls=tuple(reversed(calls)),
            outputs=numbers,
        )

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Callable[..., Any]: ...

    def _call(self, signature: Signature, values: tuple[object, ...], named: dict[str, object]) -> Any:
        self._check_open()
        arguments, options, label = bind(signature, values, named, self._ref)
        done = complete(signature.operation, arguments, options, self._describe, label)
        made = [self._new(descriptor) for descriptor in done.outputs]
        numbers = tuple(operand._number for operand in made)
        self._calls.append(Call(signature.operation, done.arguments, done.options, numbers, label))
        return made if signature.returns_list else made[0]

    def _ref(self, value: object, where: str) -> Ref:
        if not isinstance(value, MLOperand):
            raise OperandError(f"{where} is {kind_of(value)}, and must be an MLOperand")
        if value._builder is not self:
            raise OperandError(f"{where} is an MLOperand of another builder")
        return Ref(value._number)

    def _describe(self, ref: Ref) -> Descriptor:
        return self._operands[ref.operand]

    def _new(self, descriptor: Descriptor) -> MLOperand:
        self._operands.append(descriptor)
        return MLOperand(self, len(self._operands) - 1, descriptor)

    def _keep(self, value: Array) -> MLOperand:
        operand = self._new(_described(value))
        self._constants[operand._number] = value
        return operand

    def _checked_output(self, name: str, operand: object) -> int:
        if not isinstance(name, str) or not name:
            raise OperandError(f"build: the output's name is {name!r}, and must be a string that is not empty")
        number = self._ref(operand, f"build: output {name!r}").operand
        if number in self._constants or number in self._inputs.values():
            raise OperandError(f"build: output {name!r} is an input or a constant", "Give its identity() instead")
        return number

    def _check_open(self) -> None:
        if self._built:
            raise InvalidStateError("this MLGraphBuilder has built its graph", "Make another builder for another graph")
        self._context.check_alive()


def refs(call: Call) -> list[Ref]:
    """The operands that a call takes."""
    values = [*call.arguments.values(), *call.options.values()]
    listed = [item for value in values if isinstance(value, tuple) for item in value if isinstance(item, Ref)]
    return [value for value in values if isinstance(value, Ref)] + listed


def replay(program: Program, builder: MLGraphBuilder) -> dict[str, MLOperand]:
    """Makes the calls of a program again on a builder; gives its outputs by name.

    Raises:
        OperandError: A call breaks a rule of the standard.
    """
    made: dict[int, MLOperand] = {}
    for name, number in program.inputs.items():
        made[number] = builder.input(name, program.operands[number])
    for number, value in program.constants.items():
        made[number] = builder.constant(program.operands[number], value)
    for call in program.calls:
        named = {name: _replaced(value, made) for name, value in (*call.arguments.items(), *call.options.items())}
        result = getattr(builder, call.operation)(**named, label=call.label)
        made.update(zip(call.outputs, result if isinstance(result, list) else [result], strict=True))
    return {name: made[number] for name, number in program.outputs.items()}


def _replaced(value: Any, made: Mapping[int, MLOperand]) -> Any:
    if isinstance(value, Ref):
        return made[value.operand]
    return [_replaced(item, made) for item in value] if isinstance(value, tuple) else value


def _described(array: Array) -> Descriptor:
    return Descriptor("uint8" if array.dtype == np.bool_ else array.dtype.name, array.shape)


def _scalar(data_type: str, value: object) -> Array:
    word(data_type, tuple(DTYPES), "constant: the data type")
    return np.array(cast_number(ml_number(value, "constant: the value"), data_type), DTYPES[data_type])


def _frozen(descriptor: Descriptor, buffer: Any) -> Array:
    """The value of a buffer as an array that nobody changes afterwards: copied, unless it cannot be changed."""
    value = bytes_as(descriptor, buffer, "constant")
    if value.flags.writeable:
        value = value.copy()
        value.flags.writeable = False
    return value


def _method(signature: Signature) -> Callable[..., Any]:
    def operation(self: MLGraphBuilder, *arguments: object, **options: object) -> Any:
        return self._call(signature, arguments, options)

    empty = inspect.Parameter.empty
    positional, named = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    operation.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter("self", positional),
            *(inspect.Parameter(p.name, positional) for p in signature.arguments),
            *(inspect.Parameter(p.name, named, default=p.default) for p in signature.options),
            inspect.Parameter("label", named, default=""),
        ],
        return_annotation=empty,
    )
    operation.__name__ = signature.operation
    operation.__qualname__ = f"MLGraphBuilder.{signature.operation}"
    operation.__doc__ = f"The operation `{signature.operation}` of the WebNN standard."
    return operation


for _signature in signatures().values():
    for _name in {_signature.operation, snake(_signature.operation)}:
        setattr(MLGraphBuilder, _name, _method(_signature))
