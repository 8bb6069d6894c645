"""Options of arithmetic, logic and comparisons, element by element."""

from littoral.tflite.enums import ActivationFunction
from littoral.tflite.wire import Table


class AddOptions(Table):
    """Of ADD."""

    fused_activation_function: ActivationFunction = ActivationFunction.NONE
    pot_scale_int16: bool = True


class SubOptions(Table):
    """Of SUB."""

    fused_activation_function: ActivationFunction = ActivationFunction.NONE
    pot_scale_int16: bool = True


class MulOptions(Table):
    """Of MUL."""

    fused_activation_function: ActivationFunction = ActivationFunction.NONE


class DivOptions(Table):
    """Of DIV."""

    fused_activation_function: ActivationFunction = ActivationFunction.NONE


class FloorDivOptions(Table):
    """Of FLOOR_DIV."""


class FloorModOptions(Table):
    """Of FLOOR_MOD."""


class PowOptions(Table):
    """Of POW."""


class SquaredDifferenceOptions(Table):
    """Of SQUARED_DIFFERENCE."""


class MaximumMinimumOptions(Table):
    """Of MAXIMUM and MINIMUM."""


class AddNOptions(Table):
    """Of ADD_N."""


class ATan2Options(Table):
    """Of ATAN2."""


class AbsOptions(Table):
    """Of ABS."""


class NegOptions(Table):
    """Of NEG."""


class ExpOptions(Table):
    """Of EXP."""


class CosOptions(Table):
    """Of COS."""


class SquareOptions(Table):
    """Of SQUARE."""


class SignOptions(Table):
    """Of SIGN."""


class ZerosLikeOptions(Table):
    """Of ZEROS_LIKE."""


class BitwiseXorOptions(Table):
    """Of BITWISE_XOR."""


class RightShiftOptions(Table):
    """Of RIGHT_SHIFT."""


class LogicalOrOptions(Table):
    """Of LOGICAL_OR."""


class LogicalAndOptions(Table):
    """Of LOGICAL_AND."""


class LogicalNotOptions(Table):
    """Of LOGICAL_NOT."""


class EqualOptions(Table):
    """Of EQUAL."""


class NotEqualOptions(Table):
    """Of NOT_EQUAL."""


class GreaterOptions(Table):
    """Of GREATER."""


class GreaterEqualOptions(Table):
    """Of GREATER_EQUAL."""


class LessOptions(Table):
    """Of LESS."""


class LessEqualOptions(Table):
    """Of LESS_EQUAL."""


class SelectOptions(Table):
    """Of SELECT."""


class SelectV2Options(Table):
    """Of SELECT_V2."""
