"""The prediction on models made by hand, one for each rule; what it is worth on real ones is in the last test."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from littoral.coral.fit import CHIP_BYTES, estimate
from littoral.coral.placement import Prediction, predict
from littoral.coral.rules import (
    DATA_TYPE,
    LIMITATION,
    MAPPED,
    NOT_CONSTANT,
    NOT_SUPPORTED,
    ONE_SUBGRAPH,
    RANK,
    RULES,
    VERSION,
)
from littoral.errors import InputError, LittoralError, ModelFileError
from littoral.tflite import Buffer, Graph, Operator, OperatorCode, Quantization, Subgraph, Tensor, TensorType, read
from littoral.tflite.enums import ActivationFunction, WeightsFormat
from littoral.tflite.options.convolution import Conv2DOptions, DepthwiseConv2DOptions, Pool2DOptions
from littoral.tflite.options.dense import FullyConnectedOptions
from littoral.tflite.options.selection import StridedSliceOptions
from littoral.tflite.options.shape import ConcatenationOptions, PackOptions

ROOT = Path(__file__).resolve().parent.parent.parent
Shape = tuple[int, ...]


class Maker:
    """Makes a model operator by operator."""

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []
        self.operators: list[Operator] = []
        self.inputs: list[int] = []

    def tensor(self, shape: Shape, kind: TensorType = TensorType.INT8, scales: int = 1, **fields: Any) -> int:
        quantization = Quantization(scale=np.full(scales, 0.5, "<f4"), zero_point=np.zeros(scales, "<i8"))
        found = quantization if scales else None
        name = f"t{len(self.tensors)}"
        self.tensors.append(Tensor(name=name, shape=shape, type=kind, quantization=found, **fields))
        return len(self.tensors) - 1

    def input(self, shape: Shape, kind: TensorType = TensorType.INT8, scales: int = 1) -> int:
        self.inputs.append(self.tensor(shape, kind, scales))
        return self.inputs[-1]

    def constant(self, value: Any, kind: TensorType = TensorType.INT32, scales: int = 0) -> int:
        numbers = np.asarray(value, {TensorType.INT8: "<i1", TensorType.FLOAT32: "<f4"}.get(kind, "<i4"))
        return self.tensor(numbers.shape, kind, scales, buffer=Buffer(data=numbers.tobytes()))

    def weights(self, *shape: int, scales: int = 1) -> int:
        return self.constant(np.ones(shape), TensorType.INT8, scales)

    def add(self, name: str, inputs: tuple[int, ...], output: int, version: int = 1, **fields: Any) -> int:
        code = OperatorCode.of(name, version)
        self.operators.append(Operator(code=code, inputs=inputs, outputs=(output,), **fields))
        return output

    def graph(self) -> Graph:
        main = Subgraph(
            tensors=self.tensors,
            operators=self.operators,
            inputs=tuple(self.inputs),
            outputs=(self.operators[-1].outputs[0],),
        )
        return Graph(subgraphs=[main], metadata=[], signatures=[])


def one(name: str, source: Shape, result: Shape, *constants: Any, options: Any = None, first: bool = False) -> Graph:
    """A model of one operator: an input, then constants (int32 arrays) before or behind it."""
    maker = Maker()
    given = maker.input(source)
    others = tuple(maker.constant(value) for value in constants)
    inputs = (*others, given) if first else (given, *others)
    maker.add(name, inputs, maker.tensor(result), options=options)
    return maker.graph()


def weighted(name: str, source: Shape, weights: Shape, result: Shape, options: Any, scales: int = 1) -> Graph:
    """A model of one layer with weights."""
    maker = Maker()
    inputs = (maker.input(source), maker.weights(*weights, scales=scales))
    maker.add(name, inputs, maker.tensor(result), options=options)
    return maker.graph()


PICTURE = (1, 8, 8, 4)
RELU = ActivationFunction.RELU

CASES: dict[str, tuple[Callable[[], Graph], str]] = {
    "convolution": (lambda: weighted("CONV_2D", PICTURE, (4, 3, 3, 4), PICTURE, Conv2DOptions()), MAPPED),
    "dilated unevenly": (
        lambda: weighted("CONV_2D", PICTURE, (4, 3, 3, 4), PICTURE, Conv2DOptions(dilation_w_factor=2)),
        LIMITATION,
    ),
    "depthwise, dilated unevenly": (
        lambda: weighted(
            "DEPTHWISE_CONV_2D", PICTURE, (1, 3, 3, 4), PICTURE, DepthwiseConv2DOptions(dilation_h_factor=2)
        ),
        LIMITATION,
    ),
    "pool": (lambda: one("MAX_POOL_2D", PICTURE, (1, 4, 4, 4), options=Pool2DOptions()), MAPPED),
    "pool with an activation": (
        lambda: one("AVERAGE_POOL_2D", PICTURE, (1, 4, 4, 4), options=Pool2DOptions(fused_activation_function=RELU)),
        LIMITATION,
    ),
    "dense": (lambda: weighted("FULLY_CONNECTED", (1, 9), (5, 9), (1, 5), FullyConnectedOptions()), MAPPED),
    "dense of many": (lambda: weighted("FULLY_CONNECTED", (2, 9), (5, 9), (2, 5), FullyConnectedOptions()), LIMITATION),
    "dense by channel": (
        lambda: weighted("FULLY_CONNECTED", (1, 9), (5, 9), (1, 5), FullyConnectedOptions(), scales=5),
        LIMITATION,
    ),
    "dense of other format": (
        lambda: weighted(
            "FULLY_CONNECTED",
            (1, 9),
            (5, 9),
            (1, 5),
            FullyConnectedOptions(weights_format=WeightsFormat(1)),
        ),
        LIMITATION,
    ),
    "joined with zeros": (lambda: joined(0, 2), MAPPED),
    "joined with ones": (lambda: joined(1, 2), LIMITATION),
    "three joined, one constant": (lambda: joined(0, 3), LIMITATION),
    "joined with an activation": (lambda: joined(0, 2, RELU), LIMITATION),
    "mean of pixels": (lambda: one("MEAN", PICTURE, (1, 4), [1, 2]), MAPPED),
    "mean of 4 channels": (lambda: one("MEAN", PICTURE, (1, 8, 8), [-1]), MAPPED),
    "mean of 3 channels": (lambda: one("MEAN", (1, 8, 8, 3), (1, 8, 8), [3]), LIMITATION),
    "mean of the batch": (lambda: one("MEAN", PICTURE, (8, 8, 4), [0]), LIMITATION),
    "sum": (lambda: one("SUM", PICTURE, (1, 4), [1, 2]), MAPPED),
    "sum of the batch": (lambda: one("SUM", PICTURE, (8, 8, 4), [0]), LIMITATION),
    "maximum of the batch": (lambda: one("REDUCE_MAX", PICTURE, (8, 8, 4), [-4]), LIMITATION),
    "padded": (lambda: one("PAD", PICTURE, (1, 9, 9, 4), [[0, 0], [0, 1], [0, 1], [0, 0]]), MAPPED),
    "batch padded": (lambda: one("PAD", PICTURE, (2, 8, 8, 4), [[0, 1], [0, 0], [0, 0], [0, 0]]), RANK),
    "packed": (lambda: one("PACK", (8, 8, 4), (1, 8, 8, 4), options=PackOptions(axis=1)), MAPPED),
    "packed to a batch": (lambda: one("PACK", (8, 8, 4), (1, 8, 8, 4), options=PackOptions(axis=0)), LIMITATION),
    "split": (lambda: one("SPLIT", PICTURE, (1, 8, 8, 2), 3, first=True), MAPPED),
    "batch split": (lambda: one("SPLIT", PICTURE, PICTURE, 0, first=True), LIMITATION),
    "prelu": (lambda: weighted("PRELU", PICTURE, (1, 1, 4), PICTURE, None), MAPPED),
    "prelu by pixel": (lambda: weighted("PRELU", PICTURE, (8, 8, 4), PICTURE, None), LIMITATION),
    "enlarged twice": (lambda: one("RESIZE_BILINEAR", PICTURE, (1, 16, 16, 4), [16, 16]), MAPPED),
    "enlarged 16 times": (lambda: one("RESIZE_BILINEAR", PICTURE, (1, 8, 128, 4), [8, 128]), LIMITATION),
    "a list enlarged": (lambda: one("RESIZE_NEAREST_NEIGHBOR", (8, 4), (16, 4), [16, 4]), LIMITATION),
    "softmax": (lambda: one("SOFTMAX", (1, 16_000), (1, 16_000)), MAPPED),
    "softmax of too many": (lambda: one("SOFTMAX", (1, 16_001), (1, 16_001)), LIMITATION),
    "softmax of rows": (lambda: one("SOFTMAX", (2, 10), (2, 10)), LIMITATION),
    "leading ones squeezed": (lambda: one("SQUEEZE", (1, 1, 8, 4), (8, 4)), MAPPED),
    "inner ones squeezed": (lambda: one("SQUEEZE", (1, 8, 1, 4), (1, 8, 4)), LIMITATION),
    "sliced": (lambda: sliced([1, 1], StridedSliceOptions()), MAPPED),
    "sliced with strides": (lambda: sliced([1, 2], StridedSliceOptions()), LIMITATION),
    "sliced with a new axis": (lambda: sliced([1, 1], StridedSliceOptions(new_axis_mask=1)), LIMITATION),
    "sliced with an ellipsis": (lambda: sliced([1, 1], StridedSliceOptions(ellipsis_mask=1)), LIMITATION),
    "a batch": (lambda: one("RELU", (2, 8, 8, 4), (2, 8, 8, 4)), RANK),
    "four dimensions of one batch": (lambda: one("RELU", (1, 1, 8, 8, 4), (1, 1, 8, 8, 4)), MAPPED),
    "unknown": (lambda: one("GELU", PICTURE, PICTURE), NOT_SUPPORTED),
    "tiled": (lambda: one("TILE", (1, 1, 1, 4), PICTURE, [1, 8, 8, 1]), MAPPED),
}


def joined(value: int, count: int, activation: ActivationFunction = ActivationFunction.NONE) -> Graph:
    maker = Maker()
    constant = maker.constant(np.full((8, 4), value), TensorType.INT8, 1)
    others = tuple(maker.input((8, 4)) for _ in range(count - 1))
    options = ConcatenationOptions(axis=1, fused_activation_function=activation)
    maker.add("CONCATENATION", (*others, constant), maker.tensor((8, 4 * count)), options=options)
    return maker.graph()


def sliced(strides: list[int], options: StridedSliceOptions) -> Graph:
    return one("STRIDED_SLICE", (8, 4), (4, 4), [0, 0], [4, 4], strides, options=options)


@pytest.mark.parametrize(("make", "status"), CASES.values(), ids=CASES)
def test_constraints_of_operators(make: Callable[[], Graph], status: str) -> None:
    (operator,) = predict(make()).operators
    assert operator.status == status
    assert operator.mapped == (status == MAPPED)
    assert bool(operator.change) != operator.mapped


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.since > 10])
def test_an_older_runtime_has_fewer_operators(name: str) -> None:
    maker = Maker()
    parameters = [maker.constant([1]) for _ in RULES[name].parameters]
    given = maker.input((1, 4))
    maker.add(name, (*parameters, given) if 0 in RULES[name].parameters else (given, *parameters), maker.tensor((1, 4)))
    assert predict(maker.graph(), RULES[name].since - 1).operators[0].status == VERSION
    assert predict(maker.graph(), RULES[name].since).operators[0].status == MAPPED


def test_what_is_not_of_eight_bits() -> None:
    maker = Maker()
    pixels = maker.input((1, 4), TensorType.UINT8, scales=0)
    floats = maker.add("CAST", (pixels,), maker.tensor((1, 4), TensorType.FLOAT32, 0))
    stored = maker.add("QUANTIZE", (floats,), maker.tensor((1, 4)))
    again = maker.add("QUANTIZE", (stored,), maker.tensor((1, 4), TensorType.UINT8))
    best = maker.add("ARG_MAX", (again, maker.constant(1)), maker.tensor((1,), TensorType.INT64, 0))
    maker.add("CAST", (best,), maker.tensor((1,), TensorType.INT32, 0))
    maker.add("DEQUANTIZE", (stored,), maker.tensor((1, 4), TensorType.FLOAT32, 0))
    found = [(one.status, one.change) for one in predict(maker.graph()).operators]
    assert [status for status, _ in found] == [
        DATA_TYPE, LIMITATION, MAPPED, DATA_TYPE, DATA_TYPE, DATA_TYPE
    ]  # fmt: skip
    words = ["uint8 without a scale", "--io uint8", "", "is int64", "is int64", "end the model before it"]
    assert all(word in change for word, (_, change) in zip(words, found, strict=True))


def test_float_constants_do_not_map() -> None:
    maker = Maker()
    maker.add("MUL", (maker.input((1, 4)), maker.constant([1.5], TensorType.FLOAT32)), maker.tensor((1, 4)))
    assert predict(maker.graph()).operators[0].status == DATA_TYPE


def branches() -> Graph:
    """A picture goes through RELU; one branch goes on by GELU and RELU, the other by RELU."""
    maker = Maker()
    trunk = maker.add("RELU", (maker.input(PICTURE),), maker.tensor(PICTURE))
    unsupported = maker.add("GELU", (trunk,), maker.tensor(PICTURE))
    behind = maker.add("RELU", (unsupported,), maker.tensor(PICTURE))
    beside = maker.add("RELU", (trunk,), maker.tensor(PICTURE))
    maker.add("ADD", (behind, beside), maker.tensor(PICTURE))
    return maker.graph()


def test_what_waits_for_an_unsupported_operator_stays_behind() -> None:
    statuses = [one.status for one in predict(branches()).operators]
    assert statuses == [MAPPED, NOT_SUPPORTED, ONE_SUBGRAPH, MAPPED, ONE_SUBGRAPH]
    wait = "it waits for GELU 't2', which is not on the chip: change or move that one"
    assert [one.change for one in predict(branches()).operators if one.status == ONE_SUBGRAPH] == [wait, wait]


def test_with_several_subgraphs_nothing_waits() -> None:
    statuses = [one.status for one in predict(branches(), multiple_subgraphs=True).operators]
    assert statuses == [MAPPED, NOT_SUPPORTED, MAPPED, MAPPED, MAPPED]


def obstacles(graph: Graph) -> list[str]:
    prediction = predict(graph)
    assert prediction.compiles == (not prediction.obstacles)
    return [obstacle.cause for obstacle in prediction.obstacles]


def test_what_the_compiler_will_refuse_altogether(flowers: Path) -> None:
    assert obstacles(read(flowers / "models" / "model.tflite")) == ["Model not quantized"]
    assert obstacles(read(flowers / "models" / "model_full_integer.tflite")) == []

    new = one("RELU", PICTURE, PICTURE)
    new.main.operators[0].code.version = 9
    assert obstacles(new) == ["Didn't find op for builtin opcode 'RELU' version '9'"]

    custom = one("Atan", PICTURE, PICTURE)
    assert obstacles(custom) == ["Encountered unresolved custom op: Atan"]

    maker = Maker()
    shape = maker.input((2,), TensorType.INT32, scales=0)
    maker.add("RESHAPE", (maker.input((8, 4)), shape), maker.tensor((4, 8)))
    assert predict(maker.graph()).operators[0].status == NOT_CONSTANT
    assert obstacles(maker.graph()) == ["RESHAPE has a size that is computed at run time (dynamic-sized tensors)"]


def test_a_model_that_does_not_fit_streams() -> None:
    maker = Maker()
    given = maker.input((1, 1000))
    for _ in range(9):
        given = maker.add("FULLY_CONNECTED", (given, maker.weights(1000, 1000)), maker.tensor((1, 1000)))
    memory = predict(maker.graph()).memory
    assert memory.parameters == 9 * (1_000_000 + 26_000)
    assert memory.activations == 2000
    assert memory.streamed == memory.parameters + 2000 - CHIP_BYTES
    assert not memory.fits
    assert estimate(maker.graph().main, range(3)).fits
    assert estimate(maker.graph().main, ()).parameters == 0


def test_what_cannot_be_predicted(coral: Path) -> None:
    with pytest.raises(InputError, match=r"no Edge TPU runtime version 15\. Accepted: 10 to 14"):
        predict(one("RELU", PICTURE, PICTURE), 15)
    with pytest.raises(ModelFileError, match="compiled for the Edge TPU already"):
        predict(read(coral / "tools" / "split_concat_edgetpu.tflite"))


SHAPES = st.lists(st.integers(0, 3), max_size=5).map(tuple)


@given(
    st.sampled_from(sorted(RULES)),
    st.lists(SHAPES, max_size=3),
    st.lists(st.tuples(SHAPES, st.sampled_from([TensorType.INT8, TensorType.INT32])), max_size=3),
    st.lists(SHAPES, max_size=2),
    st.booleans(),
)
def test_no_operator_is_too_odd(
    name: str, sources: list[Shape], constants: list[tuple[Shape, TensorType]], results: list[Shape], first: bool
) -> None:
    maker = Maker()
    activations = [maker.input(shape) for shape in sources]
    parameters = [maker.constant(np.zeros(shape), kind, 1) for shape, kind in constants]
    inputs = parameters + activations if first else activations + parameters
    outputs = tuple(maker.tensor(shape) for shape in results)
    operator = Operator(code=OperatorCode.of(name), inputs=tuple(inputs), outputs=outputs)
    graph = Graph(subgraphs=[Subgraph(tensors=maker.tensors, operators=[operator])], metadata=[], signatures=[])
    prediction = predict(graph)
    assert prediction.mapped in (0, 1)
    assert prediction.memory.parameters >= 0


def test_mutants_of_real_models_are_predicted_or_refused(shared_data: Path) -> None:
    predicted = 0
    for name, content in mutants(shared_data):
        try:
            prediction = predict(read(content))
        except LittoralError:
            continue
        predicted += 1
        assert len(prediction.operators) >= prediction.mapped, name
    assert predicted > 20


def mutants(data: Path) -> Iterator[tuple[str, bytes]]:
    """Those of benchmarks/fuzz_tflite.py."""
    spec = importlib.util.spec_from_file_location("fuzz_tflite", ROOT / "benchmarks" / "fuzz_tflite.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, spec.name, module)  # where dataclasses look their module up
        spec.loader.exec_module(module)
        yield from module.mutants(module.load_seeds(data), 300, seed=20261121)


def test_names_mislead(coral: Path) -> None:
    """A file called edgetpu that is none, and one that has operators of everything."""
    prediction: Prediction = predict(read(coral / "deeplab_mobilenet_edgetpu_slim_cityscapes_quant.tflite"))
    assert prediction.kind == "prediction"
    assert prediction.mapped == 82
    assert [one.name for one in prediction.operators if not one.mapped] == ["RESIZE_BILINEAR", "ARG_MAX"]


def test_operators_of_all_pairs_are_predicted(shared_data: Path) -> None:
    """The target of the project is 99 %; and the parameters of models that have any to speak of, within 10 %."""
    command = [sys.executable, "-m", "benchmarks.edgetpu_placement", "--json"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    rows = json.loads(done.stdout)["pairs"]
    compiled = len(list(shared_data.rglob("*_edgetpu.tflite")))
    assert len(rows) + len(json.loads(done.stdout)["without"]) == compiled
    assert len(rows) == 15
    assert sum(row["right"] for row in rows) >= 0.99 * sum(row["operators"] for row in rows)
    assert sum(row["on_cpu"] for row in rows) > 50
    for row in rows:
        assert abs(row["parameters_predicted"] - row["parameters"]) < max(0.1 * row["parameters"], 50_000), row["pair"]
