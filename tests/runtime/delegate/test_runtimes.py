"""The same delegate on the interpreters of all packages that have one, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

TENSORFLOW = (pytest.mark.tensorflow, pytest.mark.slow)
PROGRAM = """
import importlib, sys, warnings
import numpy as np
warnings.simplefilter("ignore")
from littoral.runtime.delegate import Delegate, attach, live_kernels
from littoral.tflite import read, to_bytes

package, cls, file = sys.argv[1:]
Interpreter = getattr(importlib.import_module(package), cls)

def interpreter(**model):
    made = Interpreter(**model)
    made.allocate_tensors()
    return made

def run(made, graph, x):
    made.set_tensor(graph.main.inputs[0], x)
    made.invoke()
    return made.get_tensor(graph.main.outputs[0])

class Slice(Delegate):
    name = "slice"
    def claim(self, subgraph, operator):
        return operator.name != "CONV_2D"
    def compile(self, partition):
        part = partition.slice()
        inner = interpreter(model_content=to_bytes(part))
        def kernel(inputs, outputs):
            outputs[0][...] = run(inner, part, inputs[0])
        return kernel

graph = read(file)
x = np.random.default_rng(0).integers(0, 255, (1, 128, 128, 3)).astype(np.uint8)
expected = run(interpreter(model_path=file), graph, x)
with attach(graph, Slice(), file=file, interpreter=Interpreter) as session:
    assert live_kernels() == 15
    assert np.array_equal(session.run(x)[0], expected)
    session.resize({graph.main.inputs[0]: (1, 128, 128, 3)})
    assert np.array_equal(session.run(x)[0], expected)
assert live_kernels() == 0
"""


@pytest.mark.parametrize(
    ("package", "cls"),
    [
        ("ai_edge_litert.interpreter", "Interpreter"),
        pytest.param(
            "tensorflow.lite.python.interpreter", "Interpreter", marks=[pytest.mark.tensorflow, pytest.mark.slow]
        ),
        ("tflite_runtime.interpreter", "Interpreter"),
    ],
)
def test_a_delegate_runs_on(package: str, cls: str, coral: Path) -> None:
    name = package.partition(".")[0]
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed here")
    file = coral / "mobilenet_v1_0.25_128_quant.tflite"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, package, cls, str(file)],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
