"""A model file as a graph: read, check, slice, edit, write.

Hostile files are refused here, before native code sees them.
"""

from littoral.tflite.cost import macs
from littoral.tflite.edge import set_io
from littoral.tflite.elements import pack
from littoral.tflite.enums import Padding, TensorType
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
from littoral.tflite.legacy import LegacyMetadata, legacy_metadata
from littoral.tflite.slicing import boundary, slice_operators
from littoral.tflite.verify import check
from littoral.tflite.writer import to_bytes, write

__all__ = [
    "Buffer",
    "Graph",
    "LegacyMetadata",
    "Metadata",
    "Operator",
    "OperatorCode",
    "Padding",
    "Quantization",
    "Signature",
    "Subgraph",
    "Tensor",
    "TensorMap",
    "TensorType",
    "boundary",
    "check",
    "legacy_metadata",
    "macs",
    "pack",
    "read",
    "set_io",
    "slice_operators",
    "to_bytes",
    "write",
]
