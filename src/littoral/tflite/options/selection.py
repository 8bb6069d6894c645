"""Options of slices, gathers, scatters and searches."""

from littoral.tflite.enums import TensorType
from littoral.tflite.wire import I32, Float32Array, Table, empty


class SliceOptions(Table):
    """Of SLICE."""


class StridedSliceOptions(Table):
    """Of STRIDED_SLICE."""

    begin_mask: I32 = 0
    end_mask: I32 = 0
    ellipsis_mask: I32 = 0
    new_axis_mask: I32 = 0
    shrink_axis_mask: I32 = 0
    offset: bool = False


class GatherOptions(Table):
    """Of GATHER."""

    axis: I32 = 0
    batch_dims: I32 = 0


class GatherNdOptions(Table):
    """Of GATHER_ND."""


class ScatterNdOptions(Table):
    """Of SCATTER_ND."""


class SparseToDenseOptions(Table):
    """Of SPARSE_TO_DENSE."""

    validate_indices: bool = False


class OneHotOptions(Table):
    """Of ONE_HOT."""

    axis: I32 = 0


class TopKV2Options(Table):
    """Of TOPK_V2."""


class WhereOptions(Table):
    """Of WHERE."""


class UniqueOptions(Table):
    """Of UNIQUE."""

    idx_out_type: TensorType = TensorType.INT32


class DynamicUpdateSliceOptions(Table):
    """Of DYNAMIC_UPDATE_SLICE."""


class NonMaxSuppressionV4Options(Table):
    """Of NON_MAX_SUPPRESSION_V4."""


class NonMaxSuppressionV5Options(Table):
    """Of NON_MAX_SUPPRESSION_V5."""


class BucketizeOptions(Table):
    """Of BUCKETIZE."""

    boundaries: Float32Array = empty("<f4")
