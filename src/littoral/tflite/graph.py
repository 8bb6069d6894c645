"""A model file in memory: graph, subgraphs, tensors, operators and what they are made of.

Indices of tensors and operators are those of the file, so LiteRT's tensor and node indices name the same things. What
the file refers to by index in a pool (operator codes, buffers) is here the thing itself; shared there is shared here.
"""

from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from littoral.tflite.elements import BITS, DTYPES, unpack
from littoral.tflite.enums import CustomOptionsFormat, DimensionType, TensorType
from littoral.tflite.operators import BUILTIN_CODES, BUILTIN_NAMES
from littoral.tflite.options import BUILTIN_OPTIONS, BUILTIN_OPTIONS_2
from littoral.tflite.wire import (
    I8,
    I32,
    U32,
    Blob,
    Bools,
    Bytes,
    Children,
    Data,
    Float32Array,
    Int32Array,
    Int64Array,
    Ints,
    Record,
    Reference,
    References,
    Table,
    UInt8Array,
    UInt16Array,
    Union,
    empty,
)

CUSTOM = BUILTIN_CODES["CUSTOM"]
_DEPRECATED_LIMIT = 127  # operator codes once were a signed byte; old readers see this value for those that are not


class CustomQuantization(Table):
    """A quantization that only its maker understands."""

    custom: Data = b""


class BlockwiseQuantization(Table):
    """One scale a block of elements; scales and zero points are tensors of the same subgraph, given by index."""

    scales: I32 = 0
    zero_points: I32 = 0
    block_size: I32 = 0
    block_shape: Ints = ()


class MultiAxisQuantization(Table):
    """Scales along several dimensions; scales and zero points are tensors of the same subgraph, given by index."""

    scales: I32 = 0
    zero_points: I32 = 0
    block_size: I32 = 0
    quantized_dimensions: Ints = ()


QUANTIZATION_DETAILS: dict[int, type[Table]] = {
    1: CustomQuantization,
    2: BlockwiseQuantization,
    3: MultiAxisQuantization,
}


class Quantization(Table):
    """real = scale * (stored - zero_point).

    Fields are float32 and int64 arrays with one value a tensor, or one for each index of `quantized_dimension`; `min`
    and `max` are what a converter saw. Without scales the tensor is not quantized: many files have such empty tables.
    """

    min: Float32Array = empty("<f4")
    max: Float32Array = empty("<f4")
    scale: Float32Array = empty("<f4")
    zero_point: Int64Array = empty("<i8")
    details: Annotated[Table | None, Union(QUANTIZATION_DETAILS)] = None
    quantized_dimension: I32 = 0


class Int32Vector(Table):
    """Indices of a sparse dimension."""

    values: Int32Array = empty("<i4")


class Uint16Vector(Table):
    """Indices of a sparse dimension."""

    values: UInt16Array = empty("<u2")


class Uint8Vector(Table):
    """Indices of a sparse dimension."""

    values: UInt8Array = empty("<u1")


SPARSE_VECTORS: dict[int, type[Table]] = {1: Int32Vector, 2: Uint16Vector, 3: Uint8Vector}


class DimensionMetadata(Table):
    """How one dimension of a sparse tensor is stored: its size when dense, segments and indices when compressed."""

    format: DimensionType = DimensionType.DENSE
    dense_size: I32 = 0
    array_segments: Annotated[Table | None, Union(SPARSE_VECTORS)] = None
    array_indices: Annotated[Table | None, Union(SPARSE_VECTORS)] = None


class Sparsity(Table):
    """The order in which dimensions (and blocks of them) are stored, and how each is."""

    traversal_order: Ints = ()
    block_map: Ints = ()
    dim_metadata: list[DimensionMetadata]


class VariantSubType(Table):
    """What a VARIANT tensor holds."""

    shape: Ints = ()
    type: TensorType = TensorType.FLOAT32
    has_rank: bool = False


class Buffer(Table):
    """The bytes of constant tensors or of a metadata entry. Tensors may share one."""

    data: Annotated[Bytes | None, Blob(outside=1)] = None

    def pooled(self, index: int) -> "Buffer | None":
        """Buffer 0, and any without data, say that there is nothing."""
        return self if index and self.data is not None else None


class Tensor(Table):
    """One tensor. `shape` has no -1: `shape_signature`, when not empty, has them where a size is not known."""

    shape: Ints = ()
    type: TensorType = TensorType.FLOAT32
    buffer: Annotated[Buffer | None, Reference(Buffer, "I")] = None
    name: str = ""
    quantization: Quantization | None = None
    is_variable: bool = False
    sparsity: Sparsity | None = None
    shape_signature: Ints = ()
    has_rank: bool = False
    variant_tensors: list[VariantSubType] = []  # noqa: RUF012 - never written to: an empty list is not stored
    external_buffer: U32 = 0

    @property
    def dtype(self) -> np.dtype[Any]:
        """The numpy dtype of `data`: int4 and int2 are unpacked to int8, types that numpy lacks are unsigned."""
        return np.dtype(DTYPES[self.type])

    @property
    def is_constant(self) -> bool:
        """Whether the file holds its value."""
        return self.buffer is not None and self.buffer.data is not None

    @property
    def is_quantized(self) -> bool:
        """Whether stored values stand for real ones by scale and zero point."""
        return self.quantization is not None and (
            self.quantization.scale.size > 0 or self.quantization.details is not None
        )

    @property
    def data(self) -> npt.NDArray[Any] | None:
        """The value of a constant, read-only and where it lies in the file; None when there is none.

        It has the tensor's shape, except that sparse tensors give their stored values and STRING, RESOURCE and VARIANT
        their raw bytes, both in one dimension. Types of less than a byte are unpacked into a new array.
        """
        if self.buffer is None or self.buffer.data is None:
            return None
        bits = BITS.get(self.type)
        raw = np.frombuffer(self.buffer.data, np.uint8)
        raw.flags.writeable = False
        if bits is None:
            return raw
        values = raw.view(self.dtype) if bits >= 8 else unpack(raw, bits, self.type is not TensorType.UINT4)
        if self.sparsity is not None:
            return values
        count = int(np.prod(self.shape, dtype=np.int64))
        return values[:count].reshape(self.shape)


