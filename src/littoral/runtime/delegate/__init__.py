"""TFLite delegates written in Python: an accelerator says which operators it takes, and makes kernels that run them.

See docs/delegates.md. The runtime calls Python through ctypes: no C++ is built.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from littoral.runtime.delegate.base import Array, Delegate, Kernel
from littoral.runtime.delegate.failures import RefusalError
from littoral.runtime.delegate.partition import Partition
from littoral.runtime.delegate.placement import OperatorPlacement, Placement, Plan, plan
from littoral.runtime.delegate.regions import Region, regions

if TYPE_CHECKING:
    from littoral.runtime.delegate.native import Attachment, live_kernels
    from littoral.runtime.delegate.plugins import installed, make
    from littoral.runtime.delegate.selftest import check_runtime
    from littoral.runtime.delegate.session import Session, attach
    from littoral.runtime.delegate.vendor import VendorDelegate

__all__ = [
    "Array",
    "Attachment",
    "Delegate",
    "Kernel",
    "OperatorPlacement",
    "Partition",
    "Placement",
    "Plan",
    "RefusalError",
    "Region",
    "Session",
    "VendorDelegate",
    "attach",
    "check_runtime",
    "installed",
    "live_kernels",
    "make",
    "plan",
    "regions",
]

_LATER = {  # what only a model with a delegate needs; without one, a program starts sooner
    "Attachment": "native",
    "Session": "session",
    "VendorDelegate": "vendor",
    "attach": "session",
    "check_runtime": "selftest",
    "installed": "plugins",
    "live_kernels": "native",
    "make": "plugins",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'littoral.runtime.delegate' has no attribute {name!r}")
    return getattr(import_module(f"littoral.runtime.delegate.{_LATER[name]}"), name)
