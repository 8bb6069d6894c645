"""Delegates and small models that tests of delegates share."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from littoral.runtime.delegate import Array, Delegate, Kernel, Partition, Region, live_kernels
from littoral.tflite import Buffer, Graph, Operator, OperatorCode, Subgraph, Tensor, TensorType, read, to_bytes

MODELS = (
    "coral/mobilenet_v1_0.25_128_quant.tflite",
    "coral/movenet_single_pose_lightning_ptq.tflite",
    "coral/keras_lstm_mnist_ptq.tflite",
    "coral/deeplabv3_mnv2_pascal_quant.tflite",
    "flowers/models/model.tflite",
)


class Scripted(Delegate):
    """A delegate of two functions; it remembers what it compiled."""

    name = "scripted"

    def __init__(
        self,
        kernel: Callable[[Partition], Any],
        claim: Callable[[Operator], bool | str] = lambda _: True,
        select: Callable[[Sequence[Region]], Sequence[Region]] = lambda regions: regions,
    ) -> None:
        self._kernel, self._claim, self._select = kernel, claim, select
        self.compiled: list[Partition] = []

    def claim(self, subgraph: Subgraph, operator: Operator) -> bool | str:
        return self._claim(operator)

    def select(self, subgraph: Subgraph, regions: Sequence[Region]) -> Sequence[Region]:
        return self._select(regions)

    def compile(self, partition: Partition) -> Kernel:
        self.compiled.append(partition)
        kernel: Kernel = self._kernel(partition)
        return kernel


def interpreted(partition: Partition) -> Kernel:
    """A kernel that runs the partition as a model of its own in another interpreter."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=to_bytes(partition.slice()))
    interpreter.allocate_tensors()
    into = [detail["index"] for detail in interpreter.get_input_details()]
    out_of = [detail["index"] for detail in interpreter.get_output_details()]

    def kernel(inputs: tuple[Array, ...], outputs: tuple[Array, ...]) -> None:
        for index, value in zip(into, inputs, strict=True):
            interpreter.set_tensor(index, value)
        interpreter.invoke()
        for index, result in zip(out_of, outputs, strict=True):
            result[...] = interpreter.get_tensor(index)

    return kernel


def arithmetic(partition: Partition) -> Kernel:
    """A kernel of ADD, SUB and MUL in numpy, constants included."""
    functions = {"ADD": np.add, "SUB": np.subtract, "MUL": np.multiply}

    def kernel(inputs: tuple[Array, ...], outputs: tuple[Array, ...]) -> None:
        values: dict[int, Any] = dict(zip(partition.inputs, inputs, strict=True))
        for index in partition.operators:
            operator = partition.whole.operators[index]
            operands: list[Any] = [values.get(place, partition.tensor(place).data) for place in operator.inputs]
            values[operator.outputs[0]] = functions[operator.name](*operands)
        for place, output in zip(partition.outputs, outputs, strict=True):
            output[...] = values[place]

    return kernel


def is_arithmetic(operator: Operator) -> bool:
    return operator.name in ("ADD", "SUB", "MUL")


def tensor(name: str, shape: Sequence[int] = (4,), value: npt.NDArray[Any] | None = None, **more: Any) -> Tensor:
    if value is None:
        return Tensor(name=name, shape=tuple(shape), **more)
    return Tensor(name=name, shape=value.shape, buffer=Buffer(data=value.tobytes()), **more)


def operator(name: str, inputs: Sequence[int], outputs: Sequence[int], **more: Any) -> Operator:
    return Operator(code=OperatorCode.of(name), inputs=tuple(inputs), outputs=tuple(outputs), **more)


def subgraph(
    tensors: list[Tensor], operators: list[Operator], inputs: Sequence[int], outputs: Sequence[int], name: str = ""
) -> Subgraph:
    return Subgraph(tensors=tensors, operators=operators, inputs=tuple(inputs), outputs=tuple(outputs), name=name)


def graph_of(*subgraphs: Subgraph) -> Graph:
    return Graph(subgraphs=list(subgraphs), metadata=[], signatures=[])


def sums(length: int = 3, shape: Sequence[int] = (4,), signature: Sequence[int] = ()) -> Graph:
    """x + 1 + 1 ..., one ADD each, of floats."""
    one = tensor("one", value=np.ones(1, np.float32))
    between = [tensor(f"t{index}", shape, shape_signature=tuple(signature)) for index in range(length + 1)]
    chain = [operator("ADD", (index, length + 1), (index + 1,)) for index in range(length)]
    return graph_of(subgraph([*between, one], chain, (0,), (length,)))


INT32 = TensorType.INT32


@pytest.fixture(autouse=True)
def no_kernel_is_left() -> Iterator[None]:
    """Every test frees what it makes."""
    gc.collect()
    before = live_kernels()
    yield
    gc.collect()
    assert live_kernels() <= before


@pytest.fixture(params=MODELS, ids=lambda name: Path(name).stem)
def model_file(request: pytest.FixtureRequest, shared_data: Path) -> Path:
    """Real models: float and quantized, of one and several outputs, with state, with many kinds of operators."""
    return shared_data / str(request.param)


def random_inputs(graph: Graph, seed: int = 0) -> list[Array]:
    random = np.random.default_rng(seed)
    inputs = [graph.main.tensors[index] for index in graph.main.inputs]
    return [
        random.integers(0, 2, each.shape).astype(bool)
        if each.dtype == np.dtype(bool)
        else random.integers(0, 127, each.shape).astype(each.dtype)
        for each in inputs
    ]


def without_delegate(file: Path, inputs: Sequence[Array]) -> list[Array]:
    from ai_edge_litert.interpreter import Interpreter

    graph = read(file)
    interpreter = Interpreter(model_path=str(file))
    interpreter.allocate_tensors()
    for index, value in zip(graph.main.inputs, inputs, strict=True):
        interpreter.set_tensor(index, value)
    interpreter.invoke()
    return [interpreter.get_tensor(index) for index in graph.main.outputs]
