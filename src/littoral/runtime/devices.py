"""Device strings: where a model runs."""

from __future__ import annotations

from littoral.errors import DeviceError

DEVICES = {
    "cpu": "all of the processor: XNNPACK and LiteRT's optimised kernels",
    "cpu:reference": "LiteRT's reference kernels: slow, and what other implementations are measured against",
}


def parse(device: str) -> str:
    """The device in its one spelling.

    Args:
        device: Upper or lower case, with or without spaces around it.

    Raises:
        DeviceError: There is no such device; the error lists those that there are.
    """
    name = device.strip().lower()
    if name not in DEVICES:
        raise DeviceError(f"there is no device {device!r}", f"Accepted: {', '.join(DEVICES)}")
    return name
