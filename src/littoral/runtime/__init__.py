"""Loads a model file on a device, runs it, frees it."""

from littoral.runtime.contract import contract_of, contract_or_default, embed
from littoral.runtime.devices import DEVICES
from littoral.runtime.model import Model, Signature, load
from littoral.runtime.names import main_inputs, main_outputs
from littoral.runtime.tensors import TensorInfo

__all__ = [
    "DEVICES",
    "Model",
    "Signature",
    "TensorInfo",
    "contract_of",
    "contract_or_default",
    "embed",
    "load",
    "main_inputs",
    "main_outputs",
]
