"""Where a trained model comes from: each kind of source makes a float model file; no more is asked of it."""

from __future__ import annotations

import hashlib
import os
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from littoral.convert.process import TIMEOUT, Progress, run_child
from littoral.errors import SourceError
from littoral.tflite import Graph, Operator, read, write
from littoral.tflite.edit import spell_codes

ACCEPTED = "Accepted: a .keras or .h5 file of Keras 3 or Keras 2, a SavedModel folder, a float .tflite"


@dataclass(frozen=True)
class Options:
    """What a source may need to know.

    Attributes:
        sizes: (height, width) for a model that leaves the size of its picture open.
        custom_objects: A module's name or .py file that defines the model's own layers.
        unsafe_lambda: Code that is stored in the model may run.
        timeout: Seconds that a child process may take.
    """

    sizes: tuple[int, int] | None = None
    custom_objects: str | None = None
    unsafe_lambda: bool = False
    timeout: float = TIMEOUT


class Source(Protocol):
    """A trained model."""

    @property
    def path(self) -> Path:
        """Where it lies."""
        ...

    @property
    def kind(self) -> str:
        """A word for TensorFlow's child programs: "keras", "h5", "savedmodel" or "tflite"."""
        ...

    def to_float(self, output: Path, options: Options, progress: Progress | None = None) -> bool:
        """Write the float model file to `output`; other files that are needed go beside it.

        Returns:
            Whether the model is known to scale pixels of 0..255 itself.

        Raises:
            SourceError: The model cannot be read or converted.
            MissingExtraError: TensorFlow is needed and not installed.
        """
        ...


@dataclass(frozen=True)
class TrainedModel:
    """A model that TensorFlow reads, in a child process. Each subclass is one kind of source."""

    path: Path
    kind: ClassVar[str]

    def to_float(self, output: Path, options: Options, progress: Progress | None = None) -> bool:
        """See Source."""
        request = request_of(self, options) | {"output": str(output)}
        about = run_child(
            "littoral.convert.child.to_float",
            request,
            work=output.parent,
            progress=progress,
            timeout=options.timeout,
            hint="Save it anew with model.save('model.keras'), or as a SavedModel: model.export('folder')",
        )
        return bool(about["takes_pixels"])


class KerasFile(TrainedModel):
    """A .keras file: a ZIP of configuration and weights."""

    kind = "keras"


class Hdf5File(TrainedModel):
    """An .h5 file of Keras 3 or Keras 2."""

    kind = "h5"


class SavedModel(TrainedModel):
    """A folder with a saved_model.pb; its signature serving_default is what counts."""

    kind = "savedmodel"


@dataclass(frozen=True)
class ModelFile:
    """A float .tflite."""

    path: Path
    kind: ClassVar[str] = "tflite"

    def to_float(self, output: Path, options: Options, progress: Progress | None = None) -> bool:
        """See Source. The operators stay as they are."""
        del options, progress
        write(read(self.path), output)
        return False


def open_source(path: str | os.PathLike[str]) -> Source:
    """The source that a path is, decided by content and not by suffix.

    Raises:
        SourceError: There is nothing, it cannot be read, or it is no model.
    """
    path = Path(path)
    if path.is_dir():
        if not (path / "saved_model.pb").is_file():
            raise SourceError(f"{path} is a folder without a saved_model.pb", ACCEPTED)
        return SavedModel(path)
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except FileNotFoundError:
        raise SourceError(f"{path} does not exist", ACCEPTED) from None
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error
    if head[4:8] == b"TFL3":
        return ModelFile(path)
    if head == b"\x89HDF\r\n\x1a\n":
        return Hdf5File(path)
    if head.startswith(b"PK\x03\x04"):
        return _in_archive(path)
    raise SourceError(f"{path} is not a trained model{_looks_like(path, head)}", ACCEPTED)


def _in_archive(path: Path) -> KerasFile:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except zipfile.BadZipFile as error:
        raise SourceError(f"{path} is a damaged .keras file: {error}", "Copy or save it again") from error
    if {"config.json", "metadata.json"} <= names:
        return KerasFile(path)
    kind = "a PyTorch checkpoint" if any(name.endswith("data.pkl") for name in names) else "a ZIP archive"
    raise SourceError(f"{path} is {kind} and not a Keras file: it has no config.json", ACCEPTED)


def _looks_like(path: Path, head: bytes) -> str:
    if not head:
        return ": it is empty"
    if path.name == "saved_model.pb":
        return ": give the folder of the SavedModel, not its saved_model.pb"
    if path.suffix == ".onnx":
        return ": it looks like ONNX"
    return ": it looks like text" if head.isascii() and head.decode().isprintable() else ""


