"""What a compiled model does on the chip, read from the file alone: no compiler, no chip, no vendor library."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from math import prod
from typing import TYPE_CHECKING, ClassVar

from littoral.coral.executable import (
    Contents,
    Direction,
    DmaDescriptorHint,
    ExecutableTable,
    ExecutableType,
    InstructionHint,
    LayerTable,
    Memory,
    read_package,
)
from littoral.coral.leftover import CpuOperator, cpu_operators
from littoral.errors import ModelFileError
from littoral.tflite import Graph, Operator, Subgraph
from littoral.tflite.flexbuffer import read_map

if TYPE_CHECKING:
    from collections.abc import Sequence

OPERATOR = "edgetpu-custom-op"
"""The custom operator that holds what runs on the chip."""

_PACKAGE_KEY = "4"  # of the operator's options; the others are versions, and packages for chips that are not sold

TYPE_NAMES = {
    ExecutableType.STAND_ALONE: "standalone",
    ExecutableType.PARAMETER_CACHING: "parameter-caching",
    ExecutableType.EXECUTION_ONLY: "execution-only",
}
# By the schema's data type: what model files call it, bytes, and how much larger zero points are than in model files.
_DATA_TYPES = {
    0: ("uint8", 1, 0),
    1: ("uint16", 2, 0),
    2: ("int32", 4, 0),
    3: ("bfloat16", 2, 0),
    4: ("float16", 2, 0),
    5: ("float32", 4, 0),
    8: ("int8", 1, 128),
    9: ("int16", 2, 32768),
}
_ITEM = {name: size for name, size, _ in _DATA_TYPES.values()}


@dataclass(frozen=True)
class Layer:
    """A tensor that goes to the chip or comes from it.

    Attributes:
        name: The tensor's name in the model file.
        shape: y, x and z, of one execution.
        type: As numpy calls it, such as "uint8".
        zero_point, scale: real = scale * (stored - zero_point), in the model file's terms.
        bytes: Of one inference, with the padding that travels too.
        executions: How often an inference runs it.
    """

    name: str
    shape: tuple[int, int, int]
    type: str
    zero_point: int
    scale: float
    bytes: int
    executions: int


@dataclass(frozen=True)
class Traffic:
    """Bytes that cross between host and chip at each inference.

    `exact` says that the compiler listed all transfers; otherwise these are the sizes of what has to cross.
    """

    instructions: int
    inputs: int
    parameters: int
    scratch_to_chip: int
    outputs: int
    scratch_from_chip: int
    exact: bool

    derived: ClassVar = ("to_chip", "from_chip")

    @property
    def to_chip(self) -> int:
        """All bytes to the chip."""
        return self.instructions + self.inputs + self.parameters + self.scratch_to_chip

    @property
    def from_chip(self) -> int:
        """All bytes from the chip."""
        return self.outputs + self.scratch_from_chip


@dataclass(frozen=True)
class Executable:
    """A program for the chip. Sizes are in bytes.

    Attributes:
        type: "standalone", "parameter-caching" (fills the chip's memory once) or "execution-only" (each inference).
        chip: What it was compiled for; "beagle" is the Edge TPU.
        batch: Inferences a run.
        scratch_bytes: Memory of the host that it works in.
        parameter_bytes: Parameters that it takes along.
        instruction_bytes: Its program.
        tile_bytes: Memory for activations that it uses in each tile of the chip.
        token: Executables with the same one share the chip's parameter memory: 16 hexadecimal digits; "" for none.
        estimated_cycles: The compiler's estimate; 0 where it made none, which is what current compilers do.
    """

    type: str
    chip: str
    batch: int
    scratch_bytes: int
    parameter_bytes: int
    instruction_bytes: int
    tile_bytes: int
    token: str
    estimated_cycles: int
    inputs: tuple[Layer, ...]
    outputs: tuple[Layer, ...]
    traffic: Traffic


@dataclass(frozen=True)
class Segment:
    """One `edgetpu-custom-op` of a model: what runs on the chip in one go. Sizes are in bytes.

    Attributes:
        subgraph, operator: Indices of the operator in the model file.
        min_runtime_version: The oldest runtime of the vendor's library that takes it (10 to 14 exist).
        compiler_version: What its compiler says of itself, which is not the version that it prints.
        model_identifier: A name given by its maker; nearly always empty.
        digest: SHA-256 of the package, to tell two apart.
        executables: In the order of the file.
    """

    subgraph: int
    operator: int
    min_runtime_version: int
    compiler_version: str
    model_identifier: str
    digest: str
    executables: tuple[Executable, ...]

    derived: ClassVar = (
        "cached_bytes",
        "streamed_bytes",
        "instruction_bytes",
        "scratch_bytes",
        "input_bytes",
        "output_bytes",
        "token",
    )

    @property
    def main(self) -> Executable:
        """The executable of each inference."""
        wanted = {1: self.executables[0].type, 2: "execution-only", 3: "standalone"}[len(self.executables)]
        return next(executable for executable in self.executables if executable.type == wanted)

    @property
    def cached_bytes(self) -> int:
        """Parameters that stay on the chip between inferences."""
        if len(self.executables) != 2:
            return 0
        return next(executable.parameter_bytes for executable in self.executables if executable is not self.main)

    @property
    def streamed_bytes(self) -> int:
        """Parameters that go to the chip at every inference."""
        return self.main.parameter_bytes

    @property
    def instruction_bytes(self) -> int:
        """Instructions that go to the chip at every inference."""
        return self.main.instruction_bytes

    @property
    def scratch_bytes(self) -> int:
        """Memory of the host that the segment works in."""
        return self.main.scratch_bytes

    @property
    def input_bytes(self) -> int:
        """What an inference takes, with padding."""
        return sum(layer.bytes for layer in self.main.inputs)

    @property
    def output_bytes(self) -> int:
        """What an inference gives, with padding."""
        return sum(layer.bytes for layer in self.main.outputs)

    @property
    def token(self) -> str:
        """Segments with the same parameter caching token share the chip's memory; "" for none."""
        return self.main.token


@dataclass(frozen=True)
class Compiled:
    """A compiled model: its segments on the chip, in order, and the operators beside them."""

    segments: tuple[Segment, ...]
    on_cpu: tuple[CpuOperator, ...]

    derived: ClassVar = ("min_runtime_version", "cached_bytes", "streamed_bytes", "tokens")

    @property
    def min_runtime_version(self) -> int:
        """The oldest runtime of the vendor's library that takes all segments."""
        return max(segment.min_runtime_version for segment in self.segments)

    @property
    def cached_bytes(self) -> int:
        """Parameters that stay on the chip between inferences."""
        return sum(segment.cached_bytes for segment in self.segments)

    @property
    def streamed_bytes(self) -> int:
        """Parameters that go to the chip at every inference."""
        return sum(segment.streamed_bytes for segment in self.segments)

    @property
    def parameter_bytes(self) -> int:
        """All parameters, cached and streamed."""
        return self.cached_bytes + self.streamed_bytes

    @property
    def tokens(self) -> tuple[str, ...]:
        """The parameter caching tokens: models that have one in common were compiled together."""
        return tuple(sorted({segment.token for segment in self.segments} - {""}))


def is_compiled(graph: Graph) -> bool:
    """Whether a model was compiled for the Edge TPU: by its operators, as names of files mislead."""
    return any(operator.name == OPERATOR for subgraph in graph.subgraphs for operator in subgraph.operators)


def read_compiled(graph: Graph, name: str = "the model") -> Compiled:
    """Read all that a compiled model says of itself.

    Whatever is read is verified: sizes, offsets, the combination of executables, and that the chip takes and gives as
    many values of the same types as the model file has. Parameters and instructions have no checksum in the file: that
    they are what the compiler made cannot be known.

    Args:
        graph: The model.
        name: What to call it in errors, such as its file.

    Raises:
        ModelFileError: The model is not compiled for the Edge TPU, or is damaged.
    """
    segments = tuple(
        _segment(subgraph, operator, number, index, name)
        for number, subgraph in enumerate(graph.subgraphs)
        for index, operator in enumerate(subgraph.operators)
        if operator.name == OPERATOR
    )
    if not segments:
        raise ModelFileError(
            f"{name} is not compiled for the Edge TPU: it has no operator {OPERATOR}",
            "Compile it: littoral compile MODEL --target edgetpu",
        )
    return Compiled(segments, cpu_operators(graph, OPERATOR))


def _segment(subgraph: Subgraph, operator: Operator, number: int, index: int, name: str) -> Segment:
    what = f"the Edge TPU's part of {name} (operator {index})"
    package = read_map(operator.custom_options or b"", what).get(_PACKAGE_KEY)
    if not isinstance(package, memoryview):
        raise ModelFileError(f"{what} holds no package", "Get the file again, or compile the model again")
    contents = read_package(package, what)
    segment = _from_contents(contents, number, index, sha256(package).hexdigest())
    main = segment.main
    _match(subgraph, operator.inputs, main.inputs, f"{what} is damaged: it takes")
    _match(subgraph, operator.outputs, main.outputs, f"{what} is damaged: it gives")
    return segment


def _from_contents(contents: Contents, number: int, index: int, digest: str) -> Segment:
    return Segment(
        subgraph=number,
        operator=index,
        min_runtime_version=contents.package.min_runtime_version,
        compiler_version=contents.package.compiler_version,
        model_identifier=contents.package.model_identifier,
        digest=digest,
        executables=tuple(_executable(table) for table in contents.executables),
    )


def _executable(table: ExecutableTable) -> Executable:
    inputs = tuple(_layer(layer) for layer in table.input_layers)
    outputs = tuple(_layer(layer) for layer in table.output_layers)
    return Executable(
        type=TYPE_NAMES[table.type],
        chip=table.chip,
        batch=table.batch_size,
        scratch_bytes=table.scratch_size_bytes,
        parameter_bytes=len(table.parameters),
        instruction_bytes=sum(len(chunk.bitstream) for chunk in table.instruction_bitstreams),
        tile_bytes=table.used_narrow_memory_bytes_per_tile,
        token=f"{table.parameter_caching_token:016x}" if table.parameter_caching_token else "",
        estimated_cycles=table.estimated_cycles,
        inputs=inputs,
        outputs=outputs,
        traffic=_traffic(table, inputs, outputs),
    )


def _layer(table: LayerTable) -> Layer:
    if table.data_type not in _DATA_TYPES:
        raise ModelFileError(f"the layer {table.name!r} of the Edge TPU's part has the unknown type {table.data_type}")
    name, _, shift = _DATA_TYPES[table.data_type]
    numerics = table.numerics
    return Layer(
        name=table.name,
        shape=(table.y_dim, table.x_dim, table.z_dim),
        type=name,
        zero_point=numerics.zero_point - shift if numerics else 0,
        scale=numerics.dequantization_factor if numerics else 0.0,
        bytes=table.size_bytes * table.execution_count_per_inference,
        executions=table.execution_count_per_inference,
    )


def _traffic(table: ExecutableTable, inputs: Sequence[Layer], outputs: Sequence[Layer]) -> Traffic:
    chunks = [len(chunk.bitstream) for chunk in table.instruction_bitstreams]
    if table.dma_hints is None or not table.dma_hints.fully_deterministic:
        sizes = sum(chunks), sum(layer.bytes for layer in inputs), len(table.parameters), table.scratch_size_bytes
        return Traffic(*sizes, sum(layer.bytes for layer in outputs), table.scratch_size_bytes, exact=False)
    moved = dict.fromkeys(((memory, direction) for memory in Memory for direction in Direction), 0)
    instructions = 0
    for entry in table.dma_hints.hints:
        hint = entry.hint
        if isinstance(hint, DmaDescriptorHint) and hint.meta is not None:
            moved[hint.meta.memory, entry.direction] += hint.size_in_bytes
        elif isinstance(hint, InstructionHint):
            instructions += chunks[hint.chunk]
    return Traffic(
        instructions=instructions,
        inputs=moved[Memory.INPUTS, Direction.TO_CHIP],
        parameters=moved[Memory.PARAMETERS, Direction.TO_CHIP],
        scratch_to_chip=moved[Memory.SCRATCH, Direction.TO_CHIP],
        outputs=moved[Memory.OUTPUTS, Direction.FROM_CHIP],
        scratch_from_chip=moved[Memory.SCRATCH, Direction.FROM_CHIP],
        exact=True,
    )


def _match(subgraph: Subgraph, indices: Sequence[int], layers: Sequence[Layer], cause: str) -> None:
    """What the chip takes or gives are the operator's tensors, in order; state of recurrent layers follows them."""
    remedy = "Get the file again, or compile the model again"
    if len(layers) < len(indices) or any(index < 0 for index in indices):
        raise ModelFileError(f"{cause} {len(layers)} tensors, and the model has {len(indices)} there", remedy)
    for index, layer in zip(indices, layers, strict=False):
        tensor = subgraph.tensors[index]
        values, there = prod(layer.shape) * layer.executions, prod(tensor.shape)
        if min(*layer.shape, layer.executions) < 1:
            shape = "x".join(str(size) for size in layer.shape)
            raise ModelFileError(f"{cause} {shape}, {layer.executions} times, for {tensor.name!r}", remedy)
        if there % values or layer.type != tensor.type.name.lower():
            found = f"{values} x {layer.type} for the tensor {tensor.name!r}"
            raise ModelFileError(f"{cause} {found}, which is {there} x {tensor.type.name.lower()}", remedy)
        if layer.bytes < values * _ITEM[layer.type]:
            raise ModelFileError(f"{cause} the {values} values of {tensor.name!r} in {layer.bytes} bytes", remedy)
