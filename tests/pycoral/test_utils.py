"""Devices, raw bytes and label files."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest
from tests.coral.standin.board import Board
from tests.coral.standin_fixtures import Pair, board, mobilenet, standin
from tests.pycoral.conftest import Ask

from littoral.coral.library import VARIABLE
from littoral.errors import DeviceError, LittoralError
from littoral.pycoral.errors import OpenError
from littoral.pycoral.interpreter import Interpreter
from littoral.pycoral.utils.dataset import read_label_file
from littoral.pycoral.utils.edgetpu import (
    OVERRIDE,
    Delegate,
    load_edgetpu_delegate,
    make_interpreter,
    run_inference,
)

__all__ = ["board", "mobilenet", "standin"]

MODEL = "mobilenet_v1_0.25_128_quant.tflite"


@pytest.mark.parametrize("device", [None, ":0", ":1000", "usb", "usb:0", "pci", "pci:3", "foo", "usb:x", "cpu:fp16"])
def test_without_a_chip_it_is_a_value_error_with_a_reason(coral: Path, board: Board, device: str | None) -> None:
    """As with pycoral, whose message ends after the second word, for compiled models and others."""
    for name in (MODEL, "mobilenet_v1_0.25_128_quant_edgetpu.tflite"):
        with pytest.raises(ValueError, match=r"Failed to load delegate: .{20}") as caught:
            make_interpreter(str(coral / name), device)
        assert isinstance(caught.value, DeviceError)


def test_a_missing_library_is_named(board: Board, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    board.plug("usb", "2-1")
    monkeypatch.setenv(VARIABLE, "/nowhere/libedgetpu.so.1")
    code = """for call in (load_edgetpu_delegate, get_runtime_version, lambda: set_verbosity(0)):
        try: call()
        except Exception as error: print(type(error).__name__, error)"""
    for line, kind in zip(ask(code), ("DelegateError", "DeviceError", "DeviceError"), strict=True):
        assert line.startswith(kind)
        assert "/nowhere/libedgetpu" in line


def test_cpu_needs_no_chip(coral: Path, board: Board) -> None:
    assert make_interpreter(str(coral / MODEL), "cpu").get_input_details()[0]["dtype"] is np.uint8


def test_the_environment_overrules_the_script(coral: Path, board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OVERRIDE, "cpu")
    assert load_edgetpu_delegate({"device": "usb:3"}) == Delegate("cpu")
    make_interpreter((coral / MODEL).read_bytes(), ":5")


def test_devices_are_chosen(board: Board, ask: Ask) -> None:
    board.plug("usb", "2-1")
    board.plug("pci", "0000:01:00.0")
    devices = None, "", ":1", "usb", "usb:0", "pci"
    code = f"for device in {devices}: print(load_edgetpu_delegate({{'device': device}}).device)"
    assert ask(code) == ["coral", "coral", "coral:1", "coral:usb", "coral:usb:0", "coral:pci"]


def test_unknown_options_are_refused(board: Board) -> None:
    with pytest.raises(ValueError, match=r"unknown options \['Performance'\]"):
        load_edgetpu_delegate({"Performance": "Max"})


def test_a_model_that_is_not_compiled_runs_on_the_processor_and_says_so(coral: Path, board: Board, ask: Ask) -> None:
    board.plug("usb", "2-1")
    code = """import warnings
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    make_interpreter(sys.argv[1])
print(told[0].filename, told[0].message)"""
    [line] = ask(code, coral / MODEL)
    assert line.startswith("<string> ")
    assert line.endswith("is not compiled for the Edge TPU: it runs on the processor")


def test_what_is_listed(board: Board, ask: Ask) -> None:
    assert ask("print(list_edge_tpus())") == ["[]"]
    board.plug("usb", "2-1")
    board.plug("pci", "0000:01:00.0")
    assert ask("for each in list_edge_tpus(): print(each)") == [
        "{'type': 'pci', 'path': '/dev/apex_0'}",
        "{'type': 'usb', 'path': '/sys/bus/usb/devices/2-1'}",
    ]


def test_the_library_speaks_as_much_as_it_is_told(board: Board, ask: Ask) -> None:
    assert ask("print(set_verbosity(10), set_verbosity(0), get_runtime_version())") == [
        "True True BuildLabel(stand-in), RuntimeVersion(14)"
    ]


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(ValueError, match=r"Could not open 'invalid_model_path.tflite'") as caught:
        make_interpreter("invalid_model_path.tflite")
    assert isinstance(caught.value, OpenError)


@pytest.fixture
def interpreter(coral: Path) -> Interpreter:
    interpreter = make_interpreter(str(coral / MODEL), "cpu")
    interpreter.allocate_tensors()
    return interpreter


class Buffer:
    """What run_inference uses of a Gst.Buffer."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def get_size(self) -> int:
        return len(self._content)

    def extract_dup(self, offset: int, size: int) -> bytes:
        return self._content[offset : offset + size]


