"""What a lowering writes into: a program that is being made, and what each tensor of the model file is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from littoral.tflite import Subgraph, Tensor, TensorType
from littoral.webnn.builder import refs
from littoral.webnn.from_model.quantized import is_integer_quantized, parameters
from littoral.webnn.from_model.unmapped import Unmapped
from littoral.webnn.idl import signatures
from littoral.webnn.program import DTYPES, Array, Call, Descriptor, Program, Ref, Value
from littoral.webnn.rules import complete

Shape = tuple[int, ...]

_LARGE = 4096  # constants of one value that have more elements are expanded by the program, to keep weights small
_SHARED = 64  # constants of up to so many bytes are kept once: scales, zero points, small numbers
_TYPES = {
    **{TensorType[name.upper()]: name for name in DTYPES},
    TensorType.BOOL: "uint8",
    TensorType.INT4: "int8",
    TensorType.UINT4: "uint8",
    TensorType.INT2: "int8",
}
"""Data types by those of model files; what has less than a byte is unpacked."""


class Recorder:
    """Calls and operands, as operators are lowered one after the other.

    A tensor is known by its value (constants, and what is computed from constants and shapes), or as an operand that
    holds what the file's tensor holds: stored integers where it is quantized.

    Args:
        subgraph: Whose tensors are lowered.
    """

    def __init__(self, subgraph: Subgraph) -> None:
        self.subgraph = subgraph
        self.operands: list[Descriptor] = []
        self.constants: dict[int, Array] = {}
        self.calls: list[Call] = []
        self._values: dict[int, Array] = {}
        self._stored: dict[int, Ref] = {}
        self._real: dict[tuple[int, Shape], Ref] = {}
        self._small: dict[tuple[str, Shape, bytes], Ref] = {}

    def tensor(self, tensor: int) -> Tensor:
        """A tensor of the file."""
        return self.subgraph.tensors[tensor]

    def describe(self, ref: Ref) -> Descriptor:
        """What an operand is."""
        return self.operands[ref.operand]

    def value(self, tensor: int) -> Array | None:
        """The value of a tensor as it is stored; None where only a run knows it."""
        if tensor in self._values or tensor in self._stored:
            return self._values.get(tensor)
        found = self.tensor(tensor)
        if found.sparsity is not None:
            raise Unmapped(f"{found.name!r} is sparse", "Store its weights densely: convert without sparsity")
        return found.data

    def shape(self, tensor: int) -> Shape:
        """Of a tensor, as the operators before it make it."""
        value = self.value(tensor)
        return self.describe(self.stored(tensor)).shape if value is None else value.shape

    def new(self, descriptor: Descriptor) -> Ref:
        """A new operand."""
        self.operands.append(descriptor)
        return Ref(len(self.operands) - 1)

    def given(self, tensor: int) -> Ref:
        """A tensor that is given at each run."""
        found = self.tensor(tensor)
        self._stored[tensor] = self.new(Descriptor(data_type(found), _positive(found)))
        return self._stored[tensor]

    def call(self, operation: str, **parts: Value) -> Ref:
        """One call that returns an operand; arguments and options by the standard's names."""
        (made,) = self.call_all(operation, **parts)
        return made

    def call_all(self, operation: str, **parts: Value) -> tuple[Ref, ...]:
        """One call that returns several operands."""
        names = [parameter.name for parameter in signatures()[operation].arguments]
        arguments = {name: parts[name] for name in names}  # in the standard's order, in which a page gives them
        options = {name: value for name, value in parts.items() if name not in arguments}
        done = complete(operation, arguments, options, self.describe)
        made = tuple(self.new(descriptor) for descriptor in done.outputs)
        self.calls.append(Call(operation, done.arguments, done.options, tuple(ref.operand for ref in made)))
        return made

    def constant(self, value: Any, dtype: Any = None) -> Ref:
        """An operand of a known value; not copied where it lies as a program has it."""
        array = np.asarray(value, dtype)
        if array.size > _LARGE and not any(array.strides):
            scalar = self.constant(array.reshape(-1)[:1].reshape((1,) * array.ndim))
            return self.call("expand", input=scalar, newShape=array.shape)
        array = np.ascontiguousarray(array).reshape(array.shape)
        array = array.view(np.uint8) if array.dtype == np.bool_ else array
        if array.dtype.name not in DTYPES or not array.size:
            raise Unmapped(f"a constant is {array.dtype} {list(array.shape)}", "WebNN has no such operands")
        if array.nbytes > _SHARED:
            return self._keep(array)
        key = (array.dtype.name, array.shape, array.tobytes())
        if key not in self._small:
            self._small[key] = self._keep(array)
        return self._small[key]

    def reshape(self, ref: Ref, shape: Sequence[int]) -> Ref:
        """An operand in another shape of as many elements; constants are reshaped now."""
        shape = tuple(shape)
        if self.describe(ref).shape == shape:
            return ref
        if ref.operand in self.constants:
            return self.constant(self.constants[ref.operand].reshape(shape))
        return self.call("reshape", input=ref, newShape=shape)

    def stored(self, tensor: int) -> Ref:
        """The operand that holds what a tensor holds."""
        if tensor not in self._stored:
            value = self.value(tensor)
            if value is None:
                return self.given(tensor)
            self._stored[tensor] = self.constant(value)
        return self._stored[tensor]

    def real(self, tensor: int, shape: Sequence[int] | None = None) -> Ref:
        """The operand of a tensor's real values, float32.

        Args:
            tensor: Of the file.
            shape: To be reshaped to before it is dequantized, so that nothing stands between that and its use.
        """
        shape = self.shape(tensor) if shape is None else tuple(shape)
        key = (tensor, shape)
        if key not in self._real:
            self._real[key] = self._as_real(tensor, shape)
        return self._real[key]

    def put(self, tensor: int, made: Ref | Array, shape: Sequence[int] | None = None) -> None:
        """Says what a tensor is: its value, or an operand of stored or real values.

        Args:
            tensor: An operator's output.
            made: Real values are brought to the stored type: quantized, or cast to float16.
            shape: The tensor's, where the operand is another one of as many elements.
        """
        if isinstance(made, np.ndarray):
            self._values[tensor] = made
            return
        found, is_type = self.tensor(tensor), self.describe(made).data_type
        stored = data_type(found)
        if is_type != stored:
            if is_type != "float32":
                raise Unmapped(f"{found.name!r} is {stored}, and it would be {is_type}", "Convert the model again")
            made = self._from_real(found, made, stored)
        self._stored[tensor] = made if shape is None else self.reshape(made, shape)

    def program(self, inputs: Mapping[str, int], outputs: Mapping[str, int]) -> Program:
        """The program that computes some tensors of others, and nothing else.

        Args:
            inputs: Tensors by name; those that nothing needs are left out.
            outputs: Tensors by name; those that no call makes go through an identity.
        """
        results = {name: self._made(self.stored(tensor)) for name, tensor in outputs.items()}
        taken: set[int] = set()
        for name, number in results.items():
            if number in taken:
                results[name] = self.call("identity", input=Ref(number)).operand
            taken.add(number)
        needed, kept = set(results.values()), []
        for call in reversed(self.calls):
            if needed.intersection(call.outputs):
                kept.append(call)
                needed.update(call.outputs, (ref.operand for ref in refs(call)))
        given = {name: self._stored[tensor].operand for name, tensor in inputs.items()}
        return Program(
            operands=tuple(self.operands),
            inputs={name: number for name, number in given.items() if number in needed},
            constants={number: array for number, array in self.constants.items() if number in needed},
            calls=tuple(reversed(kept)),
            outputs=results,
        )

    def _keep(self, array: Array) -> Ref:
        ref = self.new(Descriptor(array.dtype.name, array.shape))
        self.constants[ref.operand] = array
        return ref

    def _as_real(self, tensor: int, shape: Shape) -> Ref:
        found, value = self.tensor(tensor), self.value(tensor)
        if is_integer_quantized(found):
            stored = self.reshape(self.stored(tensor), shape)
            scale, zero_point = parameters(found, shape, self.describe(stored).dtype)
            return self.call(
                "dequantizeLinear", input=stored, scale=self.constant(scale), zeroPoint=self.constant(zero_point)
            )
        if value is not None and value.dtype == np.float16:
            return self.constant(value.astype(np.float32).reshape(shape))
        stored = self.reshape(self.stored(tensor), shape)
        if self.describe(stored).data_type == "float16":
            return self.call("cast", input=stored, dataType="float32")
        return stored

    def _from_real(self, found: Tensor, made: Ref, stored: str) -> Ref:
        if not is_integer_quantized(found):
            return self.call("cast", input=made, dataType=stored)
        scale, zero_point = parameters(found, self.describe(made).shape, DTYPES[stored])
        return self.call("quantizeLinear", input=made, scale=self.constant(scale), zeroPoint=self.constant(zero_point))

    def _made(self, ref: Ref) -> int:
        """The number of an operand that is the output of a call: builders take no others as results."""
        if any(ref.operand in call.outputs for call in reversed(self.calls)):
            return ref.operand
        return self.call("identity", input=ref).operand


def data_type(tensor: Tensor) -> str:
    """The WebNN data type of what a tensor holds.

    Raises:
        Unmapped: There is none.
    """
    if tensor.type not in _TYPES:
        remedy = "WebNN has no such type: leave it to the processor"
        if tensor.type is TensorType.INT16:
            remedy = "WebNN has no int16: quantize activations to int8, or leave it to the processor"
        raise Unmapped(f"{tensor.name!r} is {tensor.type.name.lower()}", remedy)
    return _TYPES[tensor.type]


def _positive(tensor: Tensor) -> Shape:
    if not prod(tensor.shape):
        raise Unmapped(f"{tensor.name!r} has no elements: {list(tensor.shape)}", "WebNN has no empty tensors")
    return tuple(tensor.shape)
