"""What went wrong while a model ran, counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class DeviceFaults:
    """What went wrong on one device.

    Attributes:
        crashes: Workers that died.
        hangs: Workers that did not answer in time, or showed no sign of life, and were ended.
        errors: That the device reported, in a call or when it was to be opened again.
        restarts: Workers that were started in place of others.
    """

    crashes: int = 0
    hangs: int = 0
    errors: int = 0
    restarts: int = 0


@dataclass(frozen=True)
class Faults:
    """What went wrong since a model was loaded, on whichever devices it was.

    Attributes:
        devices: By device string; only those where something did.
        failed: Calls that ended in an error of a device.
        rescued: Calls that another device answered, as the device string says.
    """

    devices: Mapping[str, DeviceFaults] = field(default_factory=dict)
    failed: int = 0
    rescued: int = 0
