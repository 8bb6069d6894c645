"""The OpenVINO delegate: large parts of a model file run by OpenVINO, in the precision that is asked for.

Device strings: `openvino[:f32|bf16|f16][:CPU|GPU|NPU]`.
"""

from littoral.openvino.delegate import OpenVINO
from littoral.openvino.inventory import Unit, describe
from littoral.openvino.options import PRECISIONS, Options

__all__ = ["PRECISIONS", "OpenVINO", "Options", "Unit", "describe"]
