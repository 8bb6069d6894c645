"""The bytes that are written."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from littoral.errors import ModelFileError
from littoral.tflite import Buffer, Graph, Operator, OperatorCode, Tensor, TensorType, read, to_bytes, write
from littoral.tflite import writer as writer_module

GOLDEN = Path(__file__).with_name("golden") / "adder.tflite"


def test_golden_bytes(adder: Graph) -> None:
    """The format of a small file, pinned: what is written today must be what is written tomorrow."""
    assert to_bytes(adder) == GOLDEN.read_bytes()
    assert read(GOLDEN) == adder


def test_weights_are_aligned_to_16_bytes(coral: Path) -> None:
    data = to_bytes(read(coral / "mobilenet_v1_0.25_128_quant.tflite"))
    start = np.frombuffer(data, np.uint8).ctypes.data
    again = read(data)
    weights = [tensor.data for tensor in again.main.tensors if tensor.data is not None]
    assert len(weights) > 50
    assert all((array.ctypes.data - start) % 16 == 0 for array in weights)


def test_shared_buffers_are_written_once(adder: Graph) -> None:
    big = Buffer(data=bytes(40_000))
    for _ in range(3):
        adder.main.tensors.append(Tensor(shape=(10_000,), buffer=big))
    data = to_bytes(adder)
    assert len(data) < 42_000
    tensors = read(data).main.tensors
    assert tensors[3].buffer is tensors[4].buffer is tensors[5].buffer


def test_equal_operator_codes_are_written_once(adder: Graph) -> None:
    extra = Operator(code=OperatorCode.of("ADD"), inputs=(2, 1), outputs=(3,), options=adder.main.operators[0].options)
    adder.main.tensors.append(Tensor(shape=(4,)))
    adder.main.operators.append(extra)
    operators = read(to_bytes(adder)).main.operators
    assert operators[0].code is operators[1].code


def test_constants_without_elements_stay_constants(adder: Graph) -> None:
    adder.main.tensors.append(Tensor(shape=(0,), type=TensorType.INT32, buffer=Buffer(data=b"")))
    assert read(to_bytes(adder)).main.tensors[3].is_constant


@pytest.mark.parametrize("limit", [2**31 - 1, 1500])
def test_what_is_behind_the_model_is_kept(adder: Graph, limit: int) -> None:
    adder.trailing = b"something that another tool has put here"
    adder.main.tensors.append(Tensor(shape=(300,), buffer=Buffer(data=bytes(1200))))
    data = to_bytes(adder, limit)
    assert data.endswith(adder.trailing)
    assert read(data) == adder


def test_custom_options_of_large_models_lie_behind_too(adder: Graph) -> None:
    options = bytes(range(256)) * 8
    custom = Operator(code=OperatorCode.of("mine"), inputs=(2,), outputs=(3,), custom_options=options)
    adder.main.tensors.append(Tensor(shape=(4,)))
    adder.main.operators.append(custom)
    data = to_bytes(adder, limit=1500)
    assert data != to_bytes(adder)
    assert read(data) == adder


def test_models_whose_structure_is_too_large_are_refused(adder: Graph) -> None:
    with pytest.raises(ModelFileError, match=r"too large: .* and 100 fit"):
        to_bytes(adder, limit=100)


class _DiskFullError(OSError):
    def __init__(self) -> None:
        super().__init__(28, "No space left on device")


def test_a_full_disk_leaves_nothing_behind(adder: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"what was there")

    def pieces(graph: Graph, limit: int) -> list[bytes]:
        class Failing(list[bytes]):
            def __iter__(self):  # type: ignore[no-untyped-def]
                yield b"half"
                raise _DiskFullError

        return Failing()

    monkeypatch.setattr(writer_module, "_pieces", pieces)
    with pytest.raises(ModelFileError, match="cannot be written: No space left"):
        write(adder, path)
    assert path.read_bytes() == b"what was there"
    assert list(tmp_path.iterdir()) == [path]


def test_folders_that_are_not_there_are_named(adder: Graph, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"missing/model\.tflite cannot be written: No such file"):
        write(adder, tmp_path / "missing" / "model.tflite")


def test_the_header(adder: Graph) -> None:
    data = to_bytes(adder)
    (root,) = struct.unpack_from("<I", data)
    assert data[4:8] == b"TFL3"
    assert root < len(data)


def test_weights_are_not_copied(coral: Path, tmp_path: Path) -> None:
    """Writing 4 MB of weights takes the memory of the structure, which is an eighth."""
    import tracemalloc

    graph = read(coral / "tf2_mobilenet_v2_1.0_224_ptq.tflite")
    tracemalloc.start()
    write(graph, tmp_path / "copy.tflite")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / "copy.tflite").stat().st_size > 4_000_000
    assert peak < 2_000_000
