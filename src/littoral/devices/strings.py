"""Device strings: `name[:option...]`, and `|` between devices for an explicit order of fallback.

cpu    cpu:fp16    openvino:bf16    webnn:openvino:bf16    coral:usb:0|cpu    auto
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from littoral.errors import DeviceError

_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_OPTION = re.compile(r"[A-Za-z0-9_.=/-]+")


@dataclass(frozen=True)
class Device:
    """One place to run.

    Attributes:
        name: Lower case, as in "cpu".
        options: What followed it, as in ("fp16",). What they mean is the device's business.
    """

    name: str
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ":".join((self.name, *self.options))


def parse(text: str) -> tuple[Device, ...]:
    """The devices of a device string in the order in which they are to be tried; at least one.

    Raises:
        DeviceError: It is not a device string. Whether the devices exist is for the caller to find out.
    """
    devices = tuple(_device(part.strip(), text) for part in text.split("|"))
    doubles = {str(device) for device in devices if devices.count(device) > 1}
    if doubles:
        raise DeviceError(f"the device string {text!r} has {doubles.pop()} twice", "Name each device once")
    return devices


def _device(part: str, text: str) -> Device:
    name, *options = part.split(":")
    if not _NAME.fullmatch(name.lower()) or not all(map(_OPTION.fullmatch, options)):
        raise DeviceError(
            f"{text!r} is not a device string" + (f": {part!r} cannot be read" if part != text else ""),
            "Write name[:option...], and | for an order of fallback, as in: cpu, openvino:bf16, coral:usb:0|cpu",
        )
    return Device(name.lower(), tuple(options))
