"""Options of shapes: reshaping, padding, joining, splitting, resizing."""

from littoral.tflite.enums import ActivationFunction, MirrorPadMode, TensorType
from littoral.tflite.wire import I32, Ints, Table


class ReshapeOptions(Table):
    """Of RESHAPE."""

    new_shape: Ints = ()


class SqueezeOptions(Table):
    """Of SQUEEZE."""

    squeeze_dims: Ints = ()


class ExpandDimsOptions(Table):
    """Of EXPAND_DIMS."""


class ShapeOptions(Table):
    """Of SHAPE."""

    out_type: TensorType = TensorType.FLOAT32


class RankOptions(Table):
    """Of RANK."""


class TransposeOptions(Table):
    """Of TRANSPOSE."""


class PadOptions(Table):
    """Of PAD."""


class PadV2Options(Table):
    """Of PADV2."""


class MirrorPadOptions(Table):
    """Of MIRROR_PAD."""

    mode: MirrorPadMode = MirrorPadMode.REFLECT


class TileOptions(Table):
    """Of TILE."""


class BroadcastToOptions(Table):
    """Of BROADCAST_TO."""


class ConcatenationOptions(Table):
    """Of CONCATENATION."""

    axis: I32 = 0
    fused_activation_function: ActivationFunction = ActivationFunction.NONE


class PackOptions(Table):
    """Of PACK."""

    values_count: I32 = 0
    axis: I32 = 0


class UnpackOptions(Table):
    """Of UNPACK."""

    num: I32 = 0
    axis: I32 = 0


class SplitOptions(Table):
    """Of SPLIT."""

    num_splits: I32 = 0


class SplitVOptions(Table):
    """Of SPLIT_V."""

    num_splits: I32 = 0


class SpaceToDepthOptions(Table):
    """Of SPACE_TO_DEPTH."""

    block_size: I32 = 0


class DepthToSpaceOptions(Table):
    """Of DEPTH_TO_SPACE."""

    block_size: I32 = 0


class SpaceToBatchNDOptions(Table):
    """Of SPACE_TO_BATCH_ND."""


class BatchToSpaceNDOptions(Table):
    """Of BATCH_TO_SPACE_ND."""


class ResizeBilinearOptions(Table):
    """Of RESIZE_BILINEAR."""

    skipped_slots = (0, 1)  # the new size, in the oldest files: it is an input now
    align_corners: bool = False
    half_pixel_centers: bool = False


class ResizeNearestNeighborOptions(Table):
    """Of RESIZE_NEAREST_NEIGHBOR."""

    align_corners: bool = False
    half_pixel_centers: bool = False


class ReverseV2Options(Table):
    """Of REVERSE_V2."""


class ReverseSequenceOptions(Table):
    """Of REVERSE_SEQUENCE."""

    seq_dim: I32 = 0
    batch_dim: I32 = 0


class DilateOptions(Table):
    """Of DILATE."""


class MatrixDiagOptions(Table):
    """Of MATRIX_DIAG."""


class MatrixSetDiagOptions(Table):
    """Of MATRIX_SET_DIAG."""
