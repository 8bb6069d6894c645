"""Options of matrix products and embeddings."""

from littoral.tflite.enums import ActivationFunction, CombinerType, LSHProjectionType, TensorType, WeightsFormat
from littoral.tflite.wire import I32, Data, Ints, Table


class FullyConnectedOptions(Table):
    """Of FULLY_CONNECTED."""

    fused_activation_function: ActivationFunction = ActivationFunction.NONE
    weights_format: WeightsFormat = WeightsFormat.DEFAULT
    keep_num_dims: bool = False
    asymmetric_quantize_inputs: bool = False
    quantized_bias_type: TensorType = TensorType.FLOAT32
    quant_spec: Data = b""


class BatchMatMulOptions(Table):
    """Of BATCH_MATMUL."""

    adj_x: bool = False
    adj_y: bool = False
    asymmetric_quantize_inputs: bool = False


class ConcatEmbeddingsOptions(Table):
    """Of CONCAT_EMBEDDINGS."""

    num_channels: I32 = 0
    num_columns_per_channel: Ints = ()
    embedding_dim_per_channel: Ints = ()


class EmbeddingLookupSparseOptions(Table):
    """Of EMBEDDING_LOOKUP_SPARSE."""

    combiner: CombinerType = CombinerType.SUM


class LSHProjectionOptions(Table):
    """Of LSH_PROJECTION."""

    type: LSHProjectionType = LSHProjectionType.UNKNOWN


class SkipGramOptions(Table):
    """Of SKIP_GRAM."""

    ngram_size: I32 = 0
    max_skip_size: I32 = 0
    include_all_ngrams: bool = False
