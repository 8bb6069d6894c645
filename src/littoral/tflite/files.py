"""From a path or bytes to a graph, with a hint when the file is something else."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

from littoral.errors import ModelFileError
from littoral.tflite.graph import Graph, Model
from littoral.tflite.reader import Reader
from littoral.tflite.verify import check
from littoral.tflite.wire import Bytes
from littoral.tflite.writer import IDENTIFIER

Source = str | os.PathLike[str] | bytes | bytearray | memoryview

_KINDS = {
    b"\x89HDF\r\n\x1a\n": "a Keras or other HDF5 file (.h5)",
    b"PK\x03\x04": "a ZIP archive, as .keras files are",
    b"\x08\x01\x12": "a SavedModel's protocol buffer",
    b"\x1f\x8b": "gzip-compressed",
    b"\x93NUMPY": "a numpy array",
    b"\x7fELF": "a program",
    b"<": "a page of HTML or XML",
    b"version https://git-lfs": "a Git LFS pointer: the file itself was not fetched",
}


def read(source: Source) -> Graph:
    """Read a model file and check all of it.

    Weights are not copied: they stay in the mapped file, which must not be cut short meanwhile (replacing it is fine).

    Args:
        source: A path, or the bytes of a file.

    Raises:
        ModelFileError: It cannot be read, is not a model file, is damaged, or would make native code misbehave.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _parse(memoryview(source).cast("B").toreadonly(), "the model file")
    path = Path(source)
    return _parse(_map(path), str(path))


def _map(path: Path) -> memoryview:
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise ModelFileError(f"{path} is not an ordinary file")  # opening a pipe would wait for its writer
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                return memoryview(b"")
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except IsADirectoryError as error:
        raise ModelFileError(f"{path} is a folder, not a model file", "A SavedModel must be converted first") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ModelFileError(f"{path} cannot be read: {reason}") from error


def _parse(data: memoryview, origin: str) -> Graph:
    if bytes(data[4:8]) != IDENTIFIER:
        raise ModelFileError(f"{origin} is not a model file: {_guess(data)}", "A .tflite file is expected")
    reader = Reader(data, origin)
    model = reader.root(Model)
    if model.external_buffer_groups:
        raise ModelFileError(
            f"{origin} keeps weights in other files, which littoral does not read", "Convert it to one file"
        )
    graph = Graph(
        version=model.version,
        description=model.description,
        subgraphs=model.subgraphs,
        metadata=model.metadata,
        signatures=model.signatures,
        metadata_buffers=model.metadata_buffers,
        trailing=_trailing(data, reader.end),
    )
    check(graph, origin)
    return graph


def _trailing(data: memoryview, end: int) -> Bytes:
    """What lies behind the model; padding is nothing."""
    rest = data[end:]
    return rest if len(rest) > 16 or any(rest) else b""


def _guess(data: memoryview) -> str:
    """What a file looks like."""
    head = bytes(data[:32])
    if not head:
        return "it is empty"
    for magic, kind in _KINDS.items():
        if head.startswith(magic):
            return f"it looks like {kind}"
    if len(head) < 8:
        return f"it has only {len(head)} bytes"
    if head[0] == 8 and b"onnx" in head.lower():
        return "it looks like an ONNX model"
    identifier = head[4:8]
    if identifier.isalnum():
        return f"it is a flatbuffer of another kind ({identifier.decode()})"
    return "its identifier TFL3 is missing"
