"""What a lowering writes into: the tensors and operators of a model file that is being made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np

from littoral.tflite import Buffer, Operator, OperatorCode, Quantization, Subgraph, Tensor, TensorType
from littoral.tflite.enums import ActivationFunction
from littoral.tflite.options import BUILTIN_OPTIONS
from littoral.tflite.options.conversion import BitcastOptions, CastOptions
from littoral.tflite.options.shape import BroadcastToOptions, ReshapeOptions, TransposeOptions
from littoral.tflite.wire import Table
from littoral.webnn.program import Array, Call, Descriptor, Program, Ref, Value
from littoral.webnn.to_model.finishing import activated, takes_activation
from littoral.webnn.to_model.shapes import Shape, composed, merged_axes, moves_nothing, swapped

_BUILTIN = set(BUILTIN_OPTIONS.values())

_MOST_AXES = 4

_ELEMENTWISE = {
    *("ABS", "ADD", "CAST", "CEIL", "COS", "DIV", "ELU", "EXP", "FLOOR", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOG"),
    *("LOGISTIC", "MAXIMUM", "MINIMUM", "MUL", "NEG", "RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1", "ROUND"),
    *("SIN", "SQRT", "SUB", "TANH"),
}
"""Operators that may be written before a transpose as well as after it."""


class Emitter:
    """Tensors and operators, by index, as a program is lowered call by call.

    Args:
        program: What is lowered.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self._stored: Mapping[int, int] = {}  # operand -> the quantized tensor that stands for it now
        self.tensors: list[Tensor] = []
        self.operators: list[Operator] = []
        self._codes: dict[tuple[str, int], OperatorCode] = {}
        self._made: dict[int, int] = {}  # operand -> tensor
        self._casts: dict[tuple[int, TensorType], int] = {}
        self._numbers: dict[tuple[str, TensorType], int] = {}
        self._later: dict[int, Callable[[], None]] = {}  # operand -> what makes it
        self._makers: dict[int, Operator] = {}  # tensor -> the operator that writes it
        self._inputs = [self._input(name, program.operands[number]) for name, number in program.inputs.items()]
        for number, tensor in zip(program.inputs.values(), self._inputs, strict=True):
            shape = program.operands[number].shape
            self._made[number] = tensor if shape else self.copy(tensor, shape)

    def _input(self, name: str, descriptor: Descriptor) -> int:
        """A tensor that is given at each run; LiteRT takes no scalars there, but vectors of one element."""
        return self.tensor(TYPES[descriptor.data_type], descriptor.shape or (1,), name=name)

    def take(self, ref: Value) -> int:
        """The tensor of an operand."""
        assert isinstance(ref, Ref)
        if ref.operand in self._stored:
            return self._stored[ref.operand]
        if ref.operand in self._later:
            self._later.pop(ref.operand)()
        if ref.operand not in self._made:
            self._made[ref.operand] = self.constant(self.program.constants[ref.operand])
        return self._made[ref.operand]

    def defer(self, call: Call, lower: Callable[[], None]) -> None:
        """Has a call lowered when one of its outputs is needed, if ever."""
        self._later.update(dict.fromkeys(call.outputs, lower))

    @contextmanager
    def quantized(self, stored: Mapping[int, int]) -> Iterator[None]:
        """For as long as one call is lowered, operands are the quantized tensors that stand for them."""
        self._stored = stored
        try:
            yield
        finally:
            self._stored = {}

    @property
    def quantizing(self) -> bool:
        """Whether what the operators of a call read and write is quantized now."""
        return bool(self._stored)

    def take_all(self, refs: Value) -> list[int]:
        """The tensors of a list of operands."""
        assert isinstance(refs, tuple)
        return [self.take(ref) for ref in refs if isinstance(ref, Ref)]

    def take_float(self, ref: Value) -> int:
        """The tensor of an operand, float16 as float32: what LiteRT has kernels for on every processor."""
        tensor = self.take(ref)
        return self.cast(tensor, TensorType.FLOAT32) if self.type(tensor) == TensorType.FLOAT16 else tensor

    def give(self, call: Call, tensor: int) -> int:
        """The tensor in the type that the call returns; a quantized one stays as it is."""
        return tensor if self.quantizing else self.cast(tensor, TYPES[self.described(call.outputs[0]).data_type])

    def put(self, call: Call, tensors: Sequence[int]) -> None:
        """Says which tensors are what a call returns."""
        self._made.update(zip(call.outputs, tensors, strict=True))

    def described(self, operand: int) -> Descriptor:
        """What an operand of the program is."""
        return self.program.operands[operand]

    def maker(self, tensor: int, name: str) -> Operator | None:
        """The operator that writes a tensor, where there is one and it is of a name."""
        operator = self._makers.get(tensor)
        return operator if operator is not None and operator.name == name else None

    def value(self, tensor: int) -> Array | None:
        """The value of a constant tensor; None where it is not constant."""
        return self.tensors[tensor].data

    def shape(self, tensor: int) -> Shape:
        """Of a tensor."""
        return self.tensors[tensor].shape

    def type(self, tensor: int) -> TensorType:
        """Of a tensor."""
        return self.tensors[tensor].type

    def tensor(
        self, type_: TensorType, shape: Sequence[int], *, quantization: Quantization | None = None, name: str = ""
    ) -> int:
        """A new tensor that an operator is to write."""
        name = name or f"t{len(self.tensors)}"
        self.tensors.append(Tensor(name=name, type=type_, shape=tuple(shape), quantization=quantization))
        return len(self.tensors) - 1

    def constant(self, value: Any, type_: TensorType | None = None, quantization: Quantization | None = None) -> int:
        """A new tensor with a value; its bytes are not copied."""
        array = np.ascontiguousarray(value)
        data = memoryview(array.reshape(-1).view(np.uint8).data) if array.size else memoryview(b"")
        self.tensors.append(
            Tensor(
                name=f"c{len(self.tensors)}",
                type=TYPES[array.dtype.name] if type_ is None else type_,
                shape=np.shape(value),
                buffer=Buffer(data=data),
                quantization=quantization,
            )
        )
        return len(self.tensors) - 1

    def number(self, value: float, type_: TensorType = TensorType.FLOAT32) -> int:
        """A constant scalar; asked for again it is the same tensor."""
        key = (repr(value), type_)
        if key not in self._numbers:
            self._numbers[key] = self.constant(np.array(value, NUMPY[type_]), type_)
        return self._numbers[key]

    def indices(self, values: Sequence[int]) -> int:
        """A constant int32 vector: axes, sizes and the like."""
        return self.constant(np.array(values, np.int32))

    def emit(
        self,
        name: str,
        inputs: Sequence[int],
        shape: Sequence[int],
        type_: TensorType | None = None,
        options: Table | None = None,
        version: int = 1,
    ) -> int:
        """An operator with one output, of the type of its first input unless said otherwise; the output.

        One that works element by element is written before the transposes of its inputs instead of after them, so that
        these meet and cancel each other.
        """
        if name in _ELEMENTWISE and (before := self.before_transposes(inputs, shape)) is not None:
            sources, order, shape = before
            return self.transpose(self.emit(name, sources, shape, type_, options, version), order)
        type_ = self.type(inputs[0]) if type_ is None else type_
        output = self.tensor(type_, shape, quantization=self._kept(inputs[0], type_))
        self.write(name, inputs, (output,), options, version)
        return output

    def _kept(self, tensor: int, type_: TensorType) -> Quantization | None:
        return self.tensors[tensor].quantization if self.type(tensor) == type_ else None

    def requantize(self, tensor: int, quantization: Quantization) -> None:
        """Says what a tensor's integers stand for, and those of what it is only reshaped or transposed from."""
        self.tensors[tensor] = self.tensors[tensor].replaced(quantization=quantization)
        if maker := self.maker(tensor, "RESHAPE") or self.maker(tensor, "TRANSPOSE"):
            self.requantize(maker.inputs[0], quantization)

    def activate(self, tensor: int, activation: ActivationFunction) -> None:
        """Has the operator that writes a tensor, before it is reshaped or transposed, apply an activation as well.

        Raises:
            UnfitError: It cannot.
        """
        if maker := self.maker(tensor, "RESHAPE") or self.maker(tensor, "TRANSPOSE"):
            self.activate(maker.inputs[0], activation)
            return
        made = self._makers.get(tensor)
        if made is None or made.name in ("CONCATENATION", "TRANSPOSE_CONV") or not takes_activation(made):
            raise UnfitError
        changed = activated(made, activation)
        self.operators[next(n for n, one in enumerate(self.operators) if one is made)] = changed
        self._makers[tensor] = changed

    def write(
        self, name: str, inputs: Sequence[int], outputs: Sequence[int], options: Table | None = None, version: int = 1
    ) -> None:
        """An operator that writes tensors that are there already."""
        code = self._codes.setdefault((name, version), OperatorCode.of(name, version))
        first, second = (options, None) if type(options) in _BUILTIN else (None, options)
        operator = Operator(code=code, inputs=tuple(inputs), outputs=tuple(outputs), options=first, options_2=second)
        self.operators.append(operator)
        self._makers.update(dict.fromkeys(operator.outputs, operator))

    def apply(
        self, name: str, inputs: Sequence[int], options: Table | None = None, type_: TensorType | None = None
    ) -> int:
        """An element-wise operator on inputs that broadcast; `type_` is the output's where it is not the first input's.

        Kernels broadcast up to four axes: of more, those that do the same are merged, and what is left is written out.
        """
        shapes = [self.shape(tensor) for tensor in inputs]
        shape = np.broadcast_shapes(*shapes)
        if len(shape) <= _MOST_AXES or all(one == shape for one in shapes):
            return self.emit(name, inputs, shape, type_, options)
        shapes = merged_axes(shapes)
        small = [self.reshape(tensor, one) for tensor, one in zip(inputs, shapes, strict=True)]
        merged = np.broadcast_shapes(*shapes)
        if len(merged) > _MOST_AXES:
            small = [self.broadcast(tensor, merged) for tensor in small]
        return self.reshape(self.emit(name, small, merged, type_, options), shape)

    def broadcast(self, tensor: int, shape: Sequence[int]) -> int:
        """The tensor repeated to a shape."""
        if self.shape(tensor) == tuple(shape):
            return tensor
        value = self.value(tensor)
        if value is not None:
            return self.constant(np.broadcast_to(value, shape), self.type(tensor))
        return self.emit("BROADCAST_TO", (tensor, self.indices(shape)), shape, None, BroadcastToOptions(), 2)

    def bitcast(self, tensor: int, type_: TensorType, shape: Sequence[int] | None = None) -> int:
        """The same bytes as another type, perhaps of another size."""
        shape = self.shape(tensor) if shape is None else shape
        value = self.value(tensor)
        if value is not None:
            return self.constant(value.reshape(-1).view(NUMPY[type_]).reshape(shape), type_)
        return self.emit("BITCAST", (tensor,), shape, type_, BitcastOptions())

    def cast(self, tensor: int, type_: TensorType) -> int:
        """The tensor in another type; constants are cast now, and nothing is cast twice.

        Integers wrap around. LiteRT has no casts of uint64: it goes by way of int64, which has the same bytes.
        """
        if self.type(tensor) == type_:
            return tensor
        key = (tensor, type_)
        if key not in self._casts:
            self._casts[key] = self._cast(tensor, type_)
        return self._casts[key]

    def _cast(self, tensor: int, type_: TensorType) -> int:
        value, old = self.value(tensor), self.type(tensor)
        if value is not None:
            with np.errstate(all="ignore"):
                return self.constant(value.astype(NUMPY[type_]), type_)
        if type_ == TensorType.BOOL and (maker := self.maker(tensor, "CAST")) and self.type(maker.inputs[0]) == type_:
            return maker.inputs[0]
        if old == TensorType.UINT64:
            return self.cast(self.bitcast(tensor, TensorType.INT64), type_)
        if type_ == TensorType.UINT64:
            return self.bitcast(self.cast(tensor, TensorType.INT64), type_)
        return self.emit(
            "CAST", (tensor,), self.shape(tensor), type_, CastOptions(in_data_type=old, out_data_type=type_)
        )

    def reshape(self, tensor: int, shape: Sequence[int]) -> int:
        """The tensor in another shape of as many elements."""
        shape = tuple(shape)
        assert prod(shape) == prod(self.shape(tensor))
        if self.shape(tensor) == shape:
            return tensor
        value = self.value(tensor)
        if value is not None:
            return self.constant(value.reshape(shape), self.type(tensor), self.tensors[tensor].quantization)
        maker = self.maker(tensor, "RESHAPE")
        if maker and self.tensors[maker.inputs[0]].quantization is self.tensors[tensor].quantization:
            return self.reshape(maker.inputs[0], shape)
        return self.copy(tensor, shape)

    def copy(self, tensor: int, shape: Sequence[int] | None = None) -> int:
        """A tensor of its own with the same value, perhaps in another shape."""
        shape = self.shape(tensor) if shape is None else tuple(shape)
        target = self.constant(np.array(shape, np.int32))
        output = self.tensor(self.type(tensor), shape, quantization=self.tensors[tensor].quantization)
        self.write("RESHAPE", (tensor, target), (output,), ReshapeOptions(new_shape=shape))
        return output

    def transpose(self, tensor: int, order: Sequence[int]) -> int:
        """The tensor with its axes in another order; of a tensor that is transposed already, one transpose in all."""
        order = tuple(order)
        if order == tuple(range(len(order))):
            return tensor
        shape = tuple(self.shape(tensor)[axis] for axis in order)
        if maker := self.maker(tensor, "TRANSPOSE"):
            return self.transpose(maker.inputs[0], composed(self._order(maker), order))
        value = self.value(tensor)
        quantization = _transposed(self.tensors[tensor].quantization, order)
        if value is not None:
            return self.constant(value.transpose(order), self.type(tensor), quantization)
        if moves_nothing(self.shape(tensor), order):
            return self.reshape(tensor, shape)
        output = self.tensor(self.type(tensor), shape, quantization=quantization)
        self.write("TRANSPOSE", (tensor, self.constant(np.array(order, np.int32))), (output,), TransposeOptions())
        return output

    def _order(self, transpose: Operator) -> Shape:
        value = self.value(transpose.inputs[1])
        assert value is not None
        return tuple(value.tolist())

    def before_transposes(self, inputs: Sequence[int], shape: Sequence[int]) -> tuple[list[int], Shape, Shape] | None:
        """What inputs are before they are transposed, in what order that is, and an output's shape, if they are.

        All must be transposed in the same way, or be constants.
        """
        makers = [self.maker(tensor, "TRANSPOSE") for tensor in inputs if not self.tensors[tensor].is_constant]
        orders = {self._order(maker) if maker else None for maker in makers}
        order = orders.pop() if len(orders) == 1 else None
        if order is None or len(order) != len(shape):
            return None
        back = swapped(order)
        sources = [
            maker.inputs[0] if (maker := self.maker(tensor, "TRANSPOSE")) else self._constant_before(tensor, back)
            for tensor in inputs
        ]
        return sources, order, tuple(shape[axis] for axis in back)

    def _constant_before(self, tensor: int, back: Shape) -> int:
        shape = self.shape(tensor)
        if prod(shape) == 1 and not shape:
            return tensor
        return self.transpose(self.reshape(tensor, (1,) * (len(back) - len(shape)) + shape), back)

    def finish(self) -> Subgraph:
        """The subgraph, with the program's names on inputs and outputs.

        Outputs are tensors of their own: not inputs, not constants, and no two the same.
        """
        outputs: list[int] = []
        for name, number in self.program.outputs.items():
            tensor = self.take(Ref(number))
            if tensor in self._inputs or tensor in outputs or self.tensors[tensor].is_constant:
                tensor = self.copy(tensor)
            self.tensors[tensor] = self.tensors[tensor].replaced(name=name)
            outputs.append(tensor)
        return Subgraph(
            name="main",
            tensors=self.tensors,
            operators=self.operators,
            inputs=tuple(self._inputs),
            outputs=tuple(outputs),
        )


class UnfitError(Exception):
    """No quantized kernel computes this; it is computed in real numbers."""


def _transposed(quantization: Quantization | None, order: Shape) -> Quantization | None:
    if quantization is None or quantization.scale.size == 1:
        return quantization
    return quantization.replaced(quantized_dimension=order.index(quantization.quantized_dimension))


TYPES: Mapping[str, TensorType] = {
    **{name: TensorType[name.upper()] for name in ("float32", "float16", "int32", "uint32", "int64", "uint64")},
    **{name: TensorType[name.upper()] for name in ("int8", "uint8", "int16", "bool")},
}
"""Tensor types by the names of numpy, which are those of the standard too."""

NUMPY: Mapping[TensorType, str] = {type_: name for name, type_ in TYPES.items()}
"""The other way."""
