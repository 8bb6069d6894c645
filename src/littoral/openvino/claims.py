"""Which operators OpenVINO's reader of model files understands as LiteRT does.

Found by running each operator alone in both (tests/openvino/cases.py, and every kind of operator in the real models):
OpenVINO 2026.4. What is listed here agrees to rounding, and quantized operators to one step.
"""

from __future__ import annotations

from littoral.tflite import Operator, Subgraph, Tensor, TensorType
from littoral.tflite.enums import ActivationFunction
from littoral.tflite.operators import BUILTIN_CODES
from littoral.tflite.options.shape import ResizeNearestNeighborOptions

_UNDERSTOOD = """
    CONV_2D DEPTHWISE_CONV_2D TRANSPOSE_CONV CONV_3D AVERAGE_POOL_2D MAX_POOL_2D FULLY_CONNECTED BATCH_MATMUL
    ADD SUB MUL DIV MAXIMUM MINIMUM SQUARED_DIFFERENCE FLOOR_DIV FLOOR_MOD POW ADD_N
    EQUAL NOT_EQUAL LESS LESS_EQUAL GREATER GREATER_EQUAL LOGICAL_AND LOGICAL_OR LOGICAL_NOT SELECT SELECT_V2
    ABS NEG EXP LOG SQUARE SQRT RSQRT SIN COS FLOOR CEIL ROUND SIGN ZEROS_LIKE CAST QUANTIZE DEQUANTIZE
    TANH LOGISTIC RELU RELU6 RELU_0_TO_1 ELU HARD_SWISH LEAKY_RELU PRELU GELU SOFTMAX LOG_SOFTMAX L2_NORMALIZATION
    RESHAPE SQUEEZE EXPAND_DIMS TRANSPOSE PAD PADV2 MIRROR_PAD TILE CONCATENATION PACK UNPACK SPLIT SPLIT_V
    SPACE_TO_DEPTH DEPTH_TO_SPACE SPACE_TO_BATCH_ND BATCH_TO_SPACE_ND REVERSE_V2 REVERSE_SEQUENCE
    RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR SLICE STRIDED_SLICE GATHER GATHER_ND SCATTER_ND EMBEDDING_LOOKUP ONE_HOT
    TOPK_V2 ARG_MAX ARG_MIN MEAN SUM REDUCE_MAX REDUCE_MIN REDUCE_PROD REDUCE_ANY REDUCE_ALL CUMSUM
"""
UNDERSTOOD = frozenset(_UNDERSTOOD.split())
"""The operators that OpenVINO may have, as far as types and options allow."""

_TYPES = {TensorType.FLOAT32, TensorType.INT8, TensorType.UINT8, TensorType.INT32, TensorType.INT64, TensorType.BOOL}
_OTHERWISE_FUSED = {ActivationFunction.TANH, ActivationFunction.SIGN_BIT}


def objection(subgraph: Subgraph, operator: Operator) -> str:
    """Why OpenVINO should not have an operator; empty when it may."""
    if operator.name not in BUILTIN_CODES:
        return f"OpenVINO does not know the custom operator {operator.name}"
    if operator.name not in UNDERSTOOD:
        return f"OpenVINO's reader of model files does not know {operator.name}, or reads it otherwise"
    if getattr(operator.options, "fused_activation_function", None) in _OTHERWISE_FUSED:
        return f"OpenVINO fuses {operator.options.fused_activation_function.name} otherwise"  # type: ignore[union-attr]
    if isinstance(operator.options, ResizeNearestNeighborOptions) and operator.options.half_pixel_centers:
        return "OpenVINO rounds the half pixels of RESIZE_NEAREST_NEIGHBOR otherwise"
    for index in (*operator.inputs, *operator.outputs):
        if index >= 0 and (reason := _tensor_objection(subgraph.tensors[index])):
            return reason
    return ""


def _tensor_objection(tensor: Tensor) -> str:
    if tensor.sparsity is not None:
        return f"OpenVINO's reader does not unpack sparse weights ({tensor.name!r})"
    if tensor.quantization is not None and tensor.quantization.details is not None:
        return f"OpenVINO's reader does not know the quantization of {tensor.name!r}"
    if tensor.type is TensorType.INT16:
        return "OpenVINO computes int16 in floating point, without the precision that int16x8 is chosen for"
    if tensor.type in _TYPES or (tensor.type in (TensorType.FLOAT16, TensorType.INT4) and tensor.is_constant):
        return ""
    return f"OpenVINO takes no {tensor.type.name} here ({tensor.name!r})"
