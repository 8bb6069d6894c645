"""Options of changes of type and made-up values."""

from littoral.tflite.enums import TensorType
from littoral.tflite.wire import F32, I32, I64, Table


class CastOptions(Table):
    """Of CAST."""

    in_data_type: TensorType = TensorType.FLOAT32
    out_data_type: TensorType = TensorType.FLOAT32


class BitcastOptions(Table):
    """Of BITCAST."""


class QuantizeOptions(Table):
    """Of QUANTIZE."""


class DequantizeOptions(Table):
    """Of DEQUANTIZE."""


class FakeQuantOptions(Table):
    """Of FAKE_QUANT."""

    min: F32 = 0.0
    max: F32 = 0.0
    num_bits: I32 = 0
    narrow_range: bool = False


class DensifyOptions(Table):
    """Of DENSIFY."""


class FillOptions(Table):
    """Of FILL."""


class RangeOptions(Table):
    """Of RANGE."""


class RandomOptions(Table):
    """Of RANDOM_UNIFORM, RANDOM_STANDARD_NORMAL and MULTINOMIAL."""

    seed: I64 = 0
    seed2: I64 = 0
