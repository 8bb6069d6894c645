"""Models that do not belong on the device, and devices that do not belong to the machine: one clear error each."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.coral.standin.board import Board
from tests.coral.standin.build import build
from tests.coral.standin_fixtures import Pair, board, mobilenet, standin

from littoral.coral.device import check_model
from littoral.coral.library import Library
from littoral.errors import DeviceError, LittoralError, ModelFileError
from littoral.runtime import Isolation, load
from littoral.tflite import Graph, read, write

__all__ = ["board", "mobilenet", "standin"]

COMPILE = "littoral compile MODEL --target edgetpu"
NEWEST = Library(Path("libedgetpu.so.1"), "", 14)
QUANTIZE = "littoral convert MODEL -r full-int8 --io uint8 --target edgetpu"


@pytest.fixture
def chip(board: Board) -> Board:
    """The board with one chip."""
    board.plug("usb", "2-1")
    return board


def refusal(model: Path | Graph, device: str = "coral", kind: type[LittoralError] = DeviceError) -> LittoralError:
    with pytest.raises(kind) as caught:
        load(model, device)
    assert "\n" not in str(caught.value)
    return caught.value


def altered(pair: Pair, folder: Path, change: Callable[[bytearray], object]) -> Path:
    """The compiled model with other bytes in its custom operator."""
    graph = read(pair.compiled)
    [operator] = graph.main.operators
    content = bytearray(operator.custom_options or b"")
    change(content)
    main = graph.main.replaced(operators=[operator.replaced(custom_options=bytes(content))])
    file = folder / "altered_edgetpu.tflite"
    write(graph.replaced(subgraphs=[main]), file)
    return file


def test_a_cpu_model_on_coral(chip: Board, mobilenet: Pair) -> None:
    error = refusal(mobilenet.cpu)
    assert error.cause == f"{mobilenet.cpu} is not compiled for the Edge TPU"
    assert error.remedy == f"Compile it: {COMPILE}. Or use cpu"


def test_a_cpu_model_whose_name_says_otherwise(chip: Board, coral: Path) -> None:
    error = refusal(coral / "deeplab_mobilenet_edgetpu_slim_cityscapes_quant.tflite")
    assert "is not compiled for the Edge TPU" in error.cause


def test_a_compiled_model_on_cpu(coral: Path) -> None:
    file = coral / "mobilenet_v1_0.25_128_quant_edgetpu.tflite"
    error = refusal(file, "cpu")
    assert f"{file} is compiled for the Edge TPU" in error.cause
    assert error.remedy == "Give the model file that it was compiled from, or use coral"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("model", ": it is a float model"),
        ("model_fp16", ": it is a float model"),
        ("model_8bit", ": it is a dynamic-range model, which computes in floats"),
        ("model_integer", ""),
    ],
)
def test_float_and_dynamic_range_models(chip: Board, flowers: Path, name: str, kind: str) -> None:
    file = flowers / "models" / f"{name}.tflite"
    error = refusal(file)
    assert error.cause == f"{file} is not compiled for the Edge TPU{kind}"
    assert (QUANTIZE if kind else COMPILE) in error.remedy


@pytest.mark.parametrize(("package", "library"), [(15, 14), (14, 13)])
def test_a_package_for_a_newer_library(
    chip: Board, mobilenet: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: int, library: int
) -> None:
    monkeypatch.setenv("LITTORAL_EDGETPU", str(build(tmp_path, version(library))))
    file = altered(mobilenet, tmp_path, lambda content: set_least_runtime(content, package))
    error = refusal(file)
    assert f"{file} needs runtime version {package} of the Edge TPU library, and {tmp_path}" in error.cause
    assert error.cause.endswith(f"has {library}")
    assert f"{COMPILE} --runtime-version {library}" in error.remedy


def test_the_library_refuses_it_too(
    chip: Board, mobilenet: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a library says when it is older than it claims reaches the caller."""
    monkeypatch.setenv("LITTORAL_EDGETPU", str(build(tmp_path, version(15))))
    error = refusal(altered(mobilenet, tmp_path, lambda content: set_least_runtime(content, 15)))
    assert "Package requires runtime version (15), which is newer than this runtime version (14)" in error.cause


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.999])
def test_a_truncated_package(chip: Board, mobilenet: Pair, tmp_path: Path, share: float) -> None:
    def cut(content: bytearray) -> None:
        del content[int(len(content) * share) :]

    error = refusal(altered(mobilenet, tmp_path, cut), kind=ModelFileError)
    assert re.search(r"altered_edgetpu.tflite: the Edge TPU's part of the model \(operator 0\) is damaged", error.cause)
    assert "Get the file again" in error.remedy


def test_a_truncated_file(chip: Board, mobilenet: Pair, tmp_path: Path) -> None:
    file = tmp_path / "short.tflite"
    file.write_bytes(mobilenet.compiled.read_bytes()[:300_000])
    assert "short.tflite" in refusal(file, kind=ModelFileError).cause


@given(seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_altered_bytes_are_an_error_or_pass_and_never_crash(mobilenet: Pair, tmp_path: Path, seed: int) -> None:
    """All structure is checked. Parameters and instructions have no checksum: see `littoral.coral.canary`."""
    rng = np.random.default_rng(seed)

    def alter(content: bytearray) -> None:
        end = len(content) if seed % 2 else 4096  # half of them hit tables rather than parameters
        for place in rng.integers(0, end, 1 + seed % 7):
            content[-1 - place if seed % 3 else place] ^= 1 << int(rng.integers(8))

    said = complaint(read(altered(mobilenet, tmp_path, alter)))
    assert said == "" or said.startswith("altered.tflite")


def complaint(graph: Graph) -> str:
    try:
        check_model(graph, "altered.tflite", NEWEST)
    except (ModelFileError, DeviceError) as error:
        return str(error)
    return ""


def test_devices_that_are_not_there(chip: Board, mobilenet: Pair) -> None:
    error = refusal(mobilenet.compiled, "coral:usb:1")
    assert error.cause == "there is no device coral:usb:1"
    assert error.remedy == "There are: coral:usb:0 (also coral:usb:2-1)"
    assert "names no Coral device" in refusal(mobilenet.compiled, "coral:card").cause
    chip.unplug("2-1")
    assert "littoral doctor" in refusal(mobilenet.compiled, "coral").remedy


def test_options(chip: Board, mobilenet: Pair) -> None:
    assert "Accepted: low, medium, high, max" in refusal(mobilenet.compiled, "coral:performance=fast").remedy
    chip.plug("pci", "0000:01:00.0")
    assert "is on PCIe: the library would drop it" in refusal(mobilenet.compiled, "coral:pci:0:usb.queue=8").cause
    with load(mobilenet.compiled, "coral:usb:0:performance=high:usb.queue=8", isolate=Isolation()) as model:
        assert model.device == "coral:usb:0:performance=high:usb.queue=8"
        model.warm_up()


def set_least_runtime(content: bytearray, version: int) -> None:
    """Writes slot 0 of the package."""
    start = content.index(b"DWN1") - 4
    table = start + struct.unpack_from("<I", content, start)[0]
    vtable = table - struct.unpack_from("<i", content, table)[0]
    struct.pack_into("<i", content, table + struct.unpack_from("<H", content, vtable + 4)[0], version)


def version(number: int) -> str:
    """The compiler's flag for a stand-in that claims a runtime version."""
    return f'-DSTANDIN_VERSION="BuildLabel(stand-in), RuntimeVersion({number})"'
