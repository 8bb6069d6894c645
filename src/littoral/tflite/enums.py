"""The enumerations of the format, as ai-edge-litert 2.3.0 has them. The base class says how a value is stored."""

from __future__ import annotations

from enum import IntEnum


class ByteEnum(IntEnum):
    """Stored as a signed byte."""


class IntegerEnum(IntEnum):
    """Stored as a signed 32-bit integer."""


class UnsignedEnum(IntEnum):
    """Stored as an unsigned 32-bit integer."""


class TensorType(ByteEnum):
    """What the elements of a tensor are."""

    FLOAT32 = 0
    FLOAT16 = 1
    INT32 = 2
    UINT8 = 3
    INT64 = 4
    STRING = 5
    BOOL = 6
    INT16 = 7
    COMPLEX64 = 8
    INT8 = 9
    FLOAT64 = 10
    COMPLEX128 = 11
    UINT64 = 12
    RESOURCE = 13
    VARIANT = 14
    UINT32 = 15
    UINT16 = 16
    INT4 = 17
    BFLOAT16 = 18
    INT2 = 19
    UINT4 = 20
    FLOAT8_E4M3FN = 21
    FLOAT8_E5M2 = 22


class DimensionType(ByteEnum):
    """How one dimension of a sparse tensor is stored."""

    DENSE = 0
    SPARSE_CSR = 1


class Padding(ByteEnum):
    """SAME pads so that output size = input size / stride, rounded up; VALID does not pad."""

    SAME = 0
    VALID = 1


class ActivationFunction(ByteEnum):
    """The activation that an operator applies to its own output."""

    NONE = 0
    RELU = 1
    RELU_N1_TO_1 = 2
    RELU6 = 3
    TANH = 4
    SIGN_BIT = 5


class LSHProjectionType(ByteEnum):
    """The output of LSH_PROJECTION."""

    UNKNOWN = 0
    SPARSE = 1
    DENSE = 2


class WeightsFormat(ByteEnum):
    """The order of FULLY_CONNECTED's weights."""

    DEFAULT = 0
    SHUFFLED4X16INT8 = 1


class LSTMKernelType(ByteEnum):
    """FULL has 20 or 24 inputs, BASIC five."""

    FULL = 0
    BASIC = 1


class CombinerType(ByteEnum):
    """How EMBEDDING_LOOKUP_SPARSE joins rows."""

    SUM = 0
    MEAN = 1
    SQRTN = 2


class MirrorPadMode(ByteEnum):
    """REFLECT leaves out the border's own value, SYMMETRIC repeats it."""

    REFLECT = 0
    SYMMETRIC = 1


class ReduceWindowFunction(IntegerEnum):
    """What REDUCE_WINDOW computes."""

    UNSUPPORTED = 0
    ADD = 1
    MUL = 2
    MINIMUM = 3
    MAXIMUM = 4
    ALL = 5
    ANY = 6


class CustomOptionsFormat(ByteEnum):
    """The encoding of a custom operator's options, as the file claims it: other encodings are common."""

    FLEXBUFFERS = 0


class ComparisonDirection(UnsignedEnum):
    """What STABLEHLO_COMPARE asks."""

    EQ = 0
    NE = 1
    GE = 2
    GT = 3
    LE = 4
    LT = 5


class ComparisonType(UnsignedEnum):
    """How STABLEHLO_COMPARE orders values."""

    NOTYPE = 0
    FLOAT = 1
    FLOAT_TOTAL_ORDER = 2
    SIGNED = 3
    UNSIGNED = 4


class RngAlgorithm(ByteEnum):
    """The generator of STABLEHLO_RNG_BIT_GENERATOR."""

    DEFAULT = 0
    PHILOX = 1
    THREEFRY = 2
