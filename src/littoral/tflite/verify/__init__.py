"""Whether a graph makes sense: what native code relies on without looking.

The reader has made sure that a file is well formed. Here are its numbers judged: indices, shapes, sizes, order, types.
LiteRT and its kernels check some of this themselves, but not all, and not before they have allocated memory.
"""

from __future__ import annotations

from littoral.errors import ModelFileError
from littoral.tflite.graph import Graph
from littoral.tflite.verify.structure import graph_problems


def check(graph: Graph, origin: str = "the graph") -> None:
    """Check the meaning of a graph; `read` has done it for what it gives.

    Args:
        graph: What to check.
        origin: What to call it in errors.

    Raises:
        ModelFileError: With the first thing that is wrong.
    """
    for problem in graph_problems(graph):
        raise ModelFileError(f"{origin} cannot be used: {problem}")
