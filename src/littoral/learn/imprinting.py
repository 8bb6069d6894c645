"""Weight imprinting: the weights of a class are the mean of the embeddings of a few pictures of it.

After Qi, Brown, Lowe: Low-Shot Learning with Imprinted Weights (CVPR 2018). Embeddings have length 1, and so have a
class's weights: what goes into the softmax is the cosine of the angle between them, times a constant, the sharpness.
"""

from __future__ import annotations

import os
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

SHARPNESS = 16.0
"""Of a fresh head. Photos of one kind of animal have cosines of 0.6 to 0.7 here, of two kinds 0.35 to 0.45."""
_DENSE = ("CONV_2D", "FULLY_CONNECTED")


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
        sharpness: What cosines are multiplied with before the softmax.
    """

    embedder: Graph
    classes: tuple[Prototype, ...] = ()
    sharpness: float = SHARPNESS

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
        dense = [operator for operator in operators[cut:] if operator.name in _DENSE]
        embedder = _until(graph, cut)
        if len(dense) != 1:
            return cls(embedder)
        weights = _constant(graph.main, dense[0].inputs[1]).reshape(-1, features(embedder))
        scale = next((_scale(graph.main, each) for each in operators[cut:] if each.name == "MUL"), 1.0)
        lengths = _lengths(graph.description)
        directions = weights / np.maximum(np.linalg.norm(weights, axis=1, keepdims=True), 1e-12)
        classes = [
            Prototype(direction * np.float32(lengths.get(index, 1.0)), index in lengths)
            for index, direction in enumerate(directions)
        ]
        return cls(embedder, tuple(classes), scale * float(np.median(np.linalg.norm(weights, axis=1))))

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

        Raises:
            LittoralError: There is no class yet.
        """
        if not self.classes:
            raise LittoralError("no class has been learned", "Add pictures first")
        weights = np.stack([each.total / max(each.length, 1e-12) for each in self.classes]) * np.float32(self.sharpness)
        low = -self.sharpness if weights.min() < 0 else 0.0  # embeddings behind a ReLU have no negative cosines
        head = Head(weights, np.zeros(len(weights), np.float32), low, self.sharpness, normalised=True)
        graph = with_head(self.embedder, head, labels)
        graph.description = "".join(
            f"{index} {each.length:f}\n" for index, each in enumerate(self.classes) if each.trainable
        )
        return graph


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
    graph.main.outputs = graph.main.operators[place].outputs
    del graph.main.operators[place + 1 :]
    return without_unused_tensors(graph)


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
    """The lengths of sums of embeddings by class, which imprinting keeps in a file's description: "0 5.4 1 6.5"."""
    words = description.split()
    try:
        return {int(index): float(length) for index, length in zip(words[::2], words[1::2], strict=True)}
    except ValueError:
        return {}  # any other description
