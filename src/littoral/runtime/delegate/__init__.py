"""TFLite delegates written in Python: an accelerator says which operators it takes, and makes kernels that run them.

See docs/delegates.md. The runtime calls Python through ctypes: no C++ is built.
"""

from littoral.runtime.delegate.base import Array, Delegate, Kernel
from littoral.runtime.delegate.failures import RefusalError
from littoral.runtime.delegate.native import Attachment, live_kernels
from littoral.runtime.delegate.partition import Partition
from littoral.runtime.delegate.placement import OperatorPlacement, Placement, Plan, plan
from littoral.runtime.delegate.plugins import installed, make
from littoral.runtime.delegate.regions import Region, regions
from littoral.runtime.delegate.selftest import check_runtime
from littoral.runtime.delegate.session import Session, attach

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
    "attach",
    "check_runtime",
    "installed",
    "live_kernels",
    "make",
    "plan",
    "regions",
]
