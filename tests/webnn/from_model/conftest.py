"""Programs run in a real browser: a page replays their calls on the browser's own MLGraphBuilder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from littoral.webnn import Program, Ref

Array = npt.NDArray[Any]
Replay = Callable[[Program, Mapping[str, Array]], dict[str, Array]]

ROOT = Path(__file__).resolve().parents[3]
CHROMIUM = ROOT / "js" / "node_modules" / ".chromium" / "chromium"
FLAGS = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--enable-features=WebMachineLearningNeuralNetwork"]

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


@pytest.fixture(scope="session")
def page() -> Iterator[Any]:
    """A page of a browser with a WebNN backend."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra browser")
    if not CHROMIUM.exists():
        pytest.skip("no browser with a WebNN backend: make test unpacks one")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser.new_page()
        browser.close()


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
