"""Graphs that give chosen values for any picture, operator by operator."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from littoral.tflite import Buffer, Graph, Operator, OperatorCode, Subgraph, Tensor, TensorType
from littoral.tflite.options.conversion import CastOptions
from littoral.tflite.options.elementwise import AddOptions, MulOptions
from littoral.tflite.options.reduction import ReducerOptions

Array = npt.NDArray[Any]
_TYPES = {"f": TensorType.FLOAT32, "i": TensorType.INT32}


class Builder:
    """A graph that takes one float picture [1, height, width, 3], operator by operator."""

    def __init__(self, width: int = 16, height: int = 16) -> None:
        self.tensors = [Tensor(name="picture", shape=(1, height, width, 3))]
        self.operators: list[Operator] = []
        zero = self.add("MUL", [0, self.constant(np.zeros(1, np.float32))], (1, height, width, 3), MulOptions())
        axes = self.constant(np.arange(4, dtype=np.int32))
        self.nothing = self.add("MEAN", [zero, axes], (1,), ReducerOptions(keep_dims=True))
        self.tensors[self.nothing] = self.tensors[self.nothing].replaced(shape=(1, 1, 1, 1))

    def tensor(self, name: str, shape: tuple[int, ...], kind: TensorType = TensorType.FLOAT32) -> int:
        self.tensors.append(Tensor(name=name, shape=shape, type=kind))
        return len(self.tensors) - 1

    def constant(self, value: Array) -> int:
        kind = _TYPES[value.dtype.kind]
        self.tensors.append(Tensor(name="", shape=value.shape, type=kind, buffer=Buffer(data=value.tobytes())))
        return len(self.tensors) - 1

    def add(self, name: str, inputs: list[int], shape: tuple[int, ...], options: Any = None) -> int:
        output = self.tensor("", shape)
        code = OperatorCode.of(name)
        self.operators.append(Operator(code=code, inputs=tuple(inputs), outputs=(output,), options=options))
        return output

    def value(self, name: str, value: Array) -> int:
        """A tensor that the picture has no influence on, and that is computed all the same."""
        source = self.constant(value.astype(np.float32).reshape((1,) * (4 - value.ndim) + value.shape))
        shape = self.tensors[source].shape
        output = self.add("ADD", [source, self.nothing], tuple(shape), AddOptions())
        if value.ndim < 4:
            target = self.constant(np.array(value.shape, np.int32))
            output = self.add("RESHAPE", [output, target], value.shape)
        if value.dtype.kind == "i":
            cast = CastOptions(in_data_type=TensorType.FLOAT32, out_data_type=TensorType.INT32)
            output = self.add("CAST", [output], value.shape, cast)
            self.tensors[output] = self.tensors[output].replaced(type=TensorType.INT32)
        self.tensors[output] = self.tensors[output].replaced(name=name)
        return output

    def graph(self, outputs: list[int]) -> Graph:
        main = Subgraph(tensors=self.tensors, inputs=(0,), outputs=tuple(outputs), operators=self.operators)
        return Graph(subgraphs=[main], metadata=[], signatures=[])
