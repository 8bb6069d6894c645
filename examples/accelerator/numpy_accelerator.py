"""An accelerator of one's own: NumPy runs additions and dense layers of floats."""

import numpy as np

from littoral.runtime.delegate import Delegate
from littoral.tflite import TensorType

ACTIVATIONS = {0: lambda y: y, 1: lambda y: np.maximum(y, 0), 3: lambda y: np.clip(y, 0, 6)}  # none, RELU, RELU6


class NumPy(Delegate):
    name = "numpy"

    def claim(self, subgraph, operator):
        if operator.name not in ("ADD", "FULLY_CONNECTED"):
            return False
        tensors = [subgraph.tensors[index] for index in (*operator.inputs, *operator.outputs) if index >= 0]
        if any(tensor.type != TensorType.FLOAT32 for tensor in tensors):
            return "floats only"
        return operator.options.fused_activation_function in ACTIVATIONS or "no such activation"

    def compile(self, partition):
        operators = [partition.whole.operators[index] for index in partition.operators]
        constants = {index: tensor.data for index, tensor in enumerate(partition.whole.tensors) if tensor.is_constant}

        def kernel(inputs, outputs):
            values = {**constants, **dict(zip(partition.inputs, inputs, strict=True))}
            for operator in operators:
                a, b, *bias = (values[index] for index in operator.inputs if index >= 0)
                y = a + b if operator.name == "ADD" else a.reshape(-1, b.shape[1]) @ b.T + sum(bias)
                y = ACTIVATIONS[operator.options.fused_activation_function](y)
                values[operator.outputs[0]] = y.reshape(partition.tensor(operator.outputs[0]).shape)
            for index, output in zip(partition.outputs, outputs, strict=True):
                output[...] = values[index]

        return kernel
