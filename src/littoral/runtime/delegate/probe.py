"""The self-test of one runtime, run in a child process, as a wrong layout of a struct would end it.

`python -m littoral.runtime.delegate.probe MODULE CLASS` is silent and exits with 0 when all is well.
"""

from __future__ import annotations

import ctypes
import importlib
import sys
import warnings
from functools import reduce
from math import prod
from typing import Any

import numpy as np

from littoral.errors import DeviceError, LittoralError
from littoral.runtime.delegate import structs
from littoral.runtime.delegate.base import Array, Delegate, Kernel
from littoral.runtime.delegate.native import Attachment, live_kernels
from littoral.runtime.delegate.partition import Partition
from littoral.runtime.delegate.subgraphs import subgraph_index, tensors
from littoral.tflite import (
    Buffer,
    Graph,
    Operator,
    OperatorCode,
    Quantization,
    Subgraph,
    Tensor,
    TensorType,
    to_bytes,
)

_WEIGHTS = np.arange(12, dtype=np.float32).reshape(3, 4) - 5


class Probe(Delegate):
    """Takes the additions and multiplications of the probe's model."""

    name = "probe"

    def claim(self, _: Subgraph, operator: Operator) -> bool:
        """Leaves quantization to the runtime."""
        return operator.name in ("ADD", "MUL")

    def compile(self, partition: Partition) -> Kernel:
        """One kernel for x + w, and one for (x + w) * (x + w)."""
        squared = partition.whole.operators[partition.operators[-1]].name == "MUL"

        def kernel(inputs: tuple[Array, ...], outputs: tuple[Array, ...]) -> None:
            total = inputs[0] + _WEIGHTS
            outputs[0][...] = total * total if squared else total

        return kernel


class Inspected(Attachment):
    """Compares all that the runtime says of tensors with the model file."""

    seen: frozenset[int] = frozenset()

    def prepare(self, context: int, delegate: int) -> int:
        """Looks, then goes on."""
        index = subgraph_index(context, len(self.plan.graph.subgraphs))
        self.seen |= {index}
        for tensor, native in zip(self.plan.graph.subgraphs[index].tensors, tensors(context), strict=False):
            _compare(tensor, native)
        return super().prepare(context, delegate)


def model() -> Graph:
    """Two subgraphs of tensors of several types, shapes and quantizations, among them y = quantized((x + w)^2)."""
    scale = Quantization(scale=np.array([0.5], np.float32), zero_point=np.array([-3], np.int64))
    square = Subgraph(
        tensors=[
            Tensor(name="x", shape=(3, 4)),
            Tensor(name="w", shape=(3, 4), buffer=Buffer(data=_WEIGHTS.tobytes())),
            Tensor(name="sum", shape=(3, 4)),
            Tensor(name="square", shape=(3, 4)),
            Tensor(name="y", shape=(3, 4), type=TensorType.INT8, quantization=scale),
        ],
        inputs=(0,),
        outputs=(3, 4),
        operators=[_operator("ADD", (0, 1), (2,)), _operator("MUL", (2, 2), (3,)), _operator("QUANTIZE", (3,), (4,))],
    )
    other = Subgraph(
        tensors=[Tensor(name=name, shape=(5,), type=TensorType.INT32) for name in ("p", "q", "r")],
        inputs=(0, 1),
        outputs=(2,),
        operators=[_operator("ADD", (0, 1), (2,))],
        name="other",
    )
    return Graph(subgraphs=[square, other], metadata=[], signatures=[])


def probe(interpreter: Any) -> None:
    """Runs the model with the delegate, and leaves it.

    Raises:
        DeviceError: The runtime and we do not see the same.
    """
    attachment = Inspected(model(), Probe())
    with attachment:
        native = interpreter(model_content=to_bytes(model()), experimental_delegates=[attachment])
        _expect(attachment.seen == {0, 1}, f"subgraphs {sorted(attachment.seen)} were offered")
        for scale in (1, -2):
            _check_run(native, np.arange(12, dtype=np.float32).reshape(3, 4) * scale)
    _expect(attachment.placement.operators[0].runner == "probe", "the operators were not taken")
    del native
    _expect(live_kernels() == 0, "kernels are left")


def _check_run(native: Any, x: Array) -> None:
    native.allocate_tensors()
    native.set_tensor(0, x)
    native.invoke()
    square = (x + _WEIGHTS) ** 2
    stored = np.clip(np.round(square / 0.5) - 3, -128, 127)
    _expect(np.array_equal(native.get_tensor(3), square), "the kernel's result did not arrive")
    _expect(np.array_equal(native.get_tensor(4), stored), "the operator behind the kernel saw another result")


def _compare(tensor: Tensor, native: structs.Tensor) -> None:
    said = (native.name, native.type, structs.items(native.dims), native.bytes)
    size = prod(tensor.shape) * tensor.dtype.itemsize
    expected = (tensor.name.encode(), structs.RUNTIME_TYPES[tensor.type], tensor.shape, size)
    _expect(said == expected, f"tensor {expected} is said to be {said}")
    if (constant := tensor.data) is not None:
        _expect(native.allocation_type == structs.MAPPED_READ_ONLY, f"{tensor.name} is not said to be constant")
        seen = (ctypes.c_char * native.bytes).from_address(native.data)
        _expect(bytes(seen) == constant.tobytes(), f"{tensor.name} has another value")


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise DeviceError(otherwise)


def _operator(name: str, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Operator:
    return Operator(code=OperatorCode.of(name), inputs=inputs, outputs=outputs)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    try:
        probe(reduce(getattr, sys.argv[2].split("."), importlib.import_module(sys.argv[1])))
    except LittoralError as found:
        sys.exit(str(found))
