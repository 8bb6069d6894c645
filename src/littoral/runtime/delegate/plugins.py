"""Accelerators that pip installed: the entry-point group `littoral.devices`.

An entry point's name is the device's name, and its object is called with the options of the device string: for
"mine:fast:2" with "fast" and "2". It returns a Delegate or a VendorDelegate; so a subclass of those whose `__init__`
takes them will do. The object may have attributes:

isolated   true: models run in processes of their own
exclusive  true: a model has one engine at a time, however many threads call it
devices    a function that gives the device strings which tuning should try on this machine
only_here  {custom operator: (what a model with it is, what to do with it elsewhere)}: other devices refuse it in these
           words, as in {"edgetpu-custom-op": ("is compiled for the Edge TPU", "Give the model file that ...")}
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from littoral.devices import Device
from littoral.errors import DeviceError, LittoralError
from littoral.runtime.delegate.base import Delegate
from littoral.runtime.delegate.failures import calling
from littoral.runtime.delegate.vendor import VendorDelegate

GROUP = "littoral.devices"


def installed() -> dict[str, EntryPoint]:
    """The accelerators that are installed, by device name. None is imported."""
    return {point.name: point for point in entry_points(group=GROUP)}


def plugin(name: str) -> Any:
    """What the entry point of a device names.

    Raises:
        DeviceError: No such accelerator is installed, or it cannot be imported.
    """
    points = installed()
    if name not in points:
        there = ", ".join(sorted(points)) or "none"
        raise DeviceError(f"no accelerator {name!r} is installed", f"Installed accelerators: {there}")
    with calling(name, f"import of {points[name].value}"):
        return points[name].load()


def plugins() -> Iterator[tuple[str, Any]]:
    """All that can be imported, by name."""
    for name in sorted(installed()):
        try:
            yield name, plugin(name)
        except LittoralError:
            continue


def make(device: Device) -> Delegate | VendorDelegate:
    """The delegate of a device.

    Raises:
        DeviceError: No such accelerator is installed, it cannot be imported, or it refuses the options.
    """
    factory = plugin(device.name)
    with calling(device.name, f"making the delegate of {str(device)!r}"):
        delegate = factory(*device.options)
    if not isinstance(delegate, Delegate | VendorDelegate):
        raise DeviceError(
            f"{installed()[device.name].value} made a {type(delegate).__name__} for device {str(device)!r}",
            f"An entry point of {GROUP} returns a Delegate or VendorDelegate of littoral.runtime.delegate",
        )
    return delegate
