"""Pretended machines by umockdev: what it is told, and programs that see them in place of the real one."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

IDS = {"dfu": (0x1A6E, 0x089A), "app": (0x18D1, 0x9302), "hub": (0x05E3, 0x0610)}


@dataclass(frozen=True)
class Usb:
    """A USB device at a port such as "2-1.3"; hubs on the way are made."""

    port: str
    what: Literal["dfu", "app", "hub"] = "app"
    speed: int = 5000


@dataclass(frozen=True)
class Pci:
    """A chip with its driver: apex_N at 0000:0N:00.0."""

    number: int
    more: str = ""


def description(devices: Sequence[Usb | Pci]) -> str:
    """The machine in umockdev's words."""
    usb = {device.port: device for device in devices if isinstance(device, Usb)}
    for port in list(usb):
        while "." in port:
            port = port.rpartition(".")[0]
            usb.setdefault(port, Usb(port, "hub"))
    numbered = enumerate(sorted(usb.values(), key=lambda device: device.port), start=2)
    return "\n".join([*(_usb(device, number) for number, device in numbered), *map(_pci, _only_pci(devices))])


def run(folder: Path, devices: Sequence[Usb | Pci], script: str, *arguments: str) -> Any:
    """What a Python script prints as JSON on a machine that has the devices."""
    if shutil.which("umockdev-run") is None:
        pytest.skip("umockdev is not installed")
    file = folder / "machine.umockdev"
    file.write_text(description(devices))
    command = ["umockdev-run", "-d", str(file), "--", sys.executable, "-c", script, *arguments]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True, timeout=60).stdout)


def _only_pci(devices: Sequence[Usb | Pci]) -> list[Pci]:
    return [device for device in devices if isinstance(device, Pci)]


def _usb(device: Usb, number: int) -> str:
    vendor, product = IDS[device.what]
    bus, _, ports = device.port.partition("-")
    steps = ports.split(".")
    way = "/".join(f"{bus}-{'.'.join(steps[: depth + 1])}" for depth in range(len(steps)))
    interface = struct.pack("<9B", 9, 4, 0, 0, 0, 255, 255, 255, 0)
    configuration = struct.pack("<BBHBBBBB", 9, 2, 9 + len(interface), 1, 1, 0, 0x80, 112) + interface
    first = struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x310, 0, 0, 0, 9, vendor, product, 0x100, 0, 0, 0, 1)
    descriptors = (first + configuration).hex().upper()
    node = f"bus/usb/{int(bus):03d}/{number:03d}"
    return f"""P: /devices/pci0000:00/0000:00:{0x14 - int(bus):02x}.0/usb{bus}/{way}
N: {node}={descriptors}
E: BUSNUM={int(bus):03d}
E: DEVNUM={number:03d}
E: DEVNAME=/dev/{node}
E: DEVTYPE=usb_device
E: DRIVER=usb
E: MAJOR=189
E: MINOR={(int(bus) - 1) * 128 + number - 1}
E: SUBSYSTEM=usb
A: bConfigurationValue=1\\n
A: busnum={bus}\\n
A: devnum={number}\\n
A: idVendor={vendor:04x}\\n
A: idProduct={product:04x}\\n
A: speed={device.speed}\\n
H: descriptors={descriptors}
"""


def _pci(chip: Pci) -> str:
    address = f"0000:{chip.number + 1:02x}:00.0"
    way = f"/devices/pci0000:00/0000:00:1c.{chip.number}/{address}"
    return f"""P: {way}
E: DRIVER=apex
E: PCI_ID=1AC1:089A
E: PCI_SLOT_NAME={address}
E: SUBSYSTEM=pci
A: vendor=0x1ac1\\n
A: device=0x089a\\n

P: {way}/apex/apex_{chip.number}
N: apex_{chip.number}
E: DEVNAME=/dev/apex_{chip.number}
E: MAJOR=120
E: MINOR={chip.number}
E: SUBSYSTEM=apex
A: temp=44800\\n
A: status=ALIVE\\n
A: driver_version=1.2\\n
A: framework_version=1.1.4\\n
A: trip_point0_temp=85050\\n
"""
