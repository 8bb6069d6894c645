"""Loads a model file on a device, runs it, frees it."""

from littoral.runtime.contract import contract_of, contract_or_default, embed
from littoral.runtime.delegate.base import Delegate
from littoral.runtime.fallback import FallbackWarning
from littoral.runtime.lifetime import Memory, memory, scope
from littoral.runtime.model import Model, load
from littoral.runtime.names import main_inputs, main_outputs
from littoral.runtime.places import DEVICES
from littoral.runtime.signature import Signature
from littoral.runtime.tensors import TensorInfo
from littoral.runtime.worker.isolation import Isolation

__all__ = [
    "DEVICES",
    "Delegate",
    "FallbackWarning",
    "Isolation",
    "Memory",
    "Model",
    "Signature",
    "TensorInfo",
    "contract_of",
    "contract_or_default",
    "embed",
    "load",
    "main_inputs",
    "main_outputs",
    "memory",
    "scope",
]
