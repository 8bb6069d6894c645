"""Wasm functions with wasi-nn: their life cycle, their store and their gateway."""

from littoral.functions.calls import F32, I64, host_call
from littoral.functions.errors import FunctionError, ManifestError, ModuleError

__all__ = ["F32", "I64", "FunctionError", "ManifestError", "ModuleError", "host_call"]
