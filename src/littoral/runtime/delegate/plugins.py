"""Accelerators that pip installed: the entry-point group `littoral.devices`.

An entry point's name is the device's name, and its object is called with the options of the device string: for
"mine:fast:2" with "fast" and "2". It returns a Delegate; so a subclass of Delegate whose `__init__` takes them will do.
The object may have two attributes: `isolated` (true: models run in processes of their own) and `devices` (a function
that gives the device strings which tuning should try on this machine).
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from littoral.devices import Device
from littoral.errors import DeviceError
from littoral.runtime.delegate.base import Delegate
from littoral.runtime.delegate.failures import calling

GROUP = "littoral.devices"


def installed() -> dict[str, EntryPoint]:
    """The accelerators that are installed, by device name. None is imported."""
    return {point.name: point for point in entry_points(group=GROUP)}


def make(device: Device) -> Delegate:
    """The delegate of a device.

    Raises:
        DeviceError: No such accelerator is installed, it cannot be imported, or it refuses the options.
    """
    points = installed()
    if device.name not in points:
        there = ", ".join(sorted(points)) or "none"
        raise DeviceError(f"no accelerator {device.name!r} is installed", f"Installed accelerators: {there}")
    point = points[device.name]
    with calling(device.name, f"import of {point.value}"):
        factory = point.load()
    with calling(device.name, f"making the delegate of {str(device)!r}"):
        delegate = factory(*device.options)
    if not isinstance(delegate, Delegate):
        raise DeviceError(
            f"{point.value} made a {type(delegate).__name__} for device {str(device)!r}",
            f"An entry point of {GROUP} returns a littoral.runtime.delegate.Delegate",
        )
    return delegate
