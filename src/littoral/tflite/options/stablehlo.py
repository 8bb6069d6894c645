"""Options of StableHLO operators."""

from littoral.tflite.enums import ComparisonDirection, ComparisonType, CustomOptionsFormat, RngAlgorithm
from littoral.tflite.wire import I32, I64, Bools, Data, Ints, Longs, Table, UInts


class StablehloGatherOptions(Table):
    """Of STABLEHLO_GATHER."""

    offset_dims: Longs = ()
    collapsed_slice_dims: Longs = ()
    start_index_map: Longs = ()
    index_vector_dim: I64 = 0
    slice_sizes: Longs = ()
    indices_are_sorted: bool = False


class StablehloTransposeOptions(Table):
    """Of STABLEHLO_TRANSPOSE."""

    permutation: Longs = ()


class StablehloDotGeneralOptions(Table):
    """Of STABLEHLO_DOT_GENERAL."""

    lhs_batching_dimensions: Longs = ()
    rhs_batching_dimensions: Longs = ()
    lhs_contracting_dimensions: Longs = ()
    rhs_contracting_dimensions: Longs = ()
    precision_config: UInts = ()


class StablehloReduceWindowOptions(Table):
    """Of STABLEHLO_REDUCE_WINDOW."""

    window_dimensions: Longs = ()
    window_strides: Longs = ()
    base_dilations: Longs = ()
    window_dilations: Longs = ()
    padding: Longs = ()
    body_subgraph_index: I32 = 0


class StablehloWhileOptions(Table):
    """Of STABLEHLO_WHILE."""

    cond_subgraph_index: I32 = 0
    body_subgraph_index: I32 = 0


class StablehloSortOptions(Table):
    """Of STABLEHLO_SORT."""

    dimension: I64 = 0
    is_stable: bool = False
    comparator_subgraph_index: I32 = 0


class StablehloConcatenateOptions(Table):
    """Of STABLEHLO_CONCATENATE."""

    dimension: I64 = 0


class StablehloBroadcastInDimOptions(Table):
    """Of STABLEHLO_BROADCAST_IN_DIM."""

    broadcast_dimensions: Longs = ()


class StablehloCompareOptions(Table):
    """Of STABLEHLO_COMPARE."""

    comparison_direction: ComparisonDirection = ComparisonDirection.EQ
    compare_type: ComparisonType = ComparisonType.NOTYPE


class StablehloDynamicSliceOptions(Table):
    """Of STABLEHLO_DYNAMIC_SLICE."""

    slice_sizes: Longs = ()


class StablehloPadOptions(Table):
    """Of STABLEHLO_PAD."""

    edge_padding_low: Longs = ()
    edge_padding_high: Longs = ()
    interior_padding: Longs = ()


class StablehloIotaOptions(Table):
    """Of STABLEHLO_IOTA."""

    iota_dimension: I64 = 0


class StablehloCustomCallOptions(Table):
    """Of STABLEHLO_CUSTOM_CALL."""

    call_target_name: str = ""
    has_side_effect: bool = False
    backend_config: str = ""
    api_version: I32 = 0
    called_computations: Ints = ()
    custom_attributes: Data = b""


class StablehloReduceOptions(Table):
    """Of STABLEHLO_REDUCE."""

    dimensions: Longs = ()
    body_subgraph_index: I32 = 0


class StablehloSliceOptions(Table):
    """Of STABLEHLO_SLICE."""

    start_indices: Longs = ()
    limit_indices: Longs = ()
    strides: Longs = ()


class StablehloConvolutionOptions(Table):
    """Of STABLEHLO_CONVOLUTION."""

    window_strides: Longs = ()
    padding: Longs = ()
    lhs_dilation: Longs = ()
    rhs_dilation: Longs = ()
    window_reversal: Bools = ()
    input_batch_dimension: I64 = 0
    input_feature_dimension: I64 = 0
    input_spatial_dimensions: Longs = ()
    kernel_input_feature_dimension: I64 = 0
    kernel_output_feature_dimension: I64 = 0
    kernel_spatial_dimensions: Longs = ()
    output_batch_dimension: I64 = 0
    output_feature_dimension: I64 = 0
    output_spatial_dimensions: Longs = ()
    feature_group_count: I64 = 0
    batch_group_count: I64 = 0
    precision_config: UInts = ()


class StablehloScatterOptions(Table):
    """Of STABLEHLO_SCATTER."""

    indices_are_sorted: bool = False
    update_window_dims: Longs = ()
    inserted_window_dims: Longs = ()
    scatter_dims_to_operand_dims: Longs = ()
    index_vector_dim: I64 = 0
    unique_indices: bool = False
    update_computation_subgraph_index: I32 = 0


class StablehloCaseOptions(Table):
    """Of STABLEHLO_CASE."""

    branch_subgraph_indices: Ints = ()


class StablehloRngBitGeneratorOptions(Table):
    """Of STABLEHLO_RNG_BIT_GENERATOR."""

    algorithm: RngAlgorithm = RngAlgorithm.DEFAULT


class StableHLOCompositeOptions(Table):
    """Of STABLEHLO_COMPOSITE."""

    name: str = ""
    decomposition_subgraph_index: I32 = 0
    composite_attributes: Data = b""
    composite_attributes_format: CustomOptionsFormat = CustomOptionsFormat.FLEXBUFFERS
    version: I32 = 0


class StablehloShiftLeftOptions(Table):
    """Of STABLEHLO_SHIFT_LEFT."""
