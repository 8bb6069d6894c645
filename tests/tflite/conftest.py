"""Models made by hand, every real model file, and LiteRT to run them with."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from littoral.tflite import Buffer, Graph, Operator, OperatorCode, Quantization, Subgraph, Tensor, TensorType
from littoral.tflite.options.control import WhileOptions
from littoral.tflite.options.elementwise import AddOptions, LessOptions

ROOT = Path(__file__).resolve().parent.parent.parent
DATA = Path(os.environ.get("LITTORAL_TEST_DATA", ROOT.parent / "shared" / "data"))
Arrays = list[np.ndarray[Any, Any]]
Run = Callable[..., Arrays]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `model_file` runs for every real model file."""
    if "model_file" in metafunc.fixturenames:
        files = sorted(DATA.rglob("*.tflite"))
        metafunc.parametrize("model_file", files, ids=[file.stem for file in files])


@pytest.fixture(scope="session")
def run() -> Run:
    """Run a model's bytes in LiteRT with given inputs (random ones when none): outputs, or every tensor's value."""

    def run_model(model: bytes, *inputs: np.ndarray[Any, Any], tensors: list[int] | None = None) -> Arrays:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        interpreter = Interpreter(
            model_content=model,
            num_threads=1,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            experimental_preserve_all_tensors=tensors is not None,
        )
        interpreter.allocate_tensors()
        for index, detail in enumerate(interpreter.get_input_details()):
            value = inputs[index] if inputs else sample(detail["shape"], detail["dtype"], index)
            interpreter.set_tensor(detail["index"], value)
        interpreter.invoke()
        wanted = [detail["index"] for detail in interpreter.get_output_details()] if tensors is None else tensors
        return [np.array(interpreter.get_tensor(index)) for index in wanted]

    return run_model


def sample(shape: Any, dtype: Any, seed: int = 0) -> np.ndarray[Any, Any]:
    """Random values of a type."""
    rng = np.random.default_rng(seed)
    if np.issubdtype(dtype, np.floating):
        return np.asarray(rng.random(shape), dtype)
    info = np.iinfo(dtype)
    return np.asarray(rng.integers(info.min, info.max, shape, dtype, endpoint=True))


@pytest.fixture
def adder() -> Graph:
    """y = x + 1, for four floats."""
    one = Buffer(data=np.ones(4, "<f4").tobytes())
    main = Subgraph(
        name="main",
        tensors=[
            Tensor(name="x", shape=(4,)),
            Tensor(name="one", shape=(4,), buffer=one),
            Tensor(name="y", shape=(4,)),
        ],
        operators=[Operator(code=OperatorCode.of("ADD"), inputs=(0, 1), outputs=(2,), options=AddOptions())],
        inputs=(0,),
        outputs=(2,),
    )
    return Graph(description="adder", subgraphs=[main], metadata=[], signatures=[])


@pytest.fixture
def counter(adder: Graph) -> Graph:
    """y = x, and while y < 10: y = y + 1, for one float; then the same again."""
    ten = Buffer(data=np.full(1, 10, "<f4").tobytes())
    one = Buffer(data=np.ones(1, "<f4").tobytes())

    def number(name: str, buffer: Buffer | None = None) -> Tensor:
        return Tensor(name=name, shape=(1,), buffer=buffer)

    def loop(source: int, target: int) -> Operator:
        options = WhileOptions(cond_subgraph_index=1, body_subgraph_index=2)
        return Operator(code=OperatorCode.of("WHILE"), inputs=(source,), outputs=(target,), options=options)

    less = Operator(code=OperatorCode.of("LESS"), inputs=(0, 1), outputs=(2,), options=LessOptions())
    add = Operator(code=OperatorCode.of("ADD"), inputs=(0, 1), outputs=(2,), options=AddOptions())
    true = Tensor(name="c", shape=(1,), type=TensorType.BOOL)
    return adder.replaced(
        subgraphs=[
            Subgraph(
                name="main",
                tensors=[number("x"), number("y"), number("z")],
                operators=[loop(0, 1), loop(1, 2)],
                inputs=(0,),
                outputs=(2,),
            ),
            Subgraph(
                name="cond",
                tensors=[number("a"), number("ten", ten), true],
                operators=[less],
                inputs=(0,),
                outputs=(2,),
            ),
            Subgraph(
                name="body",
                tensors=[number("a"), number("one", one), number("b")],
                operators=[add],
                inputs=(0,),
                outputs=(2,),
            ),
        ]
    )


@pytest.fixture
def quantized() -> Graph:
    """y = x, of int8 with a scale of 0.5 and a zero point of 3: a RESHAPE of four values."""

    def tensor(name: str) -> Tensor:
        quantization = Quantization(scale=np.array([0.5], "<f4"), zero_point=np.array([3], "<i8"))
        return Tensor(name=name, shape=(4,), type=TensorType.INT8, quantization=quantization)

    shape = Buffer(data=np.array([4], "<i4").tobytes())
    main = Subgraph(
        name="main",
        tensors=[tensor("x"), Tensor(name="shape", shape=(1,), type=TensorType.INT32, buffer=shape), tensor("y")],
        operators=[Operator(code=OperatorCode.of("RESHAPE"), inputs=(0, 1), outputs=(2,))],
        inputs=(0,),
        outputs=(2,),
    )
    return Graph(subgraphs=[main], metadata=[], signatures=[])
