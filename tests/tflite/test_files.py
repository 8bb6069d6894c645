"""Opening files, and saying what they are when they are not model files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from littoral.errors import ModelFileError
from littoral.tflite import Graph, read, to_bytes, write


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (b"", "it is empty"),
        (b"abc", "only 3 bytes"),
        (b"\x89HDF\r\n\x1a\n" + bytes(40), "HDF5"),
        (b"PK\x03\x04" + bytes(40), r"\.keras"),
        (b"\x08\x07\x12\x0connx.helper\x1a\x03" + bytes(40), "ONNX"),
        (bytes([8, 1, 0x12, 0x0B]) + bytes(40), "SavedModel"),
        (b"\x20\0\0\0ORTM" + bytes(40), r"flatbuffer of another kind \(ORTM\)"),
        (b"version https://git-lfs.github.com/spec/v1\n", "LFS pointer"),
        (b"<!DOCTYPE html>", "HTML"),
        (bytes(64), "TFL3 is missing"),
    ],
)
def test_other_files_are_named(tmp_path: Path, content: bytes, hint: str) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    with pytest.raises(
        ModelFileError, match=rf"model\.tflite is not a model file: .*{hint}.*\.tflite file is expected"
    ):
        read(path)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"nothing\.tflite cannot be read: No such file"):
        read(tmp_path / "nothing.tflite")
    with pytest.raises(ModelFileError, match=r"is a folder, not a model file.*SavedModel"):
        read(tmp_path)


def test_special_files_do_not_hang(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.tflite"
    os.mkfifo(pipe)
    with pytest.raises(ModelFileError, match="not an ordinary file"):
        read(pipe)


def test_paths_bytes_and_views_are_the_same(adder: Graph, tmp_path: Path) -> None:
    path = tmp_path / "adder.tflite"
    write(adder, path)
    data = path.read_bytes()
    assert read(path) == read(str(path)) == read(data) == read(bytearray(data)) == read(memoryview(data)) == adder


def test_weights_of_mutable_bytes_cannot_be_changed(adder: Graph) -> None:
    weights = read(bytearray(to_bytes(adder))).main.tensors[1].data
    assert weights is not None
    assert not weights.flags.writeable


def test_weights_lie_in_the_file(coral: Path) -> None:
    """Reading 4 MB of weights takes a few hundred kilobytes."""
    import tracemalloc

    path = coral / "tf2_mobilenet_v2_1.0_224_ptq.tflite"
    read(path)
    tracemalloc.start()
    graph = read(path)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(tensor.data.nbytes for tensor in graph.main.tensors if tensor.data is not None) > 3_000_000
    assert size < 600_000


def test_importing_takes_nothing_heavy() -> None:
    import subprocess
    import sys

    code = "import sys, littoral.tflite; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"flatbuffers", "ai_edge_litert", "tensorflow", "PIL", "zipfile", "tempfile"} & set(loaded)
