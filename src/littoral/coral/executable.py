"""The flatbuffers inside of a compiled model's custom operator: a package of executables for the chip.

    Package (identifier DWN1) -> MultiExecutable -> byte strings, each of them an Executable -> Layers, DMA hints

Each nested flatbuffer is read, and so verified, on its own. The classes below have of the schema (executable.fbs of
google-coral/libedgetpu) what is read here; which combinations are accepted is what that library's driver accepts.
"""

from enum import IntEnum
from typing import Annotated, NamedTuple, NoReturn

from littoral.errors import ModelFileError
from littoral.tflite.reader import Reader
from littoral.tflite.wire import F32, I32, I64, U64, Blobs, Bytes, Data, Enumeration, Scalar, Table, Union

I16 = Annotated[int, Scalar("h", 2)]

_IDENTIFIER = b"DWN1"
_MOST_EXECUTABLES = 3  # one of each type
_SEVERAL_CHIPS = -1


class ExecutableType(IntEnum):
    """What an executable does."""

    STAND_ALONE = 0
    PARAMETER_CACHING = 1
    EXECUTION_ONLY = 2


class Direction(IntEnum):
    """Which way bytes go."""

    TO_CHIP = 0
    FROM_CHIP = 1


class Memory(IntEnum):
    """What lies at the host's end of a transfer."""

    OUTPUTS = 0
    INPUTS = 1
    PARAMETERS = 2
    SCRATCH = 3


class Meta(Table):
    """What a transfer is about."""

    memory: Annotated[Memory, Enumeration(Memory, "h", 2)] = Memory.OUTPUTS
    batch: I32 = 0
    name: str = ""


class DmaDescriptorHint(Table):
    """One transfer of a part of a tensor, of parameters or of scratch memory."""

    meta: Meta | None = None
    offset_in_bytes: I32 = 0
    size_in_bytes: I32 = 0


class InstructionHint(Table):
    """One transfer of a whole chunk of instructions."""

    chunk: I32 = 0


class OtherHint(Table):
    """An interrupt or a fence: no bytes."""


HINTS: dict[int, type[Table]] = {1: DmaDescriptorHint, 2: InstructionHint, 3: OtherHint, 4: OtherHint}


class DmaHint(Table):
    """One thing that happens during an inference, and which way."""

    hint: Annotated[Table | None, Union(HINTS)] = None
    direction: Annotated[Direction, Enumeration(Direction, "h", 2)] = Direction.TO_CHIP


class DmaHints(Table):
    """What happens during an inference; all of it only when `fully_deterministic`."""

    hints: list[DmaHint]
    fully_deterministic: bool = False


class Numerics(Table):
    """real = dequantization_factor * (stored - zero_point)."""

    zero_point: I32 = 0
    dequantization_factor: F32 = 0.0


class LayerTable(Table):
    """A tensor at the edge. Sizes are of one execution; `size_bytes` is with padding."""

    skipped_slots = (7, 8)  # how tiles store it

    name: str = ""
    size_bytes: I32 = 0
    y_dim: I32 = 0
    x_dim: I32 = 0
    z_dim: I32 = 0
    numerics: Numerics | None = None
    data_type: I16 = 0
    execution_count_per_inference: I32 = 1


class InstructionBitstream(Table):
    """One chunk of instructions."""

    bitstream: Data = b""


class ExecutableTable(Table):
    """A program for the chip. Sizes are in bytes."""

    skipped_slots = (0, 2, 11, 15)  # versions of other things, and what no file has

    name: str = ""
    batch_size: I32 = 0
    scratch_size_bytes: I32 = 0
    instruction_bitstreams: list[InstructionBitstream]
    parameters: Data = b""
    dma_hints: DmaHints | None = None
    input_layers: list[LayerTable]
    output_layers: list[LayerTable]
    chip: str = ""
    used_narrow_memory_bytes_per_tile: I32 = 0
    type: Annotated[ExecutableType, Enumeration(ExecutableType, "h", 2)] = ExecutableType.STAND_ALONE
    parameter_caching_token: U64 = 0
    estimated_cycles: I64 = 0


class MultiExecutable(Table):
    """The executables of a package, each a flatbuffer of its own."""

    serialized_executables: Annotated[list[memoryview], Blobs()]


class PackageTable(Table):
    """What the custom operator holds."""

    skipped_slots = (2, 3, 6)  # signature and keys, which no file has; packages for several chips

    min_runtime_version: I32 = 0
    serialized_multi_executable: Data = b""
    compiler_version: str = ""
    virtual_chip_id: I32 = 0
    model_identifier: str = ""


class Contents(NamedTuple):
    """A package and the executables in it: one, or a caching and an executing one, or one of each type."""

    package: PackageTable
    executables: tuple[ExecutableTable, ...]


def read_package(data: Bytes, what: str) -> Contents:
    """Read and verify a package.

    Args:
        data: The package: what the custom operator's options have under "4".
        what: What to call it in errors.

    Raises:
        ModelFileError: It is damaged, or is none that the chip's driver would take.
    """
    view = memoryview(data)
    if bytes(view[4:8]) != _IDENTIFIER:
        _fail(what, "its identifier DWN1 is missing")
    package = Reader(view, what).root(PackageTable)
    if package.virtual_chip_id == _SEVERAL_CHIPS:
        _fail(what, "it is a package for several chips at once, which none that is sold takes")
    inner = Reader(memoryview(package.serialized_multi_executable), f"the executables of {what}")
    serialized = inner.root(MultiExecutable).serialized_executables
    if len(serialized) > _MOST_EXECUTABLES:
        _fail(what, f"it has {len(serialized)} executables, and {_MOST_EXECUTABLES} types of them exist")
    executables = tuple(Reader(data, f"an executable of {what}").root(ExecutableTable) for data in serialized)
    _check(executables, what)
    return Contents(package, executables)


def _check(executables: tuple[ExecutableTable, ...], what: str) -> None:
    types = sorted(executable.type for executable in executables)
    if len(types) != 1 and types not in ([1, 2], [0, 1, 2]):
        names = ", ".join(ExecutableType(number).name for number in types) or "none"
        _fail(what, f"its executables ({names}) do not go together")
    for executable in executables:
        if executable.batch_size < 1:
            _fail(what, f"an executable has the batch size {executable.batch_size}")
        if executable.scratch_size_bytes < 0:
            _fail(what, f"an executable works in {executable.scratch_size_bytes} bytes")
        for entry in executable.dma_hints.hints if executable.dma_hints else ():
            _check_hint(entry.hint, len(executable.instruction_bitstreams), what)


def _check_hint(hint: Table | None, chunks: int, what: str) -> None:
    if isinstance(hint, DmaDescriptorHint) and (hint.meta is None or hint.size_in_bytes < 0):
        _fail(what, f"a transfer of {hint.size_in_bytes} bytes makes no sense")
    if isinstance(hint, InstructionHint) and not 0 <= hint.chunk < chunks:
        _fail(what, f"it sends its instructions {hint.chunk}, and has {chunks}")


def _fail(what: str, why: str) -> NoReturn:
    raise ModelFileError(f"{what} is damaged: {why}", "Get the file again, or compile the model again")
