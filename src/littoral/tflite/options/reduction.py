"""Options of reductions."""

from littoral.tflite.enums import ReduceWindowFunction, TensorType
from littoral.tflite.wire import Table


class ReducerOptions(Table):
    """Of MEAN, SUM, REDUCE_PROD, REDUCE_MAX, REDUCE_MIN, REDUCE_ANY and REDUCE_ALL."""

    keep_dims: bool = False


class ArgMaxOptions(Table):
    """Of ARG_MAX."""

    output_type: TensorType = TensorType.FLOAT32


class ArgMinOptions(Table):
    """Of ARG_MIN."""

    output_type: TensorType = TensorType.FLOAT32


class CumsumOptions(Table):
    """Of CUMSUM."""

    exclusive: bool = False
    reverse: bool = False


class SegmentSumOptions(Table):
    """Of SEGMENT_SUM."""


class UnsortedSegmentProdOptions(Table):
    """Of UNSORTED_SEGMENT_PROD."""


class UnsortedSegmentMaxOptions(Table):
    """Of UNSORTED_SEGMENT_MAX."""


class UnsortedSegmentMinOptions(Table):
    """Of UNSORTED_SEGMENT_MIN."""


class UnsortedSegmentSumOptions(Table):
    """Of UNSORTED_SEGMENT_SUM."""


class ReduceWindowOptions(Table):
    """Of REDUCE_WINDOW."""

    reduce_function: ReduceWindowFunction = ReduceWindowFunction.UNSUPPORTED


class Rfft2dOptions(Table):
    """Of RFFT2D."""