@pytest.mark.parametrize("extra", [0, 1])
def test_bytes_of_any_kind_are_an_input(interpreter: Interpreter, extra: int) -> None:
    data = np.random.default_rng(0).integers(0, 256, 128 * 128 * 3 + extra, np.uint8)
    output = interpreter.get_output_details()[0]["index"]
    run_inference(interpreter, data)
    wanted = interpreter.get_tensor(output)
    pointer = data.ctypes.data_as(ctypes.c_void_p)
    for same in (data.tobytes(), bytearray(data), (pointer, data.size), Buffer(data.tobytes())):
        interpreter.tensor(output)()[...] = 0
        run_inference(interpreter, same)
        np.testing.assert_array_equal(interpreter.get_tensor(output), wanted)
    np.testing.assert_array_equal(interpreter.get_tensor(0).reshape(-1), data[: 128 * 128 * 3])


def test_too_few_bytes_and_no_bytes(interpreter: Interpreter) -> None:
    with pytest.raises(ValueError, match="input size=49151, expected=49152"):
        run_inference(interpreter, bytes(49151))
    for wrong in ("text", 5, None, (1, 2)):
        with pytest.raises(ValueError, match="is not supported"):
            run_inference(interpreter, wrong)


def test_models_of_one_process_share_a_chip(mobilenet: Pair, board: Board, ask: Ask) -> None:
    """Scripts of pycoral do that, and models compiled together are made for it."""
    board.plug("usb", "2-1")
    code = """import numpy as np
delegate = load_edgetpu_delegate({"device": "usb"})
interpreters = [
    make_interpreter(sys.argv[1], ":0"),
    make_interpreter(Path(sys.argv[1]).read_bytes(), delegate=delegate),
    make_interpreter(sys.argv[2], "cpu"),
]
for each in interpreters:
    each.allocate_tensors()
    run_inference(each, np.random.default_rng(0).integers(0, 256, 128 * 128 * 3, np.uint8))
    print(each.get_tensor(each.get_output_details()[0]["index"]).tobytes().hex())"""
    first, second, wanted = ask(code, mobilenet.compiled, mobilenet.cpu)
    assert first == second == wanted
    assert board.calls == 2


def test_a_chip_that_fails_is_a_runtime_error(mobilenet: Pair, board: Board, ask: Ask) -> None:
    board.plug("usb", "2-1")
    board.trouble = lambda call: "fail" if call == 0 else None
    code = """each = make_interpreter(sys.argv[1])
each.allocate_tensors()
try: each.invoke()
except RuntimeError as error: print(type(error).__name__)
each.invoke()
print("again")"""
    assert ask(code, mobilenet.compiled) == ["InvokeError", "again"]


def test_labels(tmp_path: Path) -> None:
    file = tmp_path / "labels.txt"
    file.write_text("0 cat\n7:  hot dog \n   \nfour\n12 3 four five\n99\n", encoding="utf-8")
    assert read_label_file(str(file)) == {0: "cat", 7: "hot dog", 2: "", 3: "four", 12: "3 four five", 5: "99"}


def test_labels_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "none", tmp_path / "bad", tmp_path):
        with pytest.raises(OSError, match=r"the label file .* cannot be read") as caught:
            read_label_file(path)
        assert isinstance(caught.value, LittoralError)


def test_real_labels(coral: Path) -> None:
    assert read_label_file(coral / "imagenet_labels.txt")[89] == "macaw"
    birds = read_label_file(coral / "inat_bird_labels.txt")
    assert birds[923] == "Ara macao (Scarlet Macaw)"
    assert read_label_file(coral / "coco_labels.txt")[0] == "person"
