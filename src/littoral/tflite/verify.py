"""Whether a graph makes sense."""

from __future__ import annotations

from littoral.tflite.graph import Graph


def check(graph: Graph, origin: str = "the graph") -> None:
    """Check."""
