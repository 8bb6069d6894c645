"""Model files of one operator, LiteRT to run them, and programs run on a context and in a real browser.

The browser's page replays the calls of a program on the browser's own MLGraphBuilder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

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
from littoral.tflite.options import BUILTIN_OPTIONS
from littoral.webnn import Program, Ref, to_model
from littoral.webnn.from_model import edges

Array = npt.NDArray[Any]
Replay = Callable[[Program, Mapping[str, Array]], dict[str, Array]]

ROOT = Path(__file__).resolve().parents[3]

_PAGE = """
const bytes = async (name) => (await fetch(name)).arrayBuffer();
const refs = (value, made) => Array.isArray(value) ? value.map((item) => refs(item, made))
    : value !== null && typeof value === 'object' ? made[value.operand] : value;
async function replay(program) {
  const data = await bytes('data');
  const context = await navigator.ml.createContext();
  const builder = new MLGraphBuilder(context);
  const made = {}, tensors = {inputs: {}, outputs: {}};
  for (const [name, operand, descriptor, offset, length] of program.inputs) {
    made[operand] = builder.input(name, descriptor);
    tensors.inputs[name] = await context.createTensor({...descriptor, writable: true});
    context.writeTensor(tensors.inputs[name], data.slice(offset, offset + length));
  }
  for (const [operand, descriptor, offset, length] of program.constants)
    made[operand] = builder.constant(descriptor, data.slice(offset, offset + length));
  for (const [operation, args, options, outputs] of program.calls) {
    let result;
    try {
      result = builder[operation](...args.map((value) => refs(value, made)),
        Object.fromEntries(Object.entries(options).map(([name, value]) => [name, refs(value, made)])));
    } catch (error) { throw new Error(operation + ': ' + error.message); }
    [result].flat().forEach((operand, n) => { made[outputs[n]] = operand; });
  }
  const graph = await builder.build(
    Object.fromEntries(program.outputs.map(([name, operand]) => [name, made[operand]])));
  for (const [name, , descriptor] of program.outputs)
    tensors.outputs[name] = await context.createTensor({...descriptor, readable: true});
  context.dispatch(graph, tensors.inputs, tensors.outputs);
  const read = {};
  for (const name of Object.keys(tensors.outputs)) {
    const value = new Uint8Array(await context.readTensor(tensors.outputs[name]));
    let text = '';
    for (let at = 0; at < value.length; at += 32768) text += String.fromCharCode(...value.subarray(at, at + 32768));
    read[name] = btoa(text);
  }
  context.destroy();
  return read;
}
"""


@dataclass(frozen=True)
class Given:
    """An input: drawn at random between bounds, or with a value."""

    shape: tuple[int, ...]
    type: TensorType = TensorType.FLOAT32
    scale: tuple[float, ...] = ()
    zero: int = 0
    axis: int = 0
    low: float = -2.0
    high: float = 3.0
    value: Array | None = None
    variable: bool = False

    def tensor(self, name: str) -> Tensor:
        value = self.value
        return Tensor(
            name=name,
            shape=self.shape,
            type=self.type,
            buffer=None if value is None else Buffer(data=np.ascontiguousarray(value).tobytes()),
            quantization=_quantization(self.scale, self.zero, self.axis) if self.scale else None,
            is_variable=self.variable,
        )


@dataclass(frozen=True)
class Result:
    """An output."""

    type: TensorType = TensorType.FLOAT32
    scale: float = 0.0
    zero: int = 0


def known(
    value: Array, type_: TensorType | None = None, scale: tuple[float, ...] = (), zero: int = 0, axis: int = 0
) -> Given:
    """An input with a value."""
    return Given(value.shape, type_ or TensorType[value.dtype.name.upper()], scale, zero, axis, value=value)


def _quantization(scale: Sequence[float], zero: int, axis: int) -> Quantization:
    zeros = np.full(len(scale), zero, np.int64)
    return Quantization(scale=np.array(scale, np.float32), zero_point=zeros, quantized_dimension=axis)


def model(operator: str, inputs: Sequence[Given | None], outputs: Sequence[Result], options: Any = None) -> Graph:
    """A model file of one operator; LiteRT works out what shape its outputs have."""
    tensors = [given.tensor(f"x{n}") for n, given in enumerate(inputs) if given is not None]
    places = iter(range(len(tensors)))
    positions = tuple(-1 if given is None else next(places) for given in inputs)
    made = tuple(range(len(tensors), len(tensors) + len(outputs)))
    for n, result in enumerate(outputs):
        quantization = _quantization((result.scale,), result.zero, 0) if result.scale else None
        tensors.append(Tensor(name=f"y{n}", shape=(), type=result.type, quantization=quantization))
    first, second = (options, None) if type(options) in BUILTIN_OPTIONS.values() else (None, options)
    code = OperatorCode.of(operator, {"FULLY_CONNECTED": 5, "BROADCAST_TO": 2}.get(operator, 1))
    node = Operator(code=code, inputs=positions, outputs=made, options=first, options_2=second)
    given = tuple(n for n, tensor in enumerate(tensors[: made[0]]) if not tensor.is_constant and not tensor.is_variable)
    main = Subgraph(tensors=tensors, inputs=given, outputs=made, operators=[node])
    return Graph(subgraphs=[main], metadata=[], signatures=[])


def values(inputs: Sequence[Given | None]) -> dict[str, Array]:
    """Random values of the inputs of `model` that need some, as they are stored."""
    rng = np.random.default_rng(1)

    def one(given: Given) -> Array:
        dtype = Tensor(type=given.type).dtype
        if dtype.kind == "f":
            return np.asarray(rng.uniform(given.low, given.high, given.shape), dtype)
        if dtype.kind == "b":
            return np.asarray(rng.integers(0, 2, given.shape), dtype)
        if given.scale:
            return np.asarray(rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, given.shape, endpoint=True), dtype)
        return np.asarray(rng.integers(max(int(given.low), 0), int(given.high), given.shape), dtype)

    needed = (each is not None and each.value is None and not each.variable for each in inputs)
    return {f"x{n}": one(given) for n, (given, need) in enumerate(zip(inputs, needed, strict=True)) if given and need}


def litert(graph: Graph, given: Mapping[str, Array]) -> dict[str, Array]:
    """LiteRT's answer, with state as it is at first."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=to_bytes(graph), num_threads=1)
    interpreter.allocate_tensors()
    inputs, outputs = edges(graph)
    for name, index in inputs.items():
        interpreter.set_tensor(index, given[name])
    interpreter.invoke()
    return {name: np.array(interpreter.get_tensor(index)) for name, index in outputs.items()}


