"""wasi-nn as a guest sees it."""

from __future__ import annotations

import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.functions.conftest import GUESTS, Doubler, Make
from tests.functions.test_wasi import FlatMemory, arguments

from littoral.errors import DeviceError
from littoral.functions import nn
from littoral.functions.errors import FunctionError
from littoral.functions.files import Folder
from littoral.functions.host import Environment, Host, World
from littoral.functions.instance import PointerError
from littoral.functions.limits import Limits
from littoral.runtime import TensorInfo, load


class Guest:
    """Calls wasi-nn as a guest does."""

    def __init__(self, models: dict[str, Any] | None, load_models: bool = False, limits: Limits | None = None) -> None:
        world = World("guest", limits or Limits(), Environment(), Folder("/"), models, load_models)
        self.host = Host(world)
        self.host.memory = FlatMemory()  # type: ignore[assignment]

    def __call__(self, name: str, *arguments: int) -> Any:
        assert len(arguments) == len(nn.FUNCTIONS[name].parameters)
        return nn.FUNCTIONS[name].run(self.host, *arguments)

    def word(self, place: int) -> int:
        return int(struct.unpack_from("<I", self.host.memory.view, place)[0])

    def graph(self, name: str) -> int:
        self.host.memory.view[100 : 100 + len(name)] = name.encode()
        number = self("load_by_name", 100, len(name), 200)
        return self.word(200) if number == 0 else -number

    def context(self, graph: int) -> int:
        number = self("init_execution_context", graph, 204)
        return self.word(204) if number == 0 else -number

    def input(self, context: int, index: int, value: Any, kind: int, place: int = 1000) -> int:
        array = np.ascontiguousarray(value)
        self.host.memory.view[300 : 300 + 4 * array.ndim] = np.array(array.shape, "<u4").tobytes()
        self.host.memory.view[place : place + array.nbytes] = array.tobytes()
        struct.pack_into("<IIBxxxII", self.host.memory.view, 400, 300, array.ndim, kind, place, array.nbytes)
        return int(self("set_input", context, index, 400))

    def output(self, context: int, index: int, kind: str, room: int = 4000) -> Any:
        number = self("get_output", context, index, 8000, room, 208)
        if number:
            return -number
        return np.frombuffer(bytes(self.host.memory.view[8000 : 8000 + self.word(208)]), kind)


def test_a_model_with_several_inputs_and_outputs() -> None:
    guest = Guest({"double": Doubler()})
    context = guest.context(guest.graph("double"))
    assert guest.input(context, 0, np.array([[1, 2]], "f4"), 1) == 0
    assert guest.input(context, 1, np.array([[10, 20]], "f4"), 1) == 0  # in the same memory: inputs are copied
    assert guest("compute", context) == 0
    assert guest.output(context, 0, "f4").tolist() == [11, 22]
    assert guest.output(context, 1, "f4").tolist() == [2, 4]


def test_graphs_and_contexts_do_not_mix() -> None:
    guest = Guest({"a": Doubler(), "b": Doubler()})
    graphs = [guest.graph("a"), guest.graph("b"), guest.graph("a")]
    contexts = [guest.context(graph) for graph in graphs]
    assert (graphs, contexts) == ([0, 1, 2], [0, 1, 2])
    for context in contexts:
        for index in (0, 1):
            assert guest.input(context, index, np.array([[context, 1]], "f4"), 1) == 0
    for context in contexts:
        assert guest("compute", context) == 0
    assert [guest.output(context, 0, "f4").tolist() for context in contexts] == [[0, 2], [2, 2], [4, 2]]


class Echo:
    """Gives its only input back."""

    def __init__(self, dtype: str, shape: tuple[int, ...] = (1, 3)) -> None:
        self.inputs = self.outputs = (TensorInfo("x", "x", 0, shape, np.dtype(dtype)),)

    def __call__(self, x: Any, raw: bool = False) -> Any:
        assert raw
        return x


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [("f2", 0), ("f4", 1), ("f8", 2), ("u1", 3), ("i4", 4), ("i8", 5), ("i1", 3), ("?", 3)],
)
def test_every_type_of_the_standard_and_int8_as_bytes(dtype: str, kind: int) -> None:
    guest = Guest({"echo": Echo(dtype)})
    context = guest.context(guest.graph("echo"))
    value = np.array([[1, 0, 1]], dtype)
    for other in set(range(7)) - {kind}:
        assert guest.input(context, 0, value, other) == nn.INVALID_ARGUMENT
    assert guest.input(context, 0, value, kind) == 0
    assert guest("compute", context) == 0
    assert (guest.output(context, 0, dtype) == value[0]).all()


