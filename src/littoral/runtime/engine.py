"""What runs a model: one loaded graph behind a few calls, whatever is underneath."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from littoral.runtime.delegate.placement import Placement
from littoral.runtime.names import main_inputs, main_outputs, signature_inputs, signature_outputs
from littoral.runtime.tensors import Array, TensorInfo
from littoral.tflite import Graph, Signature
from littoral.tflite.operators import BUILTIN_CODES

_LITERT_HAS = {
    "AudioSpectrogram",
    "Mfcc",
    "NumericVerify",
    "TFLite_Detection_PostProcess",
    "aeq.hadamard_rotation",
}
"""Custom operators that LiteRT has kernels for (tflite/core/kernels/register.cc)."""


@dataclass(frozen=True)
class Source:
    """A model to load.

    Attributes:
        graph: Checked.
        name: Names it in errors.
        path: Its file; None where it is in memory.
        content: Its bytes where it has no file.
    """

    graph: Graph
    name: str
    path: Path | None
    content: bytes = b""

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size if self.path else len(self.content)


ANY = ""
"""The key of a model file that is for every device."""


@dataclass(frozen=True)
class Entry:
    """One way into a model.

    Attributes:
        key: The signature's; None for the main subgraph as such.
        subgraph: The index of what it runs.
        inputs: In the order in which values are given.
        outputs: In the order in which they come.
    """

    key: str | None
    subgraph: int
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]


def main_entry(graph: Graph) -> Entry:
    """The main subgraph."""
    return Entry(None, 0, main_inputs(graph), main_outputs(graph))


def signature_entry(graph: Graph, signature: Signature) -> Entry:
    """A signature."""
    inputs, outputs = signature_inputs(graph, signature), signature_outputs(graph, signature)
    return Entry(signature.key, signature.subgraph_index, inputs, outputs)


def keeps_state(graph: Graph) -> bool:
    """Whether results depend on earlier calls: variables, in tensors or behind handles."""
    return any(
        any(tensor.is_variable for tensor in subgraph.tensors)
        or any(operator.name == "VAR_HANDLE" for operator in subgraph.operators)
        for subgraph in graph.subgraphs
    )


def foreign_operators(graph: Graph) -> set[str]:
    """The names of the custom operators that LiteRT has no kernel for."""
    names = {operator.name for subgraph in graph.subgraphs for operator in subgraph.operators}
    return names.difference(BUILTIN_CODES, _LITERT_HAS)


class Engine(Protocol):
    """One loaded graph. One call at a time: who uses it sees to that."""

    @property
    def nbytes(self) -> int:
        """Memory that it holds beyond the model file, as far as it knows."""

    @property
    def pid(self) -> int | None:
        """The process of its own that it runs in; None where it runs in this one."""

    def run(self, entry: Entry, values: Sequence[Array]) -> list[Array]:
        """Runs once.

        Args:
            entry: What to run.
            values: Stored values in the order of its inputs, C-contiguous.

        Returns:
            Stored values in the order of its outputs; they belong to the caller.

        Raises:
            DeviceError: The device fails.
        """

    def reset(self) -> None:
        """Sets variables back to zero."""

    def placement(self) -> Placement:
        """Where each operator runs."""

    def close(self) -> None:
        """Frees everything; closing again does nothing."""
