"""Small graphs, each with what some test needs."""

from __future__ import annotations

import ctypes
import gc
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from littoral.tflite import (
    Buffer,
    Graph,
    Operator,
    OperatorCode,
    Quantization,
    Signature,
    Subgraph,
    Tensor,
    TensorMap,
    TensorType,
)
from littoral.tflite.options.recurrent import SequenceRNNOptions


def quantization(scale: float, zero_point: int) -> Quantization:
    return Quantization(scale=np.array([scale], np.float32), zero_point=np.array([zero_point], np.int64))


def operator(name: str, inputs: Sequence[int], outputs: Sequence[int]) -> Operator:
    return Operator(code=OperatorCode.of(name), inputs=tuple(inputs), outputs=tuple(outputs))


def signature(key: str, inputs: dict[str, int], outputs: dict[str, int], subgraph: int = 0) -> Signature:
    maps = [[TensorMap(name=name, tensor_index=index) for name, index in io.items()] for io in (inputs, outputs)]
    return Signature(key=key, inputs=maps[0], outputs=maps[1], subgraph_index=subgraph)


def simple(name: str, given: Tensor, result: Tensor) -> Graph:
    """One operator with one input and one output."""
    return Graph(
        subgraphs=[Subgraph(tensors=[given, result], inputs=(0,), outputs=(1,), operators=[operator(name, [0], [1])])],
        metadata=[],
        signatures=[],
    )


def arithmetic(name: str) -> Subgraph:
    tensors = [Tensor(name=tensor, shape=(1, 4), type=TensorType.FLOAT32) for tensor in ("a", "b", "c")]
    return Subgraph(tensors=tensors, inputs=(0, 1), outputs=(2,), operators=[operator(name, [0, 1], [2])])


@pytest.fixture
def subtract() -> Graph:
    """c = a - b, [1, 4] each."""
    return Graph(subgraphs=[arithmetic("SUB")], metadata=[], signatures=[])


@pytest.fixture
def two_signatures() -> Graph:
    """first(x, y) = x - y in the main subgraph, whose signature has another order; second(x, y) = x * y in another."""
    return Graph(
        subgraphs=[arithmetic("SUB"), arithmetic("MUL")],
        metadata=[],
        signatures=[
            signature("first", {"y": 1, "x": 0}, {"difference": 2}),
            signature("second", {"x": 0, "y": 1}, {"product": 2}, 1),
        ],
    )


@pytest.fixture
def two_outputs() -> Graph:
    """Two outputs, of which the second has no name: -x, and |x|."""
    tensors = [Tensor(name=name, shape=(1, 3), type=TensorType.FLOAT32) for name in ("x", "minus", "")]
    operators = [operator("NEG", [0], [1]), operator("ABS", [0], [2])]
    main = Subgraph(tensors=tensors, inputs=(0,), outputs=(1, 2), operators=operators)
    return Graph(subgraphs=[main], metadata=[], signatures=[])


@pytest.fixture
def relu_int8() -> Graph:
    """max(x, 0) on int8 with scale 0.5 and zero point -3."""
    tensors = [
        Tensor(name=name, shape=(1, 4), type=TensorType.INT8, quantization=quantization(0.5, -3)) for name in "xy"
    ]
    return simple("RELU", *tensors)


@pytest.fixture
def quantize() -> Graph:
    """The QUANTIZE operator itself: float32 [1, 256] to int8 with scale 0.1 and zero point 7."""
    given = Tensor(name="x", shape=(1, 256), type=TensorType.FLOAT32)
    return simple(
        "QUANTIZE", given, Tensor(name="y", shape=(1, 256), type=TensorType.INT8, quantization=quantization(0.1, 7))
    )


@pytest.fixture
def dynamic() -> Graph:
    """-x, where x is any number of rows of three."""
    return simple(
        "NEG", *(Tensor(name=name, shape=(1, 3), shape_signature=(-1, 3), type=TensorType.FLOAT32) for name in "xy")
    )


@pytest.fixture
def reshape() -> Graph:
    """Four floats in the shape that the second input says: it fails for other than four."""
    tensors = [
        Tensor(name="x", shape=(4,), type=TensorType.FLOAT32),
        Tensor(name="shape", shape=(2,), type=TensorType.INT32),
        Tensor(name="y", shape=(2, 2), type=TensorType.FLOAT32),
    ]
    main = Subgraph(tensors=tensors, inputs=(0, 1), outputs=(2,), operators=[operator("RESHAPE", [0, 1], [2])])
    return Graph(subgraphs=[main], metadata=[], signatures=[])


