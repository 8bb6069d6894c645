"""What a lowering writes into: the tensors and operators of a model file that is being made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from littoral.tflite import Buffer, Operator, OperatorCode, Quantization, Subgraph, Tensor, TensorType
from littoral.tflite.options import BUILTIN_OPTIONS
from littoral.tflite.options.conversion import CastOptions
from littoral.tflite.options.shape import ReshapeOptions, TransposeOptions
from littoral.tflite.wire import Table
from littoral.webnn.program import Array, Call, Descriptor, Program, Ref, Value

Shape = tuple[int, ...]

_BUILTIN = set(BUILTIN_OPTIONS.values())


class Emitter:
    """Tensors and operators, by index, as a program is lowered call by call.

    Args:
        program: What is lowered.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.tensors: list[Tensor] = []
        self.operators: list[Operator] = []
        self._codes: dict[tuple[str, int], OperatorCode] = {}
        self._made: dict[int, int] = {}  # operand -> tensor
        self._casts: dict[tuple[int, TensorType], int] = {}
        for name, number in program.inputs.items():
            self._made[number] = self.tensor(_type(program.operands[number]), program.operands[number].shape, name=name)

    def take(self, ref: Value) -> int:
        """The tensor of an operand."""
        assert isinstance(ref, Ref)
        if ref.operand not in self._made:
            self._made[ref.operand] = self.constant(self.program.constants[ref.operand])
        return self._made[ref.operand]

    def take_all(self, refs: Value) -> list[int]:
        """The tensors of a list of operands."""
        assert isinstance(refs, tuple)
        return [self.take(ref) for ref in refs if isinstance(ref, Ref)]

    def put(self, call: Call, tensors: Sequence[int]) -> None:
        """Says which tensors are what a call returns."""
        self._made.update(zip(call.outputs, tensors, strict=True))

    def described(self, operand: int) -> Descriptor:
        """What an operand of the program is."""
        return self.program.operands[operand]

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
        data = memoryview(array.reshape(-1).view(np.uint8)) if array.size else memoryview(b"")
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

    def emit(
        self,
        name: str,
        inputs: Sequence[int],
        shape: Sequence[int],
        type_: TensorType | None = None,
        options: Table | None = None,
        version: int = 1,
    ) -> int:
        """An operator with one output, of the type of its first input unless said otherwise; the output."""
        output = self.tensor(self.type(inputs[0]) if type_ is None else type_, shape)
        self.write(name, inputs, (output,), options, version)
        return output

    def write(
        self, name: str, inputs: Sequence[int], outputs: Sequence[int], options: Table | None = None, version: int = 1
    ) -> None:
        """An operator that writes tensors that are there already."""
        code = self._codes.setdefault((name, version), OperatorCode.of(name, version))
        first, second = (options, None) if type(options) in _BUILTIN else (None, options)
        self.operators.append(
            Operator(code=code, inputs=tuple(inputs), outputs=tuple(outputs), options=first, options_2=second)
        )

    def cast(self, tensor: int, type_: TensorType) -> int:
        """The tensor in another type; constants are cast now, and nothing is cast twice."""
        if self.type(tensor) == type_:
            return tensor
        key = (tensor, type_)
        if key not in self._casts:
            value = self.value(tensor)
            if value is not None:
                with np.errstate(all="ignore"):
                    self._casts[key] = self.constant(value.astype(NUMPY[type_]), type_)
            else:
                options = CastOptions(in_data_type=self.type(tensor), out_data_type=type_)
                self._casts[key] = self.emit("CAST", (tensor,), self.shape(tensor), type_, options)
        return self._casts[key]

    def reshape(self, tensor: int, shape: Sequence[int]) -> int:
        """The tensor in another shape of as many elements."""
        shape = tuple(shape)
        assert prod(shape) == prod(self.shape(tensor))
        if self.shape(tensor) == shape:
            return tensor
        value = self.value(tensor)
        if value is not None:
            return self.constant(value.reshape(shape), self.type(tensor), self.tensors[tensor].quantization)
        return self.copy(tensor, shape)

    def copy(self, tensor: int, shape: Sequence[int] | None = None) -> int:
        """A tensor of its own with the same value, perhaps in another shape."""
        shape = self.shape(tensor) if shape is None else tuple(shape)
        target = self.constant(np.array(shape, np.int32))
        output = self.tensor(self.type(tensor), shape, quantization=self.tensors[tensor].quantization)
        self.write("RESHAPE", (tensor, target), (output,), ReshapeOptions(new_shape=shape))
        return output

    def transpose(self, tensor: int, order: Sequence[int]) -> int:
        """The tensor with its axes in another order."""
        order = tuple(order)
        if order == tuple(range(len(order))):
            return tensor
        shape = tuple(self.shape(tensor)[axis] for axis in order)
        value = self.value(tensor)
        if value is not None:
            return self.constant(value.transpose(order), self.type(tensor), self.tensors[tensor].quantization)
        output = self.tensor(self.type(tensor), shape, quantization=self.tensors[tensor].quantization)
        self.write("TRANSPOSE", (tensor, self.constant(np.array(order, np.int32))), (output,), TransposeOptions())
        return output

    def finish(self) -> Subgraph:
        """The subgraph, with the program's names on inputs and outputs.

        Outputs are tensors of their own: not inputs, not constants, and no two the same.
        """
        inputs = [self._made[number] for number in self.program.inputs.values()]
        outputs: list[int] = []
        for name, number in self.program.outputs.items():
            tensor = self._made[number]
            if tensor in inputs or tensor in outputs or self.tensors[tensor].is_constant:
                tensor = self.copy(tensor)
            self.tensors[tensor] = self.tensors[tensor].replaced(name=name)
            outputs.append(tensor)
        return Subgraph(
            name="main", tensors=self.tensors, operators=self.operators, inputs=tuple(inputs), outputs=tuple(outputs)
        )


TYPES: Mapping[str, TensorType] = {
    **{name: TensorType[name.upper()] for name in ("float32", "float16", "int32", "uint32", "int64", "uint64")},
    **{name: TensorType[name.upper()] for name in ("int8", "uint8", "int16", "bool")},
}
"""Tensor types by the names of numpy, which are those of the standard too."""

NUMPY: Mapping[TensorType, str] = {type_: name for name, type_ in TYPES.items()}
"""The other way."""


def _type(descriptor: Descriptor) -> TensorType:
    return TYPES[descriptor.data_type]