class OperatorCode(Table):
    """Which operator. `of` makes one; the builtin code is the larger of two fields, of which old readers know one."""

    deprecated_builtin_code: I8 = 0
    custom_code: str = ""
    version: I32 = 1
    builtin_code: I32 = 0

    @classmethod
    def of(cls, name: str, version: int = 1) -> "OperatorCode":
        """The code of an operator by name: a builtin one, else a custom one of that name."""
        code = BUILTIN_CODES.get(name, CUSTOM)
        return cls(
            deprecated_builtin_code=min(code, _DEPRECATED_LIMIT),
            custom_code=name if code == CUSTOM else "",
            version=version,
            builtin_code=code,
        )

    @property
    def number(self) -> int:
        """The number of the builtin operator; `CUSTOM` for custom ones."""
        return max(self.builtin_code, self.deprecated_builtin_code)

    @property
    def name(self) -> str:
        """As in "CONV_2D"; the maker's name when the operator is a custom one."""
        number = self.number
        if number == CUSTOM:
            return self.custom_code
        return BUILTIN_NAMES[number] if 0 <= number < len(BUILTIN_NAMES) else f"BUILTIN_{number}"


class Operator(Table):
    """One operator: tensors by index (-1 where an optional one is absent), and typed options."""

    skipped_slots = (9, 10)  # where custom options lie that are outside the flatbuffer

    code: Annotated[OperatorCode, Reference(OperatorCode, "I")]
    inputs: Ints = ()
    outputs: Ints = ()
    options: Annotated[Table | None, Union(BUILTIN_OPTIONS)] = None
    custom_options: Annotated[Bytes | None, Blob(outside=9)] = None
    custom_options_format: CustomOptionsFormat = CustomOptionsFormat.FLEXBUFFERS
    mutating_variable_inputs: Bools = ()
    intermediates: Ints = ()
    options_2: Annotated[Table | None, Union(BUILTIN_OPTIONS_2)] = None
    debug_metadata_index: I32 = -1

    @property
    def name(self) -> str:
        """As in "CONV_2D"; the maker's name when the operator is a custom one."""
        return self.code.name


class Subgraph(Table):
    """Tensors and the operators between them, in the order in which they run."""

    tensors: list[Tensor]
    inputs: Ints = ()
    outputs: Ints = ()
    operators: list[Operator]
    name: str = ""
    debug_metadata_index: I32 = -1


class Metadata(Table):
    """A named entry of bytes beside the graph."""

    name: str = ""
    buffer: Annotated[Buffer | None, Reference(Buffer, "I")] = None


class TensorMap(Table):
    """The name under which a signature knows a tensor."""

    name: str = ""
    tensor_index: U32 = 0


class Signature(Table):
    """A named way to call a subgraph."""

    skipped_slots = (3,)

    inputs: list[TensorMap]
    outputs: list[TensorMap]
    key: str = ""
    subgraph_index: U32 = 0


class ExternalBufferGroup(Table):
    """A file of weights beside this one. Read only to be refused."""

    name: str = ""


class Model(Table):
    """The root of the file; `Graph` is what it means."""

    version: U32 = 0
    operator_codes: Annotated[list[OperatorCode], Children(OperatorCode, pool=True)]
    subgraphs: list[Subgraph]
    description: str = ""
    buffers: Annotated[list[Buffer], Children(Buffer, pool=True)]
    metadata_buffers: Annotated[tuple[Buffer | None, ...], References(Buffer)] = ()
    metadata: list[Metadata]
    signatures: list[Signature]
    external_buffer_groups: list[ExternalBufferGroup] = []  # noqa: RUF012 - never written to


class Graph(Record):
    """A model file in memory.

    `trailing` is what the file has behind the model, such as the ZIP of label files of TFLite Metadata.
    `metadata_buffers` is an older way of listing the buffers of metadata.
    """

    version: int = 3
    description: str = ""
    subgraphs: list[Subgraph]
    metadata: list[Metadata]
    signatures: list[Signature]
    metadata_buffers: tuple[Buffer | None, ...] = ()
    trailing: Bytes = b""

    @property
    def main(self) -> Subgraph:
        """The subgraph that runs."""
        return self.subgraphs[0]

    def metadata_entry(self, name: str) -> memoryview | None:
        """The bytes of a metadata entry; None when there is none of that name."""
        for entry in self.metadata:
            if entry.name == name and entry.buffer is not None and entry.buffer.data is not None:
                return memoryview(entry.buffer.data)
        return None

    def set_metadata(self, name: str, value: bytes) -> None:
        """Put a metadata entry in, in place of those of the same name. This changes the graph."""
        self.metadata = [entry for entry in self.metadata if entry.name != name]
        self.metadata.append(Metadata(name=name, buffer=Buffer(data=value)))