def test_a_type_that_the_standard_lacks_is_refused_with_a_remark() -> None:
    guest = Guest({"echo": Echo("i2")})
    assert guest.input(guest.context(guest.graph("echo")), 0, np.zeros((1, 3), "u1"), 3) == nn.INVALID_ARGUMENT
    assert "'x' (int16[1, 3]) got uint8" in guest.host.log


@pytest.mark.parametrize("shape", [(3,), (1, 4), (1, 1, 3), (0, 3), (1,) * 9])
def test_wrong_shapes_are_refused(shape: tuple[int, ...]) -> None:
    guest = Guest({"echo": Echo("f4", (-1, 3))})
    assert guest.input(guest.context(guest.graph("echo")), 0, np.zeros(shape, "f4"), 1) == nn.INVALID_ARGUMENT
    assert "set_input" in guest.host.log


def test_a_size_that_is_not_that_of_the_shape_is_refused() -> None:
    guest = Guest({"echo": Echo("f4")})
    context = guest.context(guest.graph("echo"))
    assert guest.input(context, 0, np.zeros((1, 3), "f4"), 1) == 0
    struct.pack_into("<I", guest.host.memory.view, 416, 8)
    assert guest("set_input", context, 0, 400) == nn.INVALID_ARGUMENT
    assert "8 bytes for shape [1, 3]" in guest.host.log


def test_handles_names_and_indices_that_are_not_there() -> None:
    guest = Guest({"echo": Echo("f4")})
    assert guest.graph("nothing") == -nn.NOT_FOUND
    assert "'nothing'; the manifest has: echo" in guest.host.log
    assert guest.context(0) == -nn.INVALID_ARGUMENT
    context = guest.context(guest.graph("echo"))
    assert guest.input(context, 1, np.zeros((1, 3), "f4"), 1) == nn.INVALID_ARGUMENT
    assert guest.input(7, 0, np.zeros((1, 3), "f4"), 1) == nn.INVALID_ARGUMENT
    assert guest("compute", context) == nn.INVALID_ARGUMENT
    assert "was not set" in guest.host.log
    assert guest.output(context, 0, "f4") == -nn.RUNTIME_ERROR
    assert guest.input(context, 0, np.zeros((1, 3), "f4"), 1) == 0
    assert guest("compute", context) == 0
    assert guest.output(context, 1, "f4") == -nn.INVALID_ARGUMENT
    assert guest.output(context, 0, "f4", room=11) == -nn.TOO_LARGE
    assert guest("compute", 9) == guest("get_output", 9, 0, 0, 0, 0) == nn.INVALID_ARGUMENT


@given(st.data())
def test_any_calls_give_numbers(data: st.DataObject) -> None:
    guest = Guest({"double": Doubler()}, load_models=True)
    guest.host.memory.view[:64] = data.draw(st.binary(min_size=64, max_size=64))
    guest.context(guest.graph("double"))
    for name in data.draw(st.lists(st.sampled_from(sorted(nn.FUNCTIONS)), min_size=1, max_size=5)):
        with suppress(PointerError):  # any other error fails
            result = guest(name, *data.draw(arguments(nn.FUNCTIONS[name].parameters)))
            assert 0 <= result <= nn.NOT_FOUND


def test_graphs_and_contexts_are_bounded() -> None:
    guest = Guest({"echo": Echo("f4")})
    assert [guest.graph("echo") for _ in range(18)] == [*range(16), -nn.BUSY, -nn.BUSY]
    assert [guest.context(0) for _ in range(66)] == [*range(64), -nn.BUSY, -nn.BUSY]


def test_memory_that_the_host_holds_is_bounded() -> None:
    guest = Guest({"echo": Echo("f4")}, limits=Limits(memory=30))
    one, two, three = (guest.context(guest.graph("echo")) for _ in range(3))
    value = np.zeros((1, 3), "f4")
    assert [guest.input(one, 0, value, 1), guest.input(two, 0, value, 1)] == [0, 0]
    assert guest.input(one, 0, value, 1) == 0  # in place of the first
    assert guest.input(three, 0, value, 1) == nn.TOO_LARGE
    assert guest("compute", one) == nn.TOO_LARGE


