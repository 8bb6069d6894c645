"""Options of convolutions and pooling."""

from littoral.tflite.enums import ActivationFunction, Padding, TensorType
from littoral.tflite.wire import I32, Table


class Conv2DOptions(Table):
    """Of CONV_2D."""

    padding: Padding = Padding.SAME
    stride_w: I32 = 0
    stride_h: I32 = 0
    fused_activation_function: ActivationFunction = ActivationFunction.NONE
    dilation_w_factor: I32 = 1
    dilation_h_factor: I32 = 1
    quantized_bias_type: TensorType = TensorType.FLOAT32


class Conv3DOptions(Table):
    """Of CONV_3D and CONV_3D_TRANSPOSE."""

    padding: Padding = Padding.SAME
    stride_d: I32 = 0
    stride_w: I32 = 0
    stride_h: I32 = 0
    fused_activation_function: ActivationFunction = ActivationFunction.NONE
    dilation_d_factor: I32 = 1
    dilation_w_factor: I32 = 1
    dilation_h_factor: I32 = 1


class DepthwiseConv2DOptions(Table):
    """Of DEPTHWISE_CONV_2D."""

    padding: Padding = Padding.SAME
    stride_w: I32 = 0
    stride_h: I32 = 0
    depth_multiplier: I32 = 0
    fused_activation_function: ActivationFunction = ActivationFunction.NONE
    dilation_w_factor: I32 = 1
    dilation_h_factor: I32 = 1


class TransposeConvOptions(Table):
    """Of TRANSPOSE_CONV."""

    padding: Padding = Padding.SAME
    stride_w: I32 = 0
    stride_h: I32 = 0
    fused_activation_function: ActivationFunction = ActivationFunction.NONE
    quantized_bias_type: TensorType = TensorType.FLOAT32


class Pool2DOptions(Table):
    """Of AVERAGE_POOL_2D, MAX_POOL_2D and L2_POOL_2D."""

    padding: Padding = Padding.SAME
    stride_w: I32 = 0
    stride_h: I32 = 0
    filter_width: I32 = 0
    filter_height: I32 = 0
    fused_activation_function: ActivationFunction = ActivationFunction.NONE