def request_of(source: Source, options: Options) -> dict[str, Any]:
    """What a TensorFlow child needs to know about a source, as JSON."""
    about = asdict(options)
    del about["timeout"]
    return {"name": source.path.name, "path": str(source.path), "kind": source.kind, **about}


def sha256(path: Path) -> str:
    """The SHA-256 of a file, or of a folder's files with their names, hexadecimal."""
    digest = hashlib.sha256()
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    for file in files:
        if path.is_dir():
            digest.update(f"{file.relative_to(path).as_posix()}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as stream:
            while piece := stream.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()


_BIASED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def settle(graph: Graph, name: str, *, quantized_is_fine: bool) -> list[str]:
    """Make a source's graph fit to quantize: batch 1, a bias for each layer, unique names. This changes the graph.

    Args:
        graph: What a source wrote.
        name: Names the model in errors.
        quantized_is_fine: It is only to be copied.

    Returns:
        Notes on what was changed, in sentences.

    Raises:
        SourceError: It is quantized already, not frozen, needs operators that LiteRT lacks, or has inputs of unknown
            size.
    """
    from littoral.check.operators import unset_variables

    operators = [operator for subgraph in graph.subgraphs for operator in subgraph.operators]
    if flex := sorted({operator.name for operator in operators if operator.name.startswith("Flex")}):
        raise SourceError(
            f"{name} needs TensorFlow's kernels for {', '.join(flex)}, which LiteRT does not have",
            "Replace the layers that make them, or compute them outside of the model",
        )
    if variables := unset_variables(graph):
        raise SourceError(
            f"{name} was not frozen: variable {variables[0]} has no value in the model file",
            "Convert from the trained model",
        )
    if not quantized_is_fine and (kinds := _quantized_types(graph)):
        raise SourceError(
            f"{name} is quantized already (it holds {', '.join(kinds)})", "Give the float model that it was made from"
        )
    notes = _close_batch(graph, name)
    spell_codes(graph)  # the quantizer takes operators of files of 2020 for ADD, whose code is 0
    _part_biases(graph)
    _name_apart(graph)
    return notes


def _quantized_types(graph: Graph) -> list[str]:
    tensors = [tensor for subgraph in graph.subgraphs for tensor in subgraph.tensors]
    return sorted(
        {t.type.name.lower() for t in tensors if t.is_quantized or (t.is_constant and t.type.name == "FLOAT16")}
    )


def _part_biases(graph: Graph) -> None:
    """Give each layer a bias of its own: once quantized, its scale is that of the layer's input and weights."""
    main = graph.main
    taken: set[int] = set()
    for operator in main.operators:
        if operator.name not in _BIASED or len(operator.inputs) < 3 or operator.inputs[2] < 0:
            continue
        *others, bias = operator.inputs[:3]
        tensor = main.tensors[bias]
        if bias in taken and tensor.buffer is not None:
            main.tensors.append(tensor.replaced(buffer=tensor.buffer.replaced()))
            operator.inputs = (*others, len(main.tensors) - 1, *operator.inputs[3:])
        taken.add(bias)


def _close_batch(graph: Graph, name: str) -> list[str]:
    """Set an open batch to the 1 that the file's shapes already have."""
    main = graph.main
    opened = [main.tensors[i] for i in main.inputs if -1 in main.tensors[i].shape_signature]
    for tensor in opened:
        if -1 in tensor.shape_signature[1:] or tensor.shape[:1] != (1,):
            raise SourceError(
                f"{name}: input '{tensor.name}' has the open shape {list(tensor.shape_signature)}",
                "Convert from the trained model, with a contract that says width and height",
            )
    if not opened:
        return []
    for subgraph in graph.subgraphs:
        for tensor in subgraph.tensors:
            tensor.shape_signature = ()
    return [f"{name} has an open batch; the model files take one sample at a time."]


def _name_apart(graph: Graph) -> None:
    """Give every tensor a name of its own: ranges and recipes refer to tensors by name."""
    taken: set[str] = set()
    for subgraph in graph.subgraphs:
        for index, tensor in enumerate(subgraph.tensors):
            name, count = tensor.name or f"tensor_{index}", 0
            while name in taken:
                count += 1
                name = f"{tensor.name}_{count}"
            taken.add(name)
            tensor.name = name


def control_flow(graph: Graph) -> list[str]:
    """Kinds of operators in the main subgraph that call other subgraphs, as a rolled LSTM or GRU does."""
    return sorted({operator.name for operator in graph.main.operators if _calls(operator)})


def _calls(operator: Operator) -> bool:
    return operator.name in ("WHILE", "IF", "STABLEHLO_WHILE", "STABLEHLO_CASE", "CALL")