@pytest.fixture
def counter() -> Graph:
    """A recurrent cell of one unit that adds its input to its state: the output is the sum of all inputs so far."""
    one = np.ones((1, 1), np.float32).tobytes()
    tensors = [
        Tensor(name="x", shape=(1, 1, 1), type=TensorType.FLOAT32),
        Tensor(name="w", shape=(1, 1), type=TensorType.FLOAT32, buffer=Buffer(data=one)),
        Tensor(name="r", shape=(1, 1), type=TensorType.FLOAT32, buffer=Buffer(data=one)),
        Tensor(name="b", shape=(1,), type=TensorType.FLOAT32, buffer=Buffer(data=bytes(4))),
        Tensor(name="state", shape=(1, 1), type=TensorType.FLOAT32, is_variable=True),
        Tensor(name="y", shape=(1, 1, 1), type=TensorType.FLOAT32),
    ]
    cell = operator("UNIDIRECTIONAL_SEQUENCE_RNN", [0, 1, 2, 3, 4], [5]).replaced(options=SequenceRNNOptions())
    main = Subgraph(tensors=tensors, inputs=(0,), outputs=(5,), operators=[cell])
    return Graph(subgraphs=[main], metadata=[], signatures=[])


@pytest.fixture
def flex() -> Graph:
    """An operator that only TensorFlow has."""
    return simple("FlexErf", *(Tensor(name=name, shape=(1, 3), type=TensorType.FLOAT32) for name in "xy"))


@pytest.fixture
def add() -> Graph:
    """c = a + b, [1, 4] each."""
    return Graph(subgraphs=[arithmetic("ADD")], metadata=[], signatures=[])


@pytest.fixture
def compiled_add() -> Graph:
    """y = 2 x by the operator of the pretended vendor, then -y; the tensors are named as in `doubled`."""
    return Graph(subgraphs=[_chain("vendor-op")], metadata=[], signatures=[])


@pytest.fixture
def doubled() -> Graph:
    """-(x + x): what `compiled_add` would have been compiled from. It has a signature, which compilers drop."""
    sums = _chain("ADD")
    sums.operators[0].inputs = (0, 0)
    return Graph(subgraphs=[sums], metadata=[], signatures=[signature("serving_default", {"x": 0}, {"y": 2})])


def _chain(first: str) -> Subgraph:
    tensors = [Tensor(name=name, shape=(1, 4), type=TensorType.FLOAT32) for name in ("in:0", "middle", "out:0")]
    operators = [operator(first, [0], [1]), operator("NEG", [1], [2])]
    return Subgraph(tensors=tensors, inputs=(0,), outputs=(2,), operators=operators)


@pytest.fixture(scope="session")
def vendor_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The delegate of a pretended vendor, built with the compiler of this machine: see native/vendor.c."""
    if not shutil.which("gcc"):
        pytest.skip("no C compiler: install gcc")
    library = tmp_path_factory.mktemp("native") / "libvendor.so"
    source = Path(__file__).parent / "native" / "vendor.c"
    flags = ("-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")
    subprocess.run(["gcc", *flags, "-o", str(library), str(source)], check=True)
    return library


_ACME = """
import os
from littoral.runtime.delegate import VendorDelegate

class Acme(VendorDelegate):
    only_here = {"vendor-op": ("is compiled for Acme's chip", "Give the file that it was compiled from, or use acme")}
    exclusive = True

    def __init__(self, *options):
        options = dict(option.split("=") for option in options)
        library = options.pop("library", os.environ["ACME_LIBRARY"])
        super().__init__("acme", library, options, ("vendor-op",), "Compile it for Acme's chip", "is only pretended")

class Apart(Acme):
    isolated = True

    @staticmethod
    def pin(*options):
        return [option for option in options if option != "any=1"]

def triple(partition):
    class Triple:
        def __init__(self, shapes):
            self.shapes = shapes
        def __call__(self, inputs, outputs):
            if inputs[0][0, 0] < 0:
                raise ValueError("a negative number")
            outputs[0][...] = 3 * inputs[0][..., None]
    return Triple([(*partition.tensor(partition.inputs[0]).shape, 1)])
"""


@pytest.fixture
def acme(vendor_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ctypes.CDLL:
    """The vendor as devices `acme` and `apart` (the same in a process of its own), and the operator `triple` in Python.

    `triple` gives 3 x with one more axis, which the file does not say, and fails where x starts below zero.
    """
    package = tmp_path / "acme-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    (package / "entry_points.txt").write_text(
        "[littoral.devices]\nacme = acme_vendor:Acme\napart = acme_vendor:Apart\n"
        "[littoral.operators]\ntriple = acme_vendor:triple\nlost = acme_lost:lost\n"
    )
    (tmp_path / "acme_vendor.py").write_text(_ACME)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "acme_vendor", raising=False)
    monkeypatch.setenv("ACME_LIBRARY", str(vendor_library))
    return ctypes.CDLL(str(vendor_library))


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_of_others() -> None:
    """Tests here count what lives: what tests elsewhere dropped, and is in a cycle, goes first."""
    gc.collect()
