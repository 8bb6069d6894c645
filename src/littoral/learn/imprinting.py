"""Weight imprinting: the weights of a class are the mean of the embeddings of a few pictures of it.

After Qi, Brown, Lowe: Low-Shot Learning with Imprinted Weights (CVPR 2018). Embeddings have length 1, and so have a
class's weights: what goes into the softmax is the cosine of the angle between them, times a constant, the sharpness.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from littoral.data import Picture
from littoral.errors import InputError, LittoralError, ModelFileError
from littoral.learn.embeddings import embedding
from littoral.learn.heads import Head, Vector, features, normalised, with_head
from littoral.runtime import TensorInfo, contract_of, load
from littoral.tflite import Graph, Operator, Subgraph, read, write
from littoral.tflite.edit import copied, without_unused_tensors

ENTRY = "littoral_imprint"
"""The metadata entry of a classifier that keeps its classes exactly, so that it can learn more."""
_DENSE = ("CONV_2D", "FULLY_CONNECTED")
_HEADER = struct.Struct("<IIf")
_SMALLEST = 1e-12  # a length that can be divided by
_SURE = 0.999  # what a picture gets that is just as its class
_NEAREST = 0.99  # a mean cosine of classes above this counts as this
_ROOM = 2  # embeddings reach further than their means: 1.7 times as far for digits


@dataclass(frozen=True, eq=False)
class Prototype:
    """What is known of a class.

    Attributes:
        total: The sum of its embeddings, each of length 1: float32 [features].
        trainable: Whether embeddings may be added: the class was imprinted, not trained with the network.
    """

    total: Vector
    trainable: bool = True

    @property
    def length(self) -> float:
        """Of the sum; at most the number of embeddings in it."""
        return float(np.linalg.norm(self.total))


@dataclass(frozen=True, eq=False)
class Imprint:
    """An embedder, and the classes imprinted so far.

    Attributes:
        embedder: A graph that gives embeddings of length 1.
        classes: In the order of the classifier's output.
        sharpness: What cosines are multiplied with before the softmax; None for so much that a picture which is just as
            its class gets 0.999 where the others are as far away as they are in the mean.
    """

    embedder: Graph
    classes: tuple[Prototype, ...] = ()
    sharpness: float | None = None

    @property
    def features(self) -> int:
        """How many values an embedding has."""
        return features(self.embedder)

    @classmethod
    def open(cls, graph: Graph) -> Imprint:
        """Reads an embedder, or a classifier with an L2_NORMALIZATION before its last layer, and its classes.

        Classifiers are those that `classifier` made, and Google's for imprinting, retrained or not (CONV_2D, MUL,
        RESHAPE, SOFTMAX); either may be compiled for the Edge TPU, as long as that layer runs on the processor.

        Raises:
            ModelFileError: It is neither.
        """
        operators = graph.main.operators
        cut = next((place for place, each in enumerate(operators) if each.name == "L2_NORMALIZATION"), None)
        if cut is None:
            return cls(normalised(graph))
        embedder = _until(graph, cut)
        kept = graph.metadata_entry(ENTRY)
        if kept is not None:
            return unpack(embedder, bytes(kept))
        dense = [operator for operator in operators[cut:] if operator.name in _DENSE]
        return _foreign(embedder, graph, dense[0], operators[cut:]) if len(dense) == 1 else cls(embedder)

    def learn(self, vector: npt.ArrayLike, index: int) -> Imprint:
        """With one more embedding of a class; the index after the last makes a new class.

        Args:
            vector: Of length 1, float32 [features].
            index: Of the class.

        Raises:
            InputError: The embedding is of another size, or the class cannot be changed.
        """
        given = np.asarray(vector, np.float32)
        if given.shape != (wanted := (self.features,)):
            raise InputError(f"the embedding has shape {list(given.shape)}", f"Accepted: {list(wanted)}")
        if not 0 <= index <= len(self.classes):
            raise InputError(f"there is no class {index}", f"Accepted: 0 to {len(self.classes)}, which makes a new one")
        if index < len(self.classes) and not self.classes[index].trainable:
            raise InputError(f"class {index} is not one that was imprinted", "Those that came with the model stay")
        classes = [*self.classes] if index < len(self.classes) else [*self.classes, Prototype(np.zeros_like(given))]
        classes[index] = Prototype(classes[index].total + given)
        return replace(self, classes=tuple(classes))

    def classifier(self, labels: tuple[str, ...] = ()) -> Graph:
        """The graph that tells the classes apart, with the labels in its contract.

        The softmax is blind to what the weights of all classes share; without it bytes resolve the rest better.

        Raises:
            LittoralError: There is no class yet.
        """
        if not self.classes:
            raise LittoralError("no class has been learned", "Add pictures first")
        directions = np.stack([each.total / max(each.length, _SMALLEST) for each in self.classes])
        sharpness = _sharpness(directions) if self.sharpness is None else self.sharpness
        weights = np.float32(sharpness) * (directions - directions.mean(axis=0))
        values = weights @ directions.T
        head = Head(
            weights,
            np.zeros(len(weights), np.float32),
            _ROOM * float(values.min()),
            _ROOM * float(values.max()),
            normalised=True,
        )
        graph = with_head(self.embedder, head, labels)
        graph.set_metadata(ENTRY, pack(self))
        return graph


def pack(imprint: Imprint) -> bytes:
    """What `unpack` reads, little-endian.

    Numbers of classes and of features (uint32), sharpness (float32, 0 for None), a byte a class that says whether it is
    trainable, and the totals (float32).
    """
    head = _HEADER.pack(len(imprint.classes), imprint.features, imprint.sharpness or 0.0)
    flags = bytes(each.trainable for each in imprint.classes)
    return head + flags + np.stack([each.total for each in imprint.classes]).astype("<f4").tobytes()


def unpack(embedder: Graph, content: bytes) -> Imprint:
    """The classes of an embedder, of the metadata entry of a classifier.

    Raises:
        ModelFileError: The entry is damaged.
    """
    size = _HEADER.size
    count, width, sharpness = _HEADER.unpack(content[:size]) if len(content) >= size else (0, 0, 0.0)
    if width != features(embedder) or len(content) != size + count + 4 * count * width or not sharpness >= 0:
        raise ModelFileError(f"the metadata entry {ENTRY!r} is damaged", "Start again from the embedder")
    totals = np.frombuffer(content, "<f4", offset=size + count).reshape(count, width).astype(np.float32)
    if not np.isfinite(totals).all():
        raise ModelFileError(f"the metadata entry {ENTRY!r} has values that are not finite")
    flags = content[size : size + count]
    return Imprint(embedder, tuple(map(Prototype, totals, map(bool, flags))), sharpness or None)


class Imprinter:
    """Learns classes from a few pictures each, in no time.

    Args:
        embedder: A model file that gives embeddings, or a classifier that was made here, to go on with.
        device: Where the embedder runs.

    Raises:
        ModelFileError: It is neither.
        DeviceError: The device does not take it.
    """

    def __init__(self, embedder: str | os.PathLike[str], device: str = "cpu") -> None:
        graph = read(embedder)
        self._imprint = Imprint.open(graph)
        contract = contract_of(graph)
        named = contract.labels if contract else ()
        count = len(self._imprint.classes)
        self._labels = [*named] if len(named) == count else [str(index) for index in range(count)]
        self._model = load(self._imprint.embedder, device, contract=contract if contract and contract.inputs else None)

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes so far."""
        return tuple(self._labels)

    def add(self, label: str, *pictures: Picture) -> Imprinter:
        """Learns pictures of a class, new or known; all of them or, after an error, none. Returns itself.

        Args:
            label: The name of the class.
            pictures: Files, Pillow images, or arrays of pixels in 0..255.

        Raises:
            DataError: A picture cannot be read.
            InputError: The class is one that came with the model.
        """
        imprint = self._imprint
        index = self._labels.index(label) if label in self._labels else len(self._labels)
        for picture in pictures:
            imprint = imprint.learn(embedding(self._model, picture), index)
        if len(imprint.classes) > len(self._labels):
            self._labels.append(label)
        self._imprint = imprint
        return self

    def classifier(self) -> Graph:
        """The graph that tells the classes apart; see `Imprint.classifier`."""
        return self._imprint.classifier(self.labels)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes the classifier.

        Raises:
            LittoralError: There is no class yet.
            ModelFileError: It cannot be written.
        """
        write(self.classifier(), path)
        return Path(path)

    def close(self) -> None:
        """Frees the embedder; closing again does nothing."""
        self._model.close()

    def __enter__(self) -> Imprinter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _until(graph: Graph, place: int) -> Graph:
    """The graph up to an operator of its main subgraph."""
    graph = copied(graph)
    graph.signatures = [signature for signature in graph.signatures if signature.subgraph_index != 0]
    graph.metadata = [entry for entry in graph.metadata if entry.name != ENTRY]
    graph.main.outputs = graph.main.operators[place].outputs
    del graph.main.operators[place + 1 :]
    return without_unused_tensors(graph)


def _sharpness(directions: Vector) -> float:
    count = len(directions)
    others = count * (count - 1) or 1
    cosine = float((directions @ directions.T).sum() - count) / others  # the mean of those of different classes
    return math.log(_SURE / (1 - _SURE) * max(count - 1, 1)) / (1 - min(cosine, _NEAREST))


def _foreign(embedder: Graph, graph: Graph, dense: Operator, tail: Sequence[Operator]) -> Imprint:
    """The classes of a classifier of Google's: directions as weights, lengths in the description."""
    weights = _constant(graph.main, dense.inputs[1])
    width = features(embedder)
    if weights.size % width:
        raise ModelFileError(f"the last layer has {weights.size} weights for embeddings of {width} values")
    rows = weights.reshape(-1, width)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    lengths = _lengths(graph.description)
    totals = rows / np.maximum(norms, _SMALLEST) * np.array([[lengths.get(place, 1.0)] for place in range(len(rows))])
    scale = next((_scale(graph.main, each) for each in tail if each.name == "MUL"), 1.0)
    classes = tuple(Prototype(total, place in lengths) for place, total in enumerate(totals.astype(np.float32)))
    return Imprint(embedder, classes, scale * float(np.median(norms)))


def _constant(main: Subgraph, index: int) -> npt.NDArray[Any]:
    """The real values of a constant."""
    tensor = main.tensors[index]
    if tensor.data is None:
        raise ModelFileError(f"{tensor.name!r} is not a constant", "Accepted: classifiers with fixed weights")
    info = TensorInfo.of(tensor, index, tensor.name)
    return info.give(tensor.data)


def _scale(main: Subgraph, operator: Operator) -> float:
    """What a MUL operator multiplies with."""
    constants = [index for index in operator.inputs if main.tensors[index].is_constant]
    return float(_constant(main, constants[0]).reshape(-1)[0]) if constants else 1.0


def _lengths(description: str) -> dict[int, float]:
    """The lengths of sums of embeddings by class, which pycoral keeps in a file's description: "0 5.4 1 6.5"."""
    words = description.split()
    try:
        return {int(index): float(length) for index, length in zip(words[::2], words[1::2], strict=True)}
    except ValueError:
        return {}  # any other description
