"""Options of recurrent cells and sequences."""

from littoral.tflite.enums import ActivationFunction, LSTMKernelType
from littoral.tflite.wire import F32, I32, Table


class SVDFOptions(Table):
    """Of SVDF."""

    rank: I32 = 0
    fused_activation_function: ActivationFunction = ActivationFunction.NONE
    asymmetric_quantize_inputs: bool = False


class RNNOptions(Table):
    """Of RNN."""

    fused_activation_function: ActivationFunction = ActivationFunction.NONE
    asymmetric_quantize_inputs: bool = False


class SequenceRNNOptions(Table):
    """Of UNIDIRECTIONAL_SEQUENCE_RNN."""

    time_major: bool = False
    fused_activation_function: ActivationFunction = ActivationFunction.NONE
    asymmetric_quantize_inputs: bool = False


class BidirectionalSequenceRNNOptions(Table):
    """Of BIDIRECTIONAL_SEQUENCE_RNN."""

    time_major: bool = False
    fused_activation_function: ActivationFunction = ActivationFunction.NONE
    merge_outputs: bool = False
    asymmetric_quantize_inputs: bool = False


class LSTMOptions(Table):
    """Of LSTM."""

    fused_activation_function: ActivationFunction = ActivationFunction.NONE
    cell_clip: F32 = 0.0
    proj_clip: F32 = 0.0
    kernel_type: LSTMKernelType = LSTMKernelType.FULL
    asymmetric_quantize_inputs: bool = False


class UnidirectionalSequenceLSTMOptions(Table):
    """Of UNIDIRECTIONAL_SEQUENCE_LSTM."""

    fused_activation_function: ActivationFunction = ActivationFunction.NONE
    cell_clip: F32 = 0.0
    proj_clip: F32 = 0.0
    time_major: bool = False
    asymmetric_quantize_inputs: bool = False
    diagonal_recurrent_tensors: bool = False


class BidirectionalSequenceLSTMOptions(Table):
    """Of BIDIRECTIONAL_SEQUENCE_LSTM."""

    fused_activation_function: ActivationFunction = ActivationFunction.NONE
    cell_clip: F32 = 0.0
    proj_clip: F32 = 0.0
    merge_outputs: bool = False
    time_major: bool = True
    asymmetric_quantize_inputs: bool = False
