"""TFLite Metadata."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from littoral.errors import ModelFileError
from littoral.tflite import Graph, LegacyMetadata, legacy_metadata, read, to_bytes


@pytest.fixture
def bird(coral: Path) -> Graph:
    return read(coral / "mobilenet_v2_1.0_224_inat_bird_quant.tflite")


def zipped(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def label_file(graph: Graph) -> str:
    with zipfile.ZipFile(io.BytesIO(graph.trailing)) as archive:
        return archive.namelist()[0]


def test_labels_and_normalisation(bird: Graph, coral: Path) -> None:
    metadata = legacy_metadata(bird)
    assert isinstance(metadata, LegacyMetadata)
    assert metadata.name == "ImageClassifier"
    assert metadata.description.startswith("Identify the most prominent object")
    assert len(metadata.labels) == 965
    assert "Ara macao (Scarlet Macaw)" in metadata.labels
    assert [(entry.name, entry.mean, entry.std) for entry in metadata.inputs] == [("image", (127.5,), (127.5,))]


def test_models_without_have_none(adder: Graph) -> None:
    assert legacy_metadata(adder) is None


@pytest.mark.parametrize("change", ["longer", "shorter"])
def test_the_archive_survives_rewriting(bird: Graph, tmp_path: Path, change: str) -> None:
    if change == "longer":
        bird.set_metadata("littoral", b"x" * 12345)
    else:
        bird.description = ""
        bird.metadata = [entry for entry in bird.metadata if entry.name == "TFLITE_METADATA"]
        bird.main.tensors = [tensor.replaced(name="") for tensor in bird.main.tensors]
    path = tmp_path / "bird.tflite"
    path.write_bytes(to_bytes(bird))
    assert zipfile.is_zipfile(path)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    assert legacy_metadata(read(path)) == legacy_metadata(bird)


@pytest.mark.parametrize(
    ("archive", "what"),
    [
        (b"", "not a zip file"),
        (b"PK\x05\x06" + b"\xff" * 18, "cannot be read"),
        (zipped("other.txt", b"a"), "no item named"),
    ],
)
def test_damaged_archives_are_refused(bird: Graph, archive: bytes, what: str) -> None:
    bird.trailing = archive
    with pytest.raises(ModelFileError, match=what):
        legacy_metadata(bird)


def test_archives_that_unfold_to_gigabytes_are_refused(bird: Graph) -> None:
    bird.trailing = zipped(label_file(bird), bytes(20 << 20))
    assert len(bird.trailing) < 30_000
    with pytest.raises(ModelFileError, match="more than 4194304 bytes"):
        legacy_metadata(bird)


def test_damaged_compression_is_refused(bird: Graph) -> None:
    archive = bytearray(zipped(label_file(bird), b"some labels\n" * 100))
    archive[60:70] = b"\xff" * 10
    bird.trailing = bytes(archive)
    with pytest.raises(ModelFileError, match="cannot be read"):
        legacy_metadata(bird)


def test_damaged_entries_are_refused(bird: Graph) -> None:
    entry = bytes(bird.metadata_entry("TFLITE_METADATA") or b"")
    bird.set_metadata("TFLITE_METADATA", b"nonsense" + entry[8:])
    with pytest.raises(ModelFileError, match="M001 is missing"):
        legacy_metadata(bird)
    for size in range(8, len(entry), 7):
        bird.set_metadata("TFLITE_METADATA", entry[:size])
        with pytest.raises(ModelFileError, match="TFLITE_METADATA is damaged"):
            legacy_metadata(bird)
