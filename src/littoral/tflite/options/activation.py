"""Options of activations and normalisations."""

from littoral.tflite.enums import ActivationFunction
from littoral.tflite.wire import F32, I32, Table


class SoftmaxOptions(Table):
    """Of SOFTMAX."""

    beta: F32 = 0.0


class LogSoftmaxOptions(Table):
    """Of LOG_SOFTMAX."""


class LeakyReluOptions(Table):
    """Of LEAKY_RELU."""

    alpha: F32 = 0.0


class HardSwishOptions(Table):
    """Of HARD_SWISH."""


class GeluOptions(Table):
    """Of GELU."""

    approximate: bool = False


class L2NormOptions(Table):
    """Of L2_NORMALIZATION."""

    fused_activation_function: ActivationFunction = ActivationFunction.NONE


class LocalResponseNormalizationOptions(Table):
    """Of LOCAL_RESPONSE_NORMALIZATION."""

    radius: I32 = 0
    bias: F32 = 0.0
    alpha: F32 = 0.0
    beta: F32 = 0.0