def round_trip(program: Program, given: Mapping[str, Array]) -> dict[str, Array]:
    """A program's answer by way of a model file."""
    stored = {name: np.asarray(given[name]) for name in program.inputs}
    return litert(to_model.lower(program), {n: v.view(np.uint8) if v.dtype == bool else v for n, v in stored.items()})


def assert_same(graph: Graph, got: Mapping[str, Array], wanted: Mapping[str, Array]) -> None:
    """Real numbers to 1e-5, quantized ones to one step, all others exactly."""
    assert got.keys() == wanted.keys()
    _, outputs = edges(graph)
    for name, index in outputs.items():
        one, other = got[name], wanted[name]
        assert one.shape == other.shape, f"{graph.main.operators[0].name} {name}"
        what = f"{graph.main.operators[0].name} {graph.main.operators[0].options}"
        if one.dtype.kind == "f":
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5, err_msg=what)
        else:
            step = 1 if graph.main.tensors[index].is_quantized else 0
            difference = np.abs(one.astype(np.int64) - other.astype(np.int64))
            assert difference.max() <= step, f"{what}: {difference.max()}"


@pytest.fixture(scope="session")
def page(webnn_browser: Any) -> Any:
    """A page of a browser with a WebNN backend."""
    return webnn_browser.new_page()


@pytest.fixture(scope="session")
def replay(page: Any) -> Replay:
    """Runs a program in the browser: arrays in by name, arrays out."""

    def run(program: Program, values: Mapping[str, Array]) -> dict[str, Array]:
        blob, script = _script(program, values)

        def answer(route: Any) -> None:
            body = blob if route.request.url.endswith("/data") else b"<!doctype html>"
            route.fulfill(status=200, content_type="text/html", body=body)

        page.route("**/*", answer)
        page.goto("https://littoral.invalid/")
        found = page.evaluate(f"async () => {{ {_PAGE} return replay({script}); }}")
        page.unroute("**/*")
        return {name: _decoded(found[name], program, number) for name, number in program.outputs.items()}

    return run


def _decoded(text: str, program: Program, number: int) -> Array:
    import base64

    descriptor = program.operands[number]
    return np.frombuffer(base64.b64decode(text), descriptor.dtype).reshape(descriptor.shape)


def _script(program: Program, values: Mapping[str, Array]) -> tuple[bytes, str]:
    """The bytes of inputs and constants, and what the page needs to know of the program."""
    blob = bytearray()

    def placed(array: Array) -> tuple[int, int]:
        start = len(blob)
        blob.extend(np.ascontiguousarray(array).tobytes())
        return start, array.nbytes

    def described(number: int) -> dict[str, Any]:
        return {"dataType": program.operands[number].data_type, "shape": program.operands[number].shape}

    content = {
        "inputs": [(n, i, described(i), *placed(values[n])) for n, i in program.inputs.items()],
        "constants": [(i, described(i), *placed(array)) for i, array in program.constants.items()],
        "calls": [
            (call.operation, list(call.arguments.values()), dict(call.options), call.outputs) for call in program.calls
        ],
        "outputs": [(n, i, described(i)) for n, i in program.outputs.items()],
    }
    return bytes(blob), json.dumps(content, default=_plain)


def _plain(value: Any) -> Any:
    assert isinstance(value, Ref)
    return {"operand": value.operand}