def test_a_device_that_fails_is_a_number_and_a_remark() -> None:
    class Failing(Echo):
        def __call__(self, x: Any, raw: bool = False) -> Any:
            raise DeviceError("the chip is gone", "Plug it in")

    guest = Guest({"echo": Failing("f4")})
    context = guest.context(guest.graph("echo"))
    assert guest.input(context, 0, np.zeros((1, 3), "f4"), 1) == 0
    assert guest("compute", context) == nn.RUNTIME_ERROR
    assert "the chip is gone. Plug it in" in guest.host.log


def test_models_of_the_guest_are_loaded_only_where_the_manifest_says_so(coral: Path) -> None:
    content = (coral / "mobilenet_v1_0.25_128_quant.tflite").read_bytes()

    def try_load(guest: Guest, encoding: int = 4, count: int = 1, model: bytes = content) -> int:
        guest.host.memory.view = memoryview(bytearray(1 << 20))
        guest.host.memory.view[5000 : 5000 + len(model)] = model
        struct.pack_into("<II", guest.host.memory.view, 100, 5000, len(model))
        return int(guest("load", 100, count, encoding, 0, 200))

    assert try_load(Guest({})) == nn.UNSUPPORTED
    guest = Guest({}, load_models=True)
    assert try_load(guest, encoding=1) == nn.INVALID_ENCODING
    assert try_load(guest, count=2) == nn.INVALID_ARGUMENT
    assert try_load(guest, model=b"not a model file") == nn.INVALID_ARGUMENT
    assert "load: the model file" in guest.host.log
    assert try_load(guest) == 0
    context = guest.context(guest.word(200))
    picture = np.full((1, 128, 128, 3), 99, np.uint8)
    assert guest.input(context, 0, picture, 3, place=600_000) == 0
    assert guest("compute", context) == 0
    with load(content, threads=1) as model:
        assert (guest.output(context, 0, "u1") == np.asarray(model(picture, raw=True))[0]).all()
    guest.host.close()


def test_there_are_no_models_before_the_first_request() -> None:
    assert Guest(None).graph("echo") == -nn.UNSUPPORTED


@pytest.mark.slow
def test_a_guest_in_c_gives_what_the_model_gives(make: Make, coral: Path, tmp_path: Path) -> None:
    sizes = ["-DTYPE=3", "-DDIMENSIONS=1,128,128,3", "-DINPUT=49152", "-DOUTPUT=4096"]
    flags = ["-target", "wasm32-wasi", "-mexec-model=reactor", "-nostdlib", "-Wl,--no-entry", "-O2"]
    command = [sys.executable, "-m", "ziglang", "cc", *flags, *sizes, str(GUESTS / "infer.c"), "-o", "infer.wasm"]
    subprocess.run(command, cwd=tmp_path, check=True)
    picture = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3), np.uint8)
    with load(coral / "mobilenet_v1_0.25_128_quant.tflite", threads=1) as model:
        function = make((tmp_path / "infer.wasm").read_bytes(), models={"model": model})
        answer = function.invoke(picture.tobytes())
        assert (answer.status, answer.log) == (0, "")
        assert answer.body == np.asarray(model(picture, raw=True)).tobytes()
        assert 0 < answer.timing.inference < answer.timing.total
        short = function.invoke(b"too short")
        assert short.status == nn.INVALID_ARGUMENT
        assert "9 bytes for shape [1, 128, 128, 3]" in short.log


def test_a_fault_of_the_host_is_not_the_guests(make: Make) -> None:
    class Broken(Echo):
        def __call__(self, x: Any, raw: bool = False) -> Any:
            raise ZeroDivisionError("oops")

    guest = Guest({"echo": Broken("f4")})
    context = guest.context(guest.graph("echo"))
    assert guest.input(context, 0, np.zeros((1, 3), "f4"), 1) == 0
    with pytest.raises(ZeroDivisionError):
        guest("compute", context)


def test_a_computation_that_takes_too_long_ends_the_request() -> None:
    guest = Guest({"echo": Echo("f4")}, limits=Limits(time=-1.0))
    context = guest.context(guest.graph("echo"))
    assert guest.input(context, 0, np.zeros((1, 3), "f4"), 1) == 0
    with pytest.raises(FunctionError, match="ran longer") as caught:
        guest("compute", context)
    assert caught.value.kind == "time"
