"""TFLite Metadata: names, normalisation and label files that older tools put beside a model.

A metadata entry holds a flatbuffer of its own (identifier M001); the label files that it names are in a ZIP archive
behind the model. The classes below have of its schema (metadata_schema.fbs of TFLite Support) what is read here.
"""

from typing import Annotated

import numpy as np

from littoral.errors import ModelFileError
from littoral.tflite.graph import Graph
from littoral.tflite.reader import Reader
from littoral.tflite.wire import I8, Bytes, Float32Array, Record, Table, Union, empty

ENTRY = "TFLITE_METADATA"
_IDENTIFIER = b"M001"
_AXIS_LABELS, _VALUE_LABELS = 2, 3
_LARGEST_FILE = 4 << 20  # bytes: far more than any list of labels


class LegacyInput(Record):
    """How one input is normalised: (value - mean) / std, where value is 0..255 for pictures; empty when not said."""

    name: str
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()


class LegacyMetadata(Record):
    """What TFLite Metadata says of a model. `inputs` are in the order of the graph's."""

    name: str = ""
    description: str = ""
    labels: tuple[str, ...] = ()
    inputs: tuple[LegacyInput, ...] = ()


class _AssociatedFile(Table):
    name: str = ""
    description: str = ""
    type: I8 = 0


class _NormalizationOptions(Table):
    mean: Float32Array = empty("<f4")
    std: Float32Array = empty("<f4")


class _OtherOptions(Table):
    """Score calibration, thresholds, tokenizers."""


_UNITS: dict[int, type[Table]] = {1: _NormalizationOptions, **dict.fromkeys(range(2, 7), _OtherOptions)}


class _ProcessUnit(Table):
    options: Annotated[Table | None, Union(_UNITS)] = None


class _TensorMetadata(Table):
    skipped_slots = (2, 3, 5)  # names of dimensions, kind of content, range of values

    name: str = ""
    description: str = ""
    process_units: list[_ProcessUnit]
    associated_files: list[_AssociatedFile]


class _SubGraphMetadata(Table):
    name: str = ""
    description: str = ""
    inputs: list[_TensorMetadata]
    outputs: list[_TensorMetadata]


class _ModelMetadata(Table):
    name: str = ""
    description: str = ""
    version: str = ""
    subgraphs: list[_SubGraphMetadata]


def legacy_metadata(graph: Graph) -> LegacyMetadata | None:
    """What TFLite Metadata says; None when the file has none.

    Raises:
        ModelFileError: The entry or the archive is damaged.
    """
    entry = graph.metadata_entry(ENTRY)
    if entry is None:
        return None
    if bytes(entry[4:8]) != _IDENTIFIER:
        raise ModelFileError(f"the metadata entry {ENTRY} is not TFLite Metadata: its identifier M001 is missing")
    metadata = Reader(entry, f"the metadata entry {ENTRY}").root(_ModelMetadata)
    if not metadata.subgraphs:
        return LegacyMetadata(name=metadata.name, description=metadata.description)
    main = metadata.subgraphs[0]
    return LegacyMetadata(
        name=metadata.name,
        description=metadata.description,
        labels=_labels(main.outputs, graph.trailing),
        inputs=tuple(_input(tensor) for tensor in main.inputs),
    )


def _input(tensor: _TensorMetadata) -> LegacyInput:
    for unit in tensor.process_units:
        if isinstance(unit.options, _NormalizationOptions):
            return LegacyInput(name=tensor.name, mean=_floats(unit.options.mean), std=_floats(unit.options.std))
    return LegacyInput(name=tensor.name)


def _floats(values: Float32Array) -> tuple[float, ...]:
    return tuple(float(value) for value in np.asarray(values))


def _labels(outputs: list[_TensorMetadata], archive: Bytes) -> tuple[str, ...]:
    """The lines of the first label file of any output."""
    for output in outputs:
        for file in output.associated_files:
            if file.type in (_AXIS_LABELS, _VALUE_LABELS):
                return tuple(line.strip() for line in _unzip(archive, file.name).splitlines())
    return ()


def _unzip(archive: Bytes, name: str) -> str:
    """One text file of a ZIP archive."""
    import io
    import zipfile
    import zlib

    what = f"the file {name!r} in the archive behind the model"
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as files, files.open(name) as file:
            content = file.read(_LARGEST_FILE + 1)
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, EOFError, OSError, RuntimeError) as error:
        raise ModelFileError(f"{what} cannot be read: {error}") from error
    if len(content) > _LARGEST_FILE:
        raise ModelFileError(f"{what} has more than {_LARGEST_FILE} bytes, which no list of labels has")
    return content.decode("utf-8", errors="replace")
