"""A model file as a graph: read, check, slice, edit, write.

Hostile files are refused here, before native code sees them.
"""

from littoral.tflite.enums import TensorType
from littoral.tflite.files import read
from littoral.tflite.graph import (
    Buffer,
    Graph,
    Metadata,
    Operator,
    OperatorCode,
    Quantization,
    Signature,
    Subgraph,
    Tensor,
    TensorMap,
)
from littoral.tflite.verify import check
from littoral.tflite.writer import to_bytes, write

__all__ = [
    "Buffer",
    "Graph",
    "Metadata",
    "Operator",
    "OperatorCode",
    "Quantization",
    "Signature",
    "Subgraph",
    "Tensor",
    "TensorMap",
    "TensorType",
    "check",
    "read",
    "to_bytes",
    "write",
]
